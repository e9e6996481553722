"""The way of a call: limits, tokens, idempotency, problems, pages of answers."""
