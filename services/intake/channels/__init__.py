"""How e-mail messages are read: their parts, their labelled lines, and what machines report.

What else arrives is beside this room: `api` (forms), `documents` (uploads and scans) and `integrators`.
"""
