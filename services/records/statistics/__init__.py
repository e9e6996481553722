"""Turnaround by agency and step, told from the topics by a Faust app; it may be lost and rebuilt."""
