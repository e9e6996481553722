"""The bundle: one request's file as it can be carried out of the building and verified there."""
