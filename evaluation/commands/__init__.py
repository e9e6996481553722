"""The commands that run the system on this machine: setup, up, down, demo, token."""
