"""What removes working copies once a request has been filed for long enough: the record alone is for ever.

The streams, views and documents of the services hold personal data only as long as the work needs them.
Pruning is an operator's work, done with a user of its own: no service can remove a commit. It knows the
services' collections by name and imports nothing of them.
"""
