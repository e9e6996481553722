"""The commands that run the system on this machine, to evaluate it: setup, up, down, demo, token."""
