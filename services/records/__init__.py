"""Records keeps the designated file of every request (SOP 6.0), so that an auditor needs to trust nobody.

It owns the ledger (every event of the four topics is a leaf, chained within its request and never
changed), the folios (the documents as filed, checked against their SHA-256) and the file numbers. It
hears all events of intake, approval, provisioning and notification, fetches the documents that they
name, and says Filed once everything about a request stands in its file.
"""
