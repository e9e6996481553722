"""One decision: load the stream, decide, write once, cache the state."""
