"""How a notice reaches its user: an e-mail (RFC 5322) by SMTP, or a paper (PDF)."""
