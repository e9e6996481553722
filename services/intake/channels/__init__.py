"""How things come in: uploaded documents, and e-mail messages with their labelled lines."""
