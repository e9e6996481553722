"""What every test may ask for: see the modules named here."""

pytest_plugins = (
    "fixtures.kafka",
    "fixtures.mongodb",
    "fixtures.service",
    "fixtures.browsing",
    "fixtures.signing_in",
    "fixtures.stores",
)
