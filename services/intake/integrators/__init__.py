"""What integrators are answered: on their own outbound topics, and over HTTP."""
