"""`bmt prove`: a system of its own, a workload, faults, and an audit of all that is left, from outside."""
