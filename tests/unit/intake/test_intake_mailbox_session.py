"""A session with a mailbox's server, which answers as a test wants it to, byte for byte; and what BMT_MAILBOXES may say."""

import json
import logging
import socket
import ssl
from base64 import b64decode
from threading import Thread

import pytest
from fixtures.certificates import Authority
from submissions import AGENCIES

from bmt.chassis.errors import WrongConfiguration
from services.intake.imap import Folder, Mailbox, MailboxAway, Session, mailboxes

SELECTED = rb"* OK [PERMANENTFLAGS (\Seen \*)] kept" + b"\r\n* OK [UIDVALIDITY 5] valid\r\n"
PLAIN = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN STARTTLS\r\n"
FETCH, SEARCH = b"UID FETCH", b"UID SEARCH"


class Server:
    """`answers` are sent before the OK of the commands that they are named for."""

    def __init__(self, identity=None, *, encrypted=False):
        self.answers = {b"CAPABILITY": PLAIN, b"SELECT": SELECTED, b"LOGOUT": b"* BYE\r\n"}
        self.commands = []
        self._encrypted = encrypted
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if identity is not None:
            self._context.load_cert_chain(identity)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        connection, _ = self._listening.accept()
        try:
            if self._encrypted:
                connection = self._context.wrap_socket(connection, server_side=True)
            connection.sendall(b"* OK ready\r\n")
            while self._answered(connection, line := _line(connection)):
                if b"STARTTLS" in line:
                    connection = self._context.wrap_socket(connection, server_side=True)
        except OSError:
            pass
        finally:
            connection.close()

    def _answered(self, connection, line):
        tag, _, command = line.partition(b" ")
        self.commands.append(command)
        if command.startswith(b"AUTHENTICATE"):
            connection.sendall(b"+ \r\n")
            self.commands.append(b64decode(_line(connection)))
        answers = (text for name, text in self.answers.items() if command.startswith(name))
        connection.sendall(b"".join(answers) + tag + b" OK done\r\n")
        return line


def _line(connection):
    line = b""
    while not line.endswith(b"\r\n"):
        if not (byte := connection.recv(1)):
            raise ConnectionResetError
        line += byte
    return line.removesuffix(b"\r\n")


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def session_with():
    """`session_with(server)`, not open yet."""
    sessions = []

    def make(server, **how):
        given = {"security": "none", "user": "bmt", "password": "rahsia surat"} | how
        mailbox = Mailbox(host="127.0.0.1", port=server.port, timeout_seconds=5, **given)
        sessions.append(Session(mailbox))
        return sessions[-1]

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def opened(server, session_with):
    session = session_with(server)
    session.open()
    return session


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (b"* 1 FETCH (UID 7 BODY[] {5}\r\nSalam)\r\n", b"Salam"),
        (b"* 1 FETCH (BODY[] {5}\r\nSalam UID 7)\r\n", b"Salam"),
        (b"* 2 FETCH (UID 9 FLAGS (\\Seen))\r\n* 1 FETCH (UID 7 BODY[] {2}\r\nYa)\r\n", b"Ya"),
        (b"* 1 FETCH (UID 7 BODY[] {2}\r\nYa)\r\n* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n", b"Ya"),
        (
            b"* 2 FETCH (UID 77 BODY[] {4}\r\nLain)\r\n* 1 FETCH (UID 7 BODY[] {2}\r\nYa)\r\n",
            b"Ya",
        ),
        (b"* 1 FETCH (UID 7 BODY[]<1024> {3}\r\napa)\r\n", b"apa"),
        (b'* 1 FETCH (UID 7 BODY[] "kata \\"ya\\"")\r\n', b'kata "ya"'),
        (b'* 1 FETCH (UID 7 BODY[] "")\r\n', b""),
        (b"* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n", b""),
        (b"* 1 FETCH (UID 7 BODY[] NIL)\r\n", b""),
        (b"", None),
        (b"* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n", None),
        (b"* 7 FETCH (FLAGS (\\Seen))\r\n", None),
    ],
)
def test_a_message_is_found_in_what_the_server_says(server, opened, answer, content):
    server.answers[FETCH] = answer
    assert opened.read(7) == content
    assert opened.read_piece(7, 1024, 3) == content


def test_its_size_is_found_too(server, opened):
    server.answers[FETCH] = (
        b"* 3 FETCH (UID 8 RFC822.SIZE 1)\r\n* 1 FETCH (RFC822.SIZE 512 UID 7)\r\n"
    )
    assert opened.size(7) == 512
    assert opened.size(9) is None


def test_nothing_is_marked_as_read_and_no_other_flag_is_touched(server, opened):
    server.answers[SEARCH] = b"* SEARCH 7\r\n"
    server.answers[FETCH] = b"* 1 FETCH (UID 7 RFC822.SIZE 2 BODY[] {2}\r\nYa)\r\n"
    (uid,) = opened.not_marked()
    opened.size(uid)
    opened.read(uid)
    opened.mark(uid)
    opened.leave()
    session = server.commands[server.commands.index(b'SELECT "INBOX"') + 1 :]
    assert [command for command in session if command != b"CAPABILITY"] == [
        b"UID SEARCH UNKEYWORD $BmtTaken",
        b"UID FETCH 7 (RFC822.SIZE)",
        b"UID FETCH 7 (BODY.PEEK[])",
        b"UID STORE 7 +FLAGS.SILENT ($BmtTaken)",
        b"LOGOUT",
    ]


@pytest.mark.parametrize(
    ("flags", "keeps"),
    [
        (rb"* OK [PERMANENTFLAGS (\Answered \Seen \*)] kept", True),
        (rb"* OK [PERMANENTFLAGS (\Seen $BMTTAKEN)] kept", True),
        (rb"* OK [PERMANENTFLAGS (\Answered \Seen)] kept", False),
        (rb"* OK [PERMANENTFLAGS ()] none kept", False),
        (rb"* FLAGS (\Answered \Seen)", False),
    ],
)
def test_whether_marks_are_kept_is_told_by_the_permanent_flags(server, session_with, flags, keeps):
    server.answers[b"SELECT"] = flags + b"\r\n* OK [UIDVALIDITY 5] valid\r\n"
    assert session_with(server).open() == Folder(5, keeps)


def test_a_folder_of_a_million_messages_is_read(server, opened):
    server.answers[SEARCH] = b"* SEARCH" + b" 1234567" * 1_000_000 + b"\r\n"
    assert len(opened.all()) == 1_000_000


def test_a_user_and_a_password_have_any_letters(server, session_with):
    session_with(server, user="pejabat am", password="kafé").open()
    assert "\0pejabat am\0kafé".encode() in server.commands


def test_a_server_that_knows_no_plain_gets_a_login(server, session_with):
    server.answers[b"CAPABILITY"] = b"* CAPABILITY IMAP4rev1\r\n"
    session_with(server).open()
    assert b'LOGIN bmt "rahsia surat"' in server.commands


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_server_of_the_authority_is_trusted_and_no_other(tmp_path, session_with, security):
    ours, another = Authority(tmp_path, "ours"), Authority(tmp_path, "another")
    how = {"security": security, "ca_file": ours.file}
    encrypted = security == "tls"
    session_with(Server(ours.certificate("mail"), encrypted=encrypted), **how).open()
    other = Server(another.certificate("other"), encrypted=encrypted)
    with pytest.raises(MailboxAway, match="mailbox") as refused:
        session_with(other, **how).open()
    assert refused.value.why == "open: SSLCertVerificationError"
    assert not any(b"AUTHENTICATE" in command for command in other.commands)


def test_no_password_is_sent_where_the_server_does_not_encrypt(server, session_with):
    server.answers[b"CAPABILITY"] = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
    with pytest.raises(MailboxAway):
        session_with(server, security="starttls").open()
    assert set(server.commands) == {b"CAPABILITY"}


def test_neither_errors_nor_logs_repeat_what_was_said(server, opened, caplog):
    caplog.set_level(logging.DEBUG)
    server.answers[FETCH] = b"* 1 FETCH (UID 7 BODY[] siti\r\n"
    with pytest.raises(MailboxAway) as refused:
        opened.read(7)
    assert refused.value.why == "read: ProtocolError"
    assert "siti" not in caplog.text
    assert "rahsia" not in caplog.text


RIGHT = {"host": "imap.mampu.gov.my", "user": "bmt@mampu.gov.my", "password": "rahsia"}


def given(agency="MAMPU", **changes):
    values = {name: value for name, value in (RIGHT | changes).items() if value is not None}
    return json.dumps({agency: values})


def test_yaml_and_json_are_read_and_tls_is_the_default():
    text = "MAMPU: {host: imap.mampu.gov.my, user: bmt, password: rahsia}\nJPA: {host: m, user: u, password: x, security: starttls}"
    found = mailboxes(text, AGENCIES)
    assert [(box.security, box.tcp_port) for box in found.values()] == [
        ("tls", 993),
        ("starttls", 143),
    ]
    assert mailboxes(given(), AGENCIES)["MAMPU"].folder == "INBOX"


def test_a_password_may_stand_in_a_file_of_its_own(tmp_path):
    file = tmp_path / "password"
    file.write_text("rahsia surat\n")
    found = mailboxes(given(password=None, password_file=str(file)), AGENCIES)
    assert found["MAMPU"].secret() == "rahsia surat"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (given("XYZ"), "XYZ: there is no such agency; there are JPA, KPM, MAMPU"),
        (given("KPM"), "KPM: the agency receives no e-mail"),
        (given(port=70000), "MAMPU.port"),
        (given(security="ssl"), "MAMPU.security"),
        (given(host="imap://x"), "MAMPU.host"),
        (given(passwort="rahsia"), "MAMPU.passwort"),
        (given(password=None), "either password or password_file"),
        (given(password_file="x"), "either password or password_file"),
        (given(password=None, password_file="tiada"), "MAMPU.password_file: it cannot be read"),
        ("[rahsia", "it is not YAML"),
        ("MAMPU: {host: a, host: rahsia}", "line 1: host stands there twice, first in line 1"),
        ("rahsia", "valid dictionary"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is_told(text, why):
    with pytest.raises(WrongConfiguration) as refused:
        mailboxes(text, AGENCIES)
    assert str(refused.value).startswith("BMT_MAILBOXES is wrong: ")
    assert why in str(refused.value)
    assert "rahsia" not in str(refused.value)


def test_no_secret_is_in_what_a_mailbox_says_of_itself():
    assert "rahsia" not in repr(mailboxes(given(), AGENCIES))
