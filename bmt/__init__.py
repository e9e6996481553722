"""Big Mail Transfer: from an agency's request to its filed record (SOP OPERASI/009)."""
