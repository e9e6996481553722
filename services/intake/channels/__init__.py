"""Uploaded documents, and e-mail messages with their labelled lines."""
