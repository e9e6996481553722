"""The administrators' console: the worklist, requests, inbox, tasks, notices and rules of their agency."""
