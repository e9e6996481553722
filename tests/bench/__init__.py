"""What the system's promises cost: figures, each beside its baseline of the same run.

`python -m bench NAME` with this folder's parent on the path, or `make bench` for all. A report, never a
test: no figure fails anything.
"""
