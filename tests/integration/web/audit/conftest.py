"""Records as it runs, and files of requests."""

from fixtures.records import (  # noqa: F401  fixtures
    client_of_mongodb,
    once_filed,
    own,
    put,
    record_of,
    records,
    say,
    stored,
)
