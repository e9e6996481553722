"""The auditor's pages: search, a file's timeline, its verification, and the report on a period."""
