"""The applicants' pages: apply, terminate, follow, withdraw and correct."""
