"""Submissions of integrators: answered on their own outbound topics, and over HTTP."""
