"""A decision: loaded, decided, written once, and what is remembered of its stream."""
