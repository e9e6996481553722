"""`bmt demo`: the procedure from outside, as an agency's people would run it, on a real system."""
