"""Personal data under a key for each person: sealed where it is stored, gone when the key is destroyed."""
