"""Removes working copies once a request has been filed for long enough. Only the record stays for ever.

The streams, views and documents of the services hold personal data only as long as the work needs them.
An operator prunes, with a user of its own: no service can remove a commit. Pruning knows the services'
collections by name and imports nothing of them.
"""
