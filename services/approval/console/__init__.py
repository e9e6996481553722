"""The administrators' console: the worklist, one request, single and bulk decisions."""
