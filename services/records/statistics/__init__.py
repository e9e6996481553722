"""Turnaround by agency and step: a Faust app computes it, and can always compute it again."""
