"""Half-filled forms, kept for who comes back: no event, nobody else's business, gone after a while."""
