"""Papers to print and to hand over, and e-mails that did not arrive."""
