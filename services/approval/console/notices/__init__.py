"""The words of the agency's notices: read, tried out, saved, and set back to those that bmt brings."""
