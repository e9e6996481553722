"""The tree over all leaves of the ledger: their order, its tiles, proofs, and signed checkpoints (RFC 6962)."""
