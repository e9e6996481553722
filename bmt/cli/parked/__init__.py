"""`bmt parked`: events whose handling failed, and what an operator does about them."""
