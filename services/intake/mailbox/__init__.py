"""The agencies' mailboxes, read by IMAP: each message becomes a request or an inbox item."""
