"""Turnaround by agency and step, computed from the topics by a Faust app.

It can be lost and rebuilt.
"""
