"""The bundle: one request's file, to take away and verify elsewhere."""
