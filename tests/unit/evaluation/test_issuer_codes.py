"""A code of the evaluation's issuer is good once, for a minute, for who asked for it."""

import pytest

from evaluation.issuer import Holder
from evaluation.issuer_server import SECONDS, Codes, Grant

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Of RFC 7636, appendix B."""
THERE = "http://127.0.0.1:8105/audit/login/callback"
GRANT = Grant(Holder("siti", "Siti", "MAMPU", ["auditor"]), "bmt-records", THERE, CHALLENGE, "n-1")


def test_it_is_exchanged_once():
    codes = Codes()
    code = codes.new(GRANT)
    assert codes.exchange(code, "bmt-records", THERE, VERIFIER) == GRANT
    assert codes.exchange(code, "bmt-records", THERE, VERIFIER) is None
    assert codes.exchange("another", "bmt-records", THERE, VERIFIER) is None


@pytest.mark.parametrize(
    ("client", "place", "verifier"),
    [
        ("another", THERE, VERIFIER),
        ("bmt-records", f"{THERE}/", VERIFIER),
        ("bmt-records", THERE, VERIFIER[:-1]),
        ("bmt-records", THERE, CHALLENGE),
    ],
)
def test_nobody_else_exchanges_it(client, place, verifier):
    codes = Codes()
    code = codes.new(GRANT)
    assert codes.exchange(code, client, place, verifier) is None
    assert codes.exchange(code, "bmt-records", THERE, VERIFIER) is None


def test_it_is_too_old_after_a_minute():
    now = 0.0
    codes = Codes(lambda: now)
    code = codes.new(GRANT)
    now = SECONDS
    assert codes.exchange(code, "bmt-records", THERE, VERIFIER) is None
