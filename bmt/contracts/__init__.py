"""The published language: envelope, events, values, topics and HTTP models (pydantic only)."""
