"""What every service is built on. It knows nothing of the procedure."""
