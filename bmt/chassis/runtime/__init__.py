"""What a process stands on: settings, logs, metrics, MongoDB, documents, and the service built from all of it."""
