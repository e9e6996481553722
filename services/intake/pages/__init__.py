"""The users' pages: apply, terminate, follow, withdraw and correct."""
