"""The bmt command."""
