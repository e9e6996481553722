"""Who may do what with Kafka and MongoDB: one table each, which the embedded parts and the deployments both take."""
