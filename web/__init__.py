"""All pages: of applicants, administrators, auditors and the public, behind one address and one login.

It is a client of the five services' APIs, which it calls with the visitor's token. It decides nothing, and stores
sessions and drafts alone.
"""
