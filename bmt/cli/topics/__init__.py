"""`bmt topics`."""
