"""Who is registered and serving, by IPMS (SCIM 2.0)."""
