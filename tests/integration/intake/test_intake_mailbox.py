"""An office mailbox on a real IMAP server: each message is one thing, once, and stays where it is."""

import asyncio
import signal
from hashlib import sha256
from pathlib import Path

import pytest
from eventually import eventually
from fixtures.dovecot import dovecot as dovecot  # noqa: PLC0414  a fixture
from fixtures.imap_wire import ImapWire
from fixtures.mail_server import MailServer
from fixtures.samples import facts
from intake_callers import ADMINISTRATOR, FILLED, INBOUND, OF_JPA, SITI, asked, email
from office import SENDER, Office, document_id, what_became

from bmt.contracts.events import NotificationPrepared
from evaluation.forking import ForkServer
from services.intake.emails import cause_of
from services.intake.mailbox import TWICE
from services.notification import main as notification
from services.notification.settings import Settings as NotificationSettings

pytestmark = [pytest.mark.integration, pytest.mark.dovecot]

CORPUS = sorted((Path(__file__).parent / "corpus").rglob("*.eml"))
ONE_OF_EACH = {path.parent: path for path in CORPUS}.values()
"""Of each kind; what all the others are, the tests of the reader say."""
AWAY = email("Saya bercuti.", Auto_Submitted="auto-replied", Message_ID="<cuti@jpa.gov.my>")
CHAT = email("Tuan, saya ingin memohon. Terima kasih.", Message_ID="<chat@mampu.gov.my>")


@pytest.fixture
async def office(dovecot, surroundings, mongodb, variables):
    await surroundings.wire.create(INBOUND)
    office = Office(dovecot, surroundings, mongodb, variables)
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


async def test_every_message_is_one_thing_kept_byte_for_byte_and_stays_in_the_mailbox(office):
    expected = {}
    for path in ONE_OF_EACH:
        office.dovecot.deliver(path.read_bytes())
    too_large = email("x" * 79 + "\n", Subject="besar", Message_ID="<besar@x.my>") + b"y" * 300_000
    office.dovecot.deliver(too_large)
    before = office.dovecot.there()
    names = [path.parent.name for path in ONE_OF_EACH] + ["inbox"]
    for name, (_, content) in zip(names, before.values(), strict=True):
        expected[document_id(content)] = name
    assert len(expected) == len(names)
    async with office.intake(email_max_bytes=250_000):
        await office.all_taken(len(names))
    became = [what_became(commit) for commit in await office.commits()]
    assert sorted(became) == sorted(expected.items())
    after = office.dovecot.there()
    assert {uid: content for uid, (_, content) in after.items()} == {
        uid: content for uid, (_, content) in before.items()
    }
    for _, content in after.values():
        assert await office.stored(document_id(content)) == content


async def test_what_people_marked_stays_marked_and_what_they_deleted_is_not_expunged(office):
    office.dovecot.deliver(CHAT)
    client = office.dovecot.client()
    client.select()
    client.uid("STORE", "1", "+FLAGS", r"(\Deleted \Flagged)")
    client.logout()
    async with office.intake():
        await office.all_taken(1)
    ((flags, _),) = office.dovecot.there().values()
    assert flags == {r"\Deleted", r"\Flagged", "$BmtTaken"}


async def test_a_set_aside_message_bothers_nobody_and_can_still_become_a_request(office, as_):
    office.dovecot.deliver(AWAY)
    async with office.intake() as intake:
        await office.all_taken(1)
        waiting = await intake.get("/v1/inbox?status=waiting", headers=as_(*ADMINISTRATOR))
        assert waiting.json()["items"] == []
        aside = await intake.get("/v1/inbox?status=set_aside", headers=as_(*ADMINISTRATOR))
        (item,) = aside.json()["items"]
        address = f"/v1/inbox/{item['inbox_item_id']}"
        whole = (await intake.get(address, headers=as_(*ADMINISTRATOR))).json()
        assert (whole["reason"], whole["reason_code"]) == ("A machine sent it.", "machine_sent")
        answer = await intake.post(
            f"{address}/registration", json=asked(channel=None), headers=as_(*ADMINISTRATOR)
        )
        assert answer.status_code == 201, answer.text
        whole = (await intake.get(address, headers=as_(*ADMINISTRATOR))).json()
        assert (whole["status"], whole["reason"]) == ("registered", None)


async def test_the_same_message_twice_is_one_request(office):
    office.dovecot.deliver(email())
    office.dovecot.deliver(email())
    async with office.intake():
        await office.all_taken(2)
    assert len(await office.commits()) == 1


async def test_a_message_that_was_handed_in_over_http_too_is_one_request(office, as_):
    one = email(Message_ID="<dua-pintu@mampu.gov.my>")
    office.dovecot.deliver(b"Received: from mx1\r\n" + one)
    async with office.intake() as intake:
        await office.all_taken(1)
        (commit,) = await office.commits()
        headers = as_(*ADMINISTRATOR) | {"Content-Type": "message/rfc822"}
        answer = await intake.post("/v1/emails", content=one, headers=headers)
        assert answer.status_code == 201, answer.text
        assert commit["stream"] == f"request-{answer.json()['request_id']}"
    assert len(await office.commits()) == 1


async def test_what_was_taken_when_messages_were_known_by_their_bytes_is_not_taken_again(office):
    office.dovecot.deliver(email())
    ((_, content),) = office.dovecot.there().values()
    async with office.intake():
        await office.all_taken(1)
    await office.rename_commit(cause_of("MAMPU", sha256(content).digest()))
    before = await office.commits()
    office.dovecot.forget()
    async with office.intake():
        await office.all_taken(1)
    assert await office.commits() == before


async def test_two_replicas_take_each_message_once(office):
    for number in range(10):
        office.dovecot.deliver(email(FILLED, Message_ID=f"<{number}@mampu.gov.my>"))
    async with office.intake(), office.intake():
        await office.all_taken(10)
    assert len(await office.commits()) == 10


@pytest.mark.parametrize("command", [b"BODY.PEEK", b"STORE", b"LOGOUT"])
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


async def test_a_server_that_is_killed_only_delays(office, as_):
    for number in range(40):
        office.dovecot.deliver(email(FILLED, Message_ID=f"<{number}@mampu.gov.my>"))
    async with office.intake() as intake:
        await eventually(lambda: 0 < office.dovecot.marked < 40)
        office.dovecot.kill()
        assert (await intake.get("/readyz")).status_code == 200
        office.dovecot.start()
        office.dovecot.become_ready()
        await office.all_taken(40)

        async def looked() -> None:  # a message is marked before it counts as taken
            metrics = (await intake.get("/metrics")).text
            assert 'bmt_mailbox_waiting_messages{agency="MAMPU"} 0.0' in metrics
            assert 'bmt_mailbox_last_look_seconds{agency="MAMPU"}' in metrics
            assert "mampu.gov.my" not in metrics

        await eventually(looked)
    assert len(await office.commits()) == 40
    assert len(office.dovecot.there()) == 40


async def test_a_server_that_never_answers_hinders_nobody(office, wire_to, as_):
    wire = await wire_to(hold_at=b"AUTHENTICATE")
    async with office.intake(wire.port) as intake:
        await asyncio.wait_for(wire.held.wait(), 20)
        assert (await intake.get("/readyz")).status_code == 200
        headers = as_(*ADMINISTRATOR) | {"Content-Type": "message/rfc822"}
        answer = await intake.post("/v1/emails", content=email(), headers=headers)
        assert answer.status_code == 201


async def test_where_the_server_counts_anew_nothing_is_taken_twice(office):
    office.dovecot.deliver(email())
    office.dovecot.deliver(CHAT)
    async with office.intake():
        await office.all_taken(2)
    first = await office.commits()
    office.dovecot.forget()
    assert office.dovecot.marked == 0
    async with office.intake():
        await office.all_taken(2)
    assert await office.commits() == first


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


async def test_the_answer_goes_into_the_senders_thread_and_its_bounce_finds_the_request(
    office, as_, posted
):
    office.dovecot.deliver(email(Message_ID="<thread@mampu.gov.my>"))
    async with office.intake() as intake, notifying(office, posted):
        await office.all_taken(1)
        (request,) = await office.commits()
        request_id = request["stream"].removeprefix("request-")
        (receipt,) = await eventually(lambda: posted.taken[SITI] or False)
        assert receipt["In-Reply-To"] == receipt["References"] == "<thread@mampu.gov.my>"
        assert receipt["Auto-Submitted"] == "auto-replied"

        async def told():
            answer = await intake.get(f"/v1/requests/{request_id}", headers=as_(*ADMINISTRATOR))
            assert "notification_prepared" in {step["step"] for step in answer.json()["steps"]}

        await eventually(told)
        office.dovecot.deliver(returned(posted.raw[SITI][0]))
        office.dovecot.deliver(away(receipt["Message-ID"]))
        office.dovecot.deliver(posted.raw[SITI][0])
        await office.all_taken(4)
        found = (await intake.get("/v1/inbox", headers=as_(*ADMINISTRATOR))).json()["items"]
        (bounce,) = [item for item in found if item["status"] == "waiting"]
        assert bounce["bounce"] == {"message_id": receipt["Message-ID"], "request_id": request_id}
        assert [item["status"] for item in found].count("set_aside") == 2
    assert len(posted.taken[SITI]) == 1, "a machine was answered"


async def test_a_bounce_goes_to_the_agency_of_its_request(office, surroundings, as_):
    of_jpa = facts(agency="JPA", reply_through="email")
    notice = NotificationPrepared(
        request=of_jpa,
        about="acknowledgement",
        channel="email",
        recipient="tiada@jpa.gov.my",
        message_id="<0192f0aa-1c2a-7b3c-8d4e-5f6071829399@mygovuc.gov.my>",
    )
    async with office.intake() as intake:
        await surroundings.wire.say(notice)

        async def known():
            where = f"/v1/requests/{of_jpa.request_id}"
            assert (await intake.get(where, headers=as_(*OF_JPA))).status_code == 200

        await eventually(known)
        office.dovecot.deliver(returned(f"Message-ID: {notice.message_id}\r\n".encode()))
        await office.all_taken(1)
        for who, items in ((OF_JPA, 1), (ADMINISTRATOR, 0)):
            found = (await intake.get("/v1/inbox", headers=as_(*who))).json()["items"]
            assert len(found) == items


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


async def test_a_hostile_message_waits_for_a_person_and_the_next_one_is_taken(office):
    office.dovecot.deliver(email("E-mel: " + "<mailto:" * 100_000, Message_ID="<jahat@x.my>"))
    office.dovecot.deliver(email())
    async with office.intake():
        await office.all_taken(2)
    assert sorted(what_became(commit)[1] for commit in await office.commits()) == [
        "inbox",
        "request",
    ]


async def test_the_server_that_a_mailbox_trusts_tells_whether_a_sender_is_authenticated(office):
    results = {
        "<baik@x.my>": "mx.x.my; dmarc=pass header.from=mygovuc.gov.my",
        "<palsu@x.my>": "mx.x.my; dmarc=fail header.from=mygovuc.gov.my",
        "<lain@x.my>": "mx.luar.example; dmarc=pass header.from=mygovuc.gov.my",
    }
    for message_id, told in results.items():
        message = email(FILLED, Message_ID=message_id, Authentication_Results=told)
        office.dovecot.deliver(message)
    async with office.intake(authserv_id="mx.x.my"):
        await office.all_taken(len(results))
    received = [commit["events"][0]["data"] for commit in await office.commits()]
    doubted = {
        one["email_message_id"] for one in received if "sender_not_authenticated" in one["warnings"]
    }
    assert doubted == {"<palsu@x.my>", "<lain@x.my>"}


async def test_one_address_is_not_written_to_again_and_again_for_what_strangers_send(office):
    """The messages wait for a person: nothing is lost, and nobody is flooded."""
    for number in range(4):
        office.dovecot.deliver(email(FILLED, Message_ID=f"<{number}@x.my>"))
    async with office.intake(acknowledgements_per_hour=2):
        await office.all_taken(4)
    became = sorted(how for _, how in map(what_became, await office.commits()))
    assert became == ["inbox", "inbox", "request", "request"]
