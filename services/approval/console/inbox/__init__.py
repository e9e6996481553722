"""What a person must read: each message or scan beside the form that registers it."""
