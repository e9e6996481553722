"""Views: folded from events, stored, read, and rebuilt."""
