"""Processes that read messages, bounded in memory and time, so that no message can stop intake."""
