"""Papers to be filled in by hand, or laid between others before they are scanned."""
