"""The real parts for a bare machine: Kafka, mongod, mail, IPMS, storage, issuer."""
