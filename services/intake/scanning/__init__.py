"""Scanned paper: read page by page in a process of its own, and taken apart without loss."""
