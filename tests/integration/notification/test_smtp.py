"""The mail server's door: encryption, login, and what each of its answers means."""

import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fixtures.mail_server import MailServer
from prometheus_client import CollectorRegistry

from services.notification import smtp
from services.notification.settings import Settings
from services.notification.smtp import MailPutOff, MailRefused, MailServerAway, SmtpPost

pytestmark = pytest.mark.integration

TO = "ahmad@mampu.gov.my"
MESSAGE = b"Subject: Status\r\n\r\n.Permohonan\r\n"
NEEDED = {
    "port": 1,
    "kafka_bootstrap_servers": "kafka:9092",
    "mongodb_uri": "mongodb://mongodb",
    "issuer": "https://issuer.example",
    "agencies_file": "agencies.yaml",
    "smtp_host": "127.0.0.1",
    "smtp_sender": "bmt@mampu.gov.my",
}


@asynccontextmanager
async def serving(**options) -> AsyncIterator[MailServer]:
    server = MailServer(options=options)
    await server.start()
    yield server
    await server.stop()


def post(server: MailServer, **variables) -> SmtpPost:
    settings = Settings(**NEEDED, **{"smtp_port": server.port, **variables})
    return SmtpPost(settings, CollectorRegistry())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A key and its certificate for 127.0.0.1, which signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("certificate") / "mail.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def encrypted(certificate: Path) -> dict:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def authenticator(_server, _session, _envelope, _mechanism, login) -> AuthResult:
        known = (login.login, login.password) == (b"bmt", b"secret")
        return AuthResult(success=known, handled=False)

    return {
        "tls_context": context,
        "require_starttls": True,
        "auth_required": True,
        "authenticator": authenticator,
    }


async def test_a_message_is_handed_over_byte_for_byte():
    async with serving() as server:
        await post(server).send(MESSAGE, TO)
        assert server.raw[TO] == [MESSAGE]


async def test_where_the_server_wants_it_the_connection_is_encrypted_and_logged_in(certificate):
    async with serving(**encrypted(certificate)) as server:
        for security in ("starttls", "if-offered"):
            await post(
                server,
                smtp_security=security,
                smtp_ca_file=certificate,
                smtp_username="bmt",
                smtp_password="secret",
            ).send(MESSAGE, TO)
        assert len(server.raw[TO]) == 2


async def test_a_server_that_cannot_prove_itself_gets_no_message(certificate):
    async with serving(**encrypted(certificate)) as server:
        with pytest.raises(MailServerAway):
            await post(server, smtp_security="starttls").send(MESSAGE, TO)
        assert server.raw[TO] == []


async def test_a_login_that_is_refused_keeps_the_message_waiting(certificate):
    async with serving(**encrypted(certificate)) as server:
        wrong = {"smtp_username": "bmt", "smtp_password": "wrong", "smtp_ca_file": certificate}
        with pytest.raises(MailServerAway):
            await post(server, **wrong).send(MESSAGE, TO)


async def test_no_encryption_where_it_is_wanted_keeps_the_message_waiting():
    async with serving() as server:
        with pytest.raises(MailServerAway):
            await post(server, smtp_security="starttls").send(MESSAGE, TO)
        assert server.raw[TO] == []


@pytest.mark.parametrize("stage", ["rcpt_answers", "data_answers"])
async def test_an_answer_about_the_message_says_never_or_not_now(stage):
    async with serving() as server:
        getattr(server, stage)[TO] = ["550 5.1.1 no\tsuch user", "452 4.2.2 mailbox full"]
        with pytest.raises(MailRefused, match=r"550 5\.1\.1 no such user"):
            await post(server).send(MESSAGE, TO)
        with pytest.raises(MailPutOff, match=r"452 4\.2\.2 mailbox full"):
            await post(server).send(MESSAGE, TO)


async def test_a_server_that_does_not_answer_in_time_is_away(monkeypatch):
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 1)
    async with serving() as server:
        server.silent.add(TO)
        with pytest.raises(MailServerAway):
            await post(server).send(MESSAGE, TO)


async def test_a_server_that_has_a_message_may_take_its_time_to_say_so(monkeypatch):
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 1)
    async with serving() as server:
        server.seconds_for_data = 2
        await post(server).send(MESSAGE, TO)
        assert server.raw[TO] == [MESSAGE]


async def test_a_server_that_took_a_message_late_and_does_not_say_goodbye_has_it(monkeypatch):
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(smtp, "ANSWER_SECONDS", 1.5)
    async with serving() as server:
        server.seconds_for_data = server.seconds_for_quit = 1.2
        await post(server).send(MESSAGE, TO)
        assert server.raw[TO] == [MESSAGE]


async def test_a_server_that_is_not_there_is_away():
    with pytest.raises(MailServerAway):
        await post(MailServer()).send(MESSAGE, TO)


async def test_a_sender_who_is_refused_is_our_fault_and_keeps_the_message_waiting():
    async with serving() as server:
        server.refuses_senders = True
        with pytest.raises(MailServerAway):
            await post(server).send(MESSAGE, TO)


async def test_a_copy_goes_along_and_is_not_sent_again_and_again():
    async with serving() as server:
        await post(server).send(MESSAGE, TO, copy_to="benar@mampu.gov.my")
        assert server.raw[TO] == server.raw["benar@mampu.gov.my"] == [MESSAGE]
        server.rcpt_answers[TO] = ["452 4.2.2 mailbox full"]
        with pytest.raises(MailRefused, match=r"452 4\.2\.2 mailbox full"):
            await post(server).send(MESSAGE, TO, copy_to="benar@mampu.gov.my")
        assert len(server.raw["benar@mampu.gov.my"]) == 2
