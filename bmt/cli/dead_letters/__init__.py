"""`bmt dead-letters`: what was refused for good, and what an operator does about it."""
