"""TLS towards other machines: whom we trust, and who we are."""

import ssl
from functools import cache
from pathlib import Path


@cache
def machines() -> ssl.SSLContext:
    """For clients over HTTPS: trusts the authorities of the machine, which take 25 ms to read, so once a process."""
    return ssl.create_default_context()


def context(variables: str, authorities: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """Trusts `authorities` (the machine's where there are none), and shows `certificate` with its key.

    One of its own each time: a client of HTTPS says in the one that it is given which protocols it speaks.

    Raises:
        ValueError: a file cannot be used; the text names its variable, `{variables}_CA_FILE` say.
    """
    try:
        made = ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise ValueError(_unusable(f"{variables}_CA_FILE", authorities, error)) from None
    if certificate is not None:
        try:
            made.load_cert_chain(certificate, password="")
        except OSError as error:
            raise ValueError(
                _unusable(f"{variables}_CERTIFICATE_FILE", certificate, error)
            ) from None
    return made


def _unusable(variable: str, file: Path | None, error: OSError) -> str:
    """An `SSLError` is an `OSError`, too."""
    why = getattr(error, "reason", None) or error.strerror
    return f"{variable} is wrong: {file} cannot be used: {why}"
