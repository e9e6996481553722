"""Messages are read in processes of their own, bounded in memory and time: no message stops intake."""
