"""`bmt prove`: its own system, a workload, faults, and an audit of what is left, from outside."""
