"""The public page: where a request stands, for whoever has its reference and code."""
