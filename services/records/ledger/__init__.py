"""The ledger: every event is a leaf, chained within its request and never changed."""
