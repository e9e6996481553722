"""The real parts that a bare machine gets: Kafka, mongod, mail, IPMS, storage, issuer."""
