"""The bodies and answers of each service's HTTP calls. pydantic only."""
