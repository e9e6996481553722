"""Who may do what with Kafka and MongoDB: one table each, for the evaluation and the deployments."""
