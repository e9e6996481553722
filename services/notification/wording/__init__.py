"""What users read: every sentence, Malay first, English second, in one place."""
