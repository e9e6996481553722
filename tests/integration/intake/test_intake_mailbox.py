"""An office mailbox on a real IMAP server: each message is one thing, once, and stays where it is."""

import asyncio
import signal
from pathlib import Path

import pytest
from eventually import eventually
from fixtures.dovecot import dovecot as dovecot  # noqa: PLC0414  a fixture
from fixtures.dovecot import server
from fixtures.imap_wire import ImapWire
from fixtures.mail_server import MailServer
from fixtures.samples import facts
from fixtures.thoroughness import only_long
from intake_callers import ADMINISTRATOR, FILLED, INBOUND, OF_JPA, SITI, asked, email
from office import SENDER, Office, document_id, what_became

from bmt.contracts.events import NotificationPrepared
from evaluation.forking import ForkServer
from services.intake.mailbox import TWICE
from services.notification import main as notification
from services.notification.settings import Settings as NotificationSettings

pytestmark = [pytest.mark.integration, pytest.mark.dovecot]

CORPUS = sorted((Path(__file__).parent / "corpus").rglob("*.eml"))
ONE_OF_EACH = {path.parent: path for path in CORPUS}.values()
"""Of each kind; what all the others are, the tests of the reader say."""
MOST_TO_ONE = 12
"""More than any one address gets but in the test of this limit."""
AWAY = email("Saya bercuti.", Auto_Submitted="auto-replied", Message_ID="<cuti@jpa.gov.my>")
CHAT = email("Tuan, saya ingin memohon. Terima kasih.", Message_ID="<chat@mampu.gov.my>")


@pytest.fixture
async def office(dovecot, surroundings, mongodb, variables):
    await surroundings.wire.create(INBOUND)
    office = Office(dovecot, surroundings, mongodb, variables)
    yield office
    office.close()


@pytest.fixture(scope="module")
async def open_office(shared, mongodb, variables):
    """The office of every test that delivers messages of its own to a server and an intake that go on."""
    with server() as dovecot:
        await shared.wire.create(INBOUND)
        office = Office(dovecot, shared, mongodb, variables)
        limits = {"email_max_bytes": 250_000, "acknowledgements_per_hour": MOST_TO_ONE}
        async with office.intake(authserv_id="mx.x.my", **limits) as office.caller:
            yield office
        office.close()


@pytest.fixture(scope="module")
async def forks(tmp_path_factory):
    """Has imported what every intake that is killed needs."""
    forks = ForkServer(["services.intake.main"], tmp_path_factory.mktemp("forks") / "log")
    yield forks
    await forks.stop()


@pytest.fixture
async def posted():
    """What notification sent."""
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


def notifying(office, posted):
    """Notification, beside intake."""
    mail = {"smtp_host": "127.0.0.1", "smtp_port": posted.port, "smtp_sender": SENDER}
    return office.surroundings.running(notification.build, NotificationSettings, **mail)


def returned(notice):
    """The report of a mail server that could not deliver a notice of ours."""
    path = next(path for path in CORPUS if path.stem == "dsn-postfix")
    head, _, _ = path.read_bytes().partition(b"From: bmt@mygovuc.gov.my")
    return head + notice + b"\r\n--x--\r\n"


def away(message_id):
    return email(
        "Saya bercuti.",
        Auto_Submitted="auto-replied",
        In_Reply_To=message_id,
        Message_ID="<cuti2@mampu.gov.my>",
    )


@pytest.fixture
async def wire_to(office):
    """`await wire_to(hold_at=b"STORE")`: a wire to the mailbox."""
    wires = []

    async def make(**how):
        wires.append(ImapWire(office.dovecot.port, **how))
        await wires[-1].start()
        return wires[-1]

    yield make
    for wire in wires:
        await wire.stop()


async def test_the_answer_goes_into_the_senders_thread_and_its_bounce_finds_the_request(
    open_office, as_, posted
):
    intake = open_office.caller
    async with notifying(open_office, posted):
        (request,) = await open_office.takes(email(Message_ID="<thread@mampu.gov.my>"))
        request_id = request["stream"].removeprefix("request-")
        (receipt,) = await eventually(lambda: posted.taken[SITI] or False)
        assert receipt["In-Reply-To"] == receipt["References"] == "<thread@mampu.gov.my>"
        assert receipt["Auto-Submitted"] == "auto-replied"

        async def told():
            answer = await intake.get(f"/v1/requests/{request_id}", headers=as_(*ADMINISTRATOR))
            assert "notification_prepared" in {step["step"] for step in answer.json()["steps"]}

        await eventually(told)
        (ours,) = posted.raw[SITI]
        await open_office.takes(returned(ours), away(receipt["Message-ID"]), ours)
        found = (await intake.get("/v1/inbox", headers=as_(*ADMINISTRATOR))).json()["items"]
        (bounce,) = [item for item in found if item["status"] == "waiting"]
        assert bounce["bounce"] == {"message_id": receipt["Message-ID"], "request_id": request_id}
        assert [item["status"] for item in found].count("set_aside") == 2
    assert len(posted.taken[SITI]) == 1, "a machine was answered"


async def test_a_bounce_goes_to_the_agency_of_its_request(open_office, as_):
    intake, of_jpa = open_office.caller, facts(agency="JPA", reply_through="email")
    notice = NotificationPrepared(
        request=of_jpa,
        about="acknowledgement",
        channel="email",
        recipient="tiada@jpa.gov.my",
        message_id="<0192f0aa-1c2a-7b3c-8d4e-5f6071829399@mygovuc.gov.my>",
    )
    await open_office.surroundings.wire.say(notice)
    await eventually(open_office.knows(of_jpa.request_id))
    (commit,) = await open_office.takes(returned(f"Message-ID: {notice.message_id}\r\n".encode()))
    address = f"/v1/inbox/{commit['stream'].removeprefix('request-')}"
    for who, status in ((OF_JPA, 200), (ADMINISTRATOR, 404)):
        assert (await intake.get(address, headers=as_(*who))).status_code == status


async def test_every_message_is_one_thing_kept_byte_for_byte_and_stays_in_the_mailbox(open_office):
    large = email("x" * 79 + "\n", Subject="besar", Message_ID="<besar@x.my>") + b"y" * 300_000
    hostile = email("E-mel: " + "<mailto:" * 20_000, Message_ID="<jahat@x.my>")
    given = {path.read_bytes(): path.parent.name for path in ONE_OF_EACH}
    given |= {large: "inbox", hostile: "inbox"}
    before = set(open_office.dovecot.there())
    taken = dict(map(what_became, await open_office.takes(*given)))
    after = {u: c for u, (_, c) in open_office.dovecot.there().items() if u not in before}
    assert list(after.values()) == list(given)
    assert taken == {document_id(content): name for content, name in given.items()}
    for content in given:
        assert await open_office.stored(document_id(content)) == content


async def test_what_people_marked_stays_marked_and_what_they_deleted_is_not_expunged(open_office):
    open_office.dovecot.deliver(CHAT, flags="FT")
    await open_office.takes()
    *_, (flags, _) = open_office.dovecot.there().values()
    assert flags == {r"\Deleted", r"\Flagged", "$BmtTaken"}


async def test_a_set_aside_message_bothers_nobody_and_can_still_become_a_request(open_office, as_):
    intake = open_office.caller
    (commit,) = await open_office.takes(AWAY)
    address = f"/v1/inbox/{commit['stream'].removeprefix('request-')}"
    whole = (await intake.get(address, headers=as_(*ADMINISTRATOR))).json()
    assert (whole["status"], whole["reason"]) == ("set_aside", "A machine sent it.")
    assert whole["reason_code"] == "machine_sent"
    answer = await intake.post(
        f"{address}/registration", json=asked(channel=None), headers=as_(*ADMINISTRATOR)
    )
    assert answer.status_code == 201, answer.text
    whole = (await intake.get(address, headers=as_(*ADMINISTRATOR))).json()
    assert (whole["status"], whole["reason"]) == ("registered", None)


async def test_the_same_message_twice_or_handed_in_over_http_too_is_one_request(open_office, as_):
    one = email(Message_ID="<dua-pintu@mampu.gov.my>")
    (commit,) = await open_office.takes(b"Received: from mx1\r\n" + one, one)
    headers = as_(*ADMINISTRATOR) | {"Content-Type": "message/rfc822"}
    answer = await open_office.caller.post("/v1/emails", content=one, headers=headers)
    assert answer.status_code == 201, answer.text
    assert commit["stream"] == f"request-{answer.json()['request_id']}"


async def test_the_server_that_a_mailbox_trusts_tells_whether_a_sender_is_authenticated(
    open_office,
):
    results = {
        "<baik@x.my>": "mx.x.my; dmarc=pass header.from=mygovuc.gov.my",
        "<palsu@x.my>": "mx.x.my; dmarc=fail header.from=mygovuc.gov.my",
        "<lain@x.my>": "mx.luar.example; dmarc=pass header.from=mygovuc.gov.my",
    }
    taken = await open_office.takes(
        *(email(Message_ID=one, Authentication_Results=told) for one, told in results.items())
    )
    received = [commit["events"][0]["data"] for commit in taken]
    doubted = {
        one["email_message_id"] for one in received if "sender_not_authenticated" in one["warnings"]
    }
    assert doubted == {"<palsu@x.my>", "<lain@x.my>"}


async def test_one_address_is_not_written_to_again_and_again_for_what_strangers_send(open_office):
    """The messages wait for a person: nothing is lost, and nobody is flooded."""
    text = FILLED.replace(SITI, "ravi.mampu@mygovuc.gov.my")
    many = [email(text, Message_ID=f"<{number}@x.my>") for number in range(MOST_TO_ONE + 1)]
    became = sorted(how for _, how in map(what_became, await open_office.takes(*many)))
    assert became == ["inbox"] + ["request"] * MOST_TO_ONE


async def test_a_server_that_never_answers_hinders_nobody(open_office, as_):
    wire = ImapWire(open_office.dovecot.port, hold_at=b"AUTHENTICATE")
    await wire.start()
    async with open_office.intake(wire.port) as intake:
        await asyncio.wait_for(wire.held.wait(), 20)
        assert (await intake.get("/readyz")).status_code == 200
        headers = as_(*ADMINISTRATOR) | {"Content-Type": "message/rfc822"}
        answer = await intake.post("/v1/emails", content=email(), headers=headers)
        assert answer.status_code == 201
    await wire.stop()


async def test_where_the_server_counts_anew_nothing_is_taken_twice(office):
    """Nor is what was taken when messages were known by their bytes."""
    one = email()
    async with office.intake():
        await office.takes(one, CHAT)
    await office.rename_commit(one)
    first = await office.commits()
    office.dovecot.forget()
    assert office.dovecot.marked == 0
    async with office.intake():
        await office.all_taken(2)
    assert await office.commits() == first


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(b"BODY.PEEK", marks=only_long),
        b"STORE",
        pytest.param(b"LOGOUT", marks=only_long),
    ],
)
async def test_who_is_killed_in_the_middle_of_a_look_loses_nothing_and_doubles_nothing(
    office, forks, wire_to, command
):
    office.dovecot.deliver(email())
    wire = await wire_to(hold_at=command)
    async with office.process(forks, wire.port) as intake:
        await asyncio.wait_for(wire.held.wait(), 60)
        first = await office.commits()
        assert len(first) == (command != b"BODY.PEEK")
        assert office.dovecot.marked == (command == b"LOGOUT")
        intake.send_signal(signal.SIGKILL)
    async with office.process(forks):
        await office.all_taken(1)
    again = await office.commits()
    assert len(again) == 1
    assert first in ([], again)


async def test_a_server_that_is_killed_only_delays_and_two_replicas_take_each_message_once(office):
    async with office.intake() as intake, office.intake():
        for number in range(16):
            office.dovecot.deliver(email(Message_ID=f"<{number}@mampu.gov.my>"))
        await eventually(lambda: 0 < office.dovecot.marked < 16)
        office.dovecot.kill()
        assert (await intake.get("/readyz")).status_code == 200
        office.dovecot.start()
        office.dovecot.become_ready()
        await office.all_taken(16)

        async def looked() -> None:  # a message is marked before it counts as taken
            metrics = (await intake.get("/metrics")).text
            assert 'bmt_mailbox_waiting_messages{agency="MAMPU"} 0.0' in metrics
            assert 'bmt_mailbox_last_look_seconds{agency="MAMPU"}' in metrics
            assert "mampu.gov.my" not in metrics

        await eventually(looked)
    assert len(await office.commits()) == 16
    assert len(office.dovecot.there()) == 16


async def test_a_server_that_keeps_no_keywords_is_read_without_marks(office, wire_to):
    wire = await wire_to(forget=rb" \*")
    office.dovecot.deliver(CHAT)
    office.dovecot.deliver(email())
    for _ in range(2):  # the second process knows nothing of the first
        async with office.intake(wire.port):

            async def looked_again():
                assert len(await office.commits()) == 2
                assert sum(b"LOGOUT" in command for command in wire.commands) >= 3

            await eventually(looked_again)
            assert sum(b"BODY.PEEK[]" in command for command in wire.commands) == 2
        wire.commands.clear()
    assert len(await office.commits()) == 2
    assert office.dovecot.marked == 0
    assert {frozenset(flags) for flags, _ in office.dovecot.there().values()} == {frozenset()}


LARGE = email("x" * 70 + "\n", Message_ID="<lama@mampu.gov.my>") + b"y" * 70 + b"\n" * 5_000_000


async def killed_while_it_reads(office, forks):
    """Intake, killed in the middle of reading a message."""
    before = len(await office.begun())
    async with office.process(forks) as intake:

        async def begun():
            assert len(await office.begun()) > before

        await eventually(begun, timeout=60)
        intake.send_signal(signal.SIGKILL)
        await intake.wait()


async def test_a_message_that_was_being_read_when_intake_died_twice_waits_for_a_person(
    office, forks, as_
):
    office.dovecot.deliver(LARGE)
    office.dovecot.deliver(email())
    await killed_while_it_reads(office, forks)
    await killed_while_it_reads(office, forks)
    assert await office.commits() == []
    async with office.intake() as intake:
        await eventually(lambda: office.dovecot.marked == 1)
        (commit,) = await office.commits()
        assert what_became(commit)[1] == "request", "another message is held up"
        await office.let_time_pass()
        await office.all_taken(2)
        listed = await intake.get("/v1/inbox?status=waiting", headers=as_(*ADMINISTRATOR))
        (item,) = listed.json()["items"]
        address = f"/v1/inbox/{item['inbox_item_id']}"
        whole = (await intake.get(address, headers=as_(*ADMINISTRATOR))).json()
        assert [missing["code"] for missing in whole["missing"]] == [TWICE]
    (kept,) = [content for _, content in office.dovecot.there().values() if b"lama@" in content]
    assert await office.stored(document_id(kept)) == kept
    assert await office.begun() == []
