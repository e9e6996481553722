"""Notification's read models, and its work queue: dropped and filled again from its events at will."""
