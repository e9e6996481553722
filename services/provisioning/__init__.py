"""Provisioning owns the configuration (SOP step 3): what IPMS and the transfer storage hold.

It hears `Approved` from approval, and for each approved request brings both targets to what was approved:
an application turns BMT on in IPMS and opens the account's storage volume, a termination turns BMT off and
closes the volume (its files stay). Of requests under review it tells what approving them would change. Where an agency has no interface to IPMS, an officer makes the change from
a worklist, with evidence. It says `ConfigurationStarted`, `AwaitingOperator`, `Configured` and
`ConfigurationFailed` on `bmt.configurations.v1`: `Configured` once a request, and only when what was read
back is what was approved.
"""
