"""What people read in Malay or English wherever it stands: faults, sizes, and the names of values."""
