"""Server-rendered pages, in Malay and English, usable without JavaScript.

This package has what the pages of all services share: login (OIDC) and sessions, languages, layout, error pages.
"""
