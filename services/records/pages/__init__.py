"""The auditor's pages: search, a file as a timeline, its verification, and the report on a period."""
