"""The administrators' console: the worklist, a request on one page, decisions one by one and many at once."""
