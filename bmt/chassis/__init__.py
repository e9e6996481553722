"""What every service stands on; it knows nothing of the procedure."""
