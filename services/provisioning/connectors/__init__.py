"""Connectors to the targets: one protocol with `plan`, `apply` and `read_back` of lists.

`scim` sets the service in IPMS, `worklist` asks an officer to set it in the portal, `copyparty`,
`sftpgo` and `nextcloud` set the volume of the transfer storage. One compliance suite tests all of them.
"""
