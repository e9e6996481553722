"""Scanned paper handed in, and the sheets to print for it: each paper then waits in the inbox."""
