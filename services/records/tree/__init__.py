"""The tree over all leaves (RFC 6962): their order, tiles, proofs and signed checkpoints."""
