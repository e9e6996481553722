"""The auditor's pages: search, a file as a timeline, its verification, and the report on a period."""

from typing import Final

PREFIX: Final = "/audit"
"""Where the pages stand below records' public address."""
