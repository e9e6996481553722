"""The client charter in figures: how much was done in time, how long it took, and what is open."""
