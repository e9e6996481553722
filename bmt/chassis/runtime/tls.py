"""TLS towards other machines: trusted authorities, and our own certificate."""

import ssl
from functools import cache
from pathlib import Path


@cache
def machines() -> ssl.SSLContext:
    """For HTTPS clients: trusts the machine's authorities. Reading them takes 25 ms, so once a process."""
    return ssl.create_default_context()


def context(variables: str, authorities: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """Trusts `authorities` (by default the machine's), and presents `certificate` with its key.

    Each call makes a new context: an HTTPS client sets its own protocols in the context it gets.

    Raises:
        ValueError: a file cannot be used. The text names its variable, for example `{variables}_CA_FILE`.
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
