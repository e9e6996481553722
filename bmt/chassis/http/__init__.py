"""An HTTP call: limits, tokens, idempotency, problems, pagination."""
