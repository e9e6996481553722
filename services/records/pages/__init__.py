"""The auditor's pages: search, a file's timeline, its verification, and the report on a period."""

from typing import Final

PREFIX: Final = "/audit"
"""Where the pages are below records' public address."""
