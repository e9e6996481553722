"""What drives the targets: one small protocol, `plan`, `apply` and `read_back` of lists, and what keeps it.

`scim` sets the service in IPMS, `worklist` has an officer do it in the portal, `copyparty` sets the volume in
the transfer storage. One compliance suite runs against each.
"""
