"""What a process needs: settings, logs, metrics, MongoDB, documents, and the service built from them."""
