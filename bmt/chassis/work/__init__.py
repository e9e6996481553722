"""Work that leaves the system: queued durably, performed by workers."""
