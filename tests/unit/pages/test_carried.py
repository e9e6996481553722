"""The token that a session carries: nobody but this system can read it, and it fits into a cookie."""

import secrets

import pytest
from pydantic import SecretStr

from bmt.pages.carried import CarriedToken, TokenTooLong

KEY = SecretStr("k" * 32)
OTHER = SecretStr("o" * 32)


def test_what_was_sealed_is_opened_under_the_same_key_alone():
    sealed = CarriedToken(KEY).seal("the.access.token")
    assert "access" not in sealed
    assert CarriedToken(KEY).open(sealed) == "the.access.token"
    assert CarriedToken(OTHER).open(sealed) is None


@pytest.mark.parametrize("forged", ["", "a.b.c.d.e", "the.access.token", "ä"])
def test_what_was_not_sealed_is_no_token(forged):
    assert CarriedToken(KEY).open(forged) is None


def test_a_token_that_no_cookie_could_hold_is_refused():
    with pytest.raises(TokenTooLong):
        CarriedToken(KEY).seal(secrets.token_urlsafe(3000))
