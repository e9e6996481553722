"""Kafka: commits out, events in, and the events that could not be handled."""
