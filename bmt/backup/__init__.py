"""Copies all that cannot be made again, as of one moment, and puts it back into an empty installation.

It is a user's of its own, as pruning is: it knows the services' databases by name and imports nothing of them.
Why the copy is of one moment, and what a restored system does with it: `docs/decisions/0061-a-backup-is-of-one-moment.md`.
"""
