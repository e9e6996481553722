"""The agencies' rules: channels, connectors, limits, charter. Read by all five services."""
