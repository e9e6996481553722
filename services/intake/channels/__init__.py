"""What arrives: uploaded documents, and e-mail messages with their labelled lines.

The ways by which it arrives are `api` (forms), `mailbox`, `scanning` and `integrators` beside this room.
"""
