"""Disposal (*pelupusan*): personal data is destroyed after its retention. Proofs still verify."""
