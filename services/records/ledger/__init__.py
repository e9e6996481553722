"""The ledger: every event as a leaf, chained within its request, and how that is checked."""
