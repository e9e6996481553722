"""The operators' page: whether each part of the system works, what waits, and which command helps."""
