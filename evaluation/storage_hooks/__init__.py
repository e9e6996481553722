"""Hooks of copyparty, which imports each module by its path."""
