"""Personal data sealed under a key for each person. Destroying the key destroys the data."""
