"""The users' pages: apply or end the service, see where a request is, withdraw and correct it."""
