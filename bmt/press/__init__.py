"""Papers from templates and data, as PDF/A that looks the same on every machine."""
