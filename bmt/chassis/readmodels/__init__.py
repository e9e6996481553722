"""Views: folded from events, stored, read, and made again."""
