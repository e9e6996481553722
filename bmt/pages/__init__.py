"""Pages for people: made on the server, in Malay first and in English, usable without JavaScript.

What the pages of all services share: who is signed in and how they sign in (OIDC), in which language they read, how a page
is laid out, and what it looks like when a call is refused.
"""
