"""What every test may ask for: see the modules named here."""

import os

os.environ["BMT_ALLOW_HTTP"] = "true"  # on one machine, as an evaluation is

pytest_plugins = (
    "fixtures.kafka",
    "fixtures.mongodb",
    "fixtures.service",
    "fixtures.browsing",
    "fixtures.signing_in",
    "fixtures.stores",
)
