"""Settings come from the environment, and a wrong one is named."""

import importlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from fixtures.ledger_keys import KEYS, RECORDS_KEY
from pydantic import Field

import web.settings
from bmt.chassis.http.app import warn_of_what_is_not_encrypted
from bmt.chassis.runtime.observability import set_up_logs
from bmt.chassis.runtime.settings import NotYaml, ServiceSettings, is_secret, load, read_yaml


class ParcelSettings(ServiceSettings):
    service: ClassVar[str] = "parcels"

    carriers: dict[str, list[str]] = Field(default={})


def test_one_prefix_separates_the_databases_of_two_systems(environment):
    environment.setenv("BMT_DATABASE_PREFIX", "trial_")
    settings = load(ParcelSettings)
    assert (settings.database, settings.documents_database) == ("trial_parcels", "trial_documents")


def test_an_empty_variable_counts_as_not_set(environment):
    for name in ("DATABASE_PREFIX", "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM"):
        environment.setenv(f"BMT_{name}", "")
    assert load(ParcelSettings).database == "bmt_parcels"


def test_kafka_clients_get_credentials_only_where_there_are_some(environment):
    options = load(ParcelSettings).kafka_client_options()
    assert options["sasl_plain_username"] == "parcels"
    assert options["sasl_plain_password"] == SECRETS["BMT_KAFKA_PASSWORD"]
    for name in [name for name in (*GIVEN, *SECRETS) if "KAFKA" in name][1:]:
        environment.delenv(name)
    without = load(ParcelSettings).kafka_client_options()
    assert set(without) == {"bootstrap_servers", "client_id", "security_protocol"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BMT_PORT", ""),
        ("BMT_PORT", "hunter"),
        ("BMT_PORT", "70000"),
        ("BMT_KAFKA_BOOTSTRAP_SERVERS", ""),
        ("BMT_KAFKA_SECURITY_PROTOCOL", "hunter"),
        ("BMT_KAFKA_SASL_MECHANISM", ""),
        ("BMT_KAFKA_USERNAME", ""),
        ("BMT_MONGODB_URI", ""),
        ("BMT_ISSUER", ""),
        ("BMT_ISSUER", "hunter"),
        ("BMT_AGENCIES_FILE", ""),
        ("BMT_LOG_LEVEL", "loud"),
        ("BMT_LOG_FORMAT", "xml"),
        ("BMT_OTLP_ENDPOINT", "collector:4317"),
        ("BMT_OTLP_ENDPOINT", "https://a:b@collector"),
        ("BMT_CARRIERS", "{not json"),
    ],
)
def test_a_variable_that_is_missing_or_wrong_is_named(environment, refusal, name, value):
    environment.setenv(name, value)
    assert refusal(ParcelSettings).startswith(f"{name} is {'wrong' if value else 'missing'}: ")


PROCESSES = (
    "intake",
    "approval",
    "provisioning",
    "notification",
    "records",
    "records.statistics",
)

GIVEN = {
    "BMT_PORT": "8101",
    "BMT_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:8120",
    "BMT_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "BMT_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "BMT_KAFKA_USERNAME": "parcels",
    "BMT_ISSUER": "http://127.0.0.1:8100",
    "BMT_AGENCIES_FILE": "agencies.yaml",
    "BMT_IPMS_URL": "http://127.0.0.1:8130/v2",
    "BMT_STORAGE_URL": "http://127.0.0.1:8140",
    "BMT_STORAGE_VOLUMES": "volumes",
    "BMT_SMTP_HOST": "127.0.0.1",
    "BMT_SMTP_SENDER": "bmt@mygovuc.gov.my",
}

SECRETS = {
    "BMT_KAFKA_PASSWORD": "hunter-of-kafka",
    "BMT_MONGODB_URI": "mongodb://parcels:hunter-of-mongodb@127.0.0.1:8121/?replicaSet=bmt",
    "BMT_IPMS_TOKEN": "hunter-of-ipms",
    "BMT_STORAGE_PASSWORD": "hunter-of-storage",
    "BMT_LEDGER_KEYS": KEYS.strip(),
    "BMT_RECORDS_KEY": RECORDS_KEY,
    "BMT_SESSION_KEY": "hunter-of-sessions, 32 characters or more",
    "BMT_STATUS_CODE_KEY": "hunter-of-codes, 32 characters or more",
}

MAY_LACK = {
    "BMT_MAILBOXES",
    "BMT_SMTP_PASSWORD",
    "BMT_SFTPGO_KEY",
    "BMT_NEXTCLOUD_PASSWORD",
    "BMT_SESSION_KEY",
    "BMT_LOGIN_CLIENT_SECRET",
    "BMT_STATUS_CODE_KEY",
    "BMT_WEBHOOK_SECRETS",
}

"""Where a mail server wants no login; where the storage is another; where there are no pages; where they are a public client; where nobody is told a code; where no mailbox is read; where no webhook is called."""


def settings_of(process):
    return importlib.import_module(f"services.{process}.settings").Settings


def secrets_of(process):
    fields = settings_of(process).model_fields
    return {f"BMT_{name.upper()}" for name, field in fields.items() if is_secret(field)}


@pytest.fixture
def environment(monkeypatch):
    for name, value in {**GIVEN, **SECRETS}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def refusal(capsys):
    """`line = refusal(Settings)`: the one line that a process says which does not start, with no secret in it."""

    def refused(settings):
        with pytest.raises(SystemExit) as stopped:
            load(settings)
        assert stopped.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "hunter" not in line
        return line

    return refused


def values_of(settings):
    return {
        f"BMT_{name.upper()}": getattr(settings, name).get_secret_value()
        for name, field in type(settings).model_fields.items()
        if is_secret(field) and getattr(settings, name) is not None
    }


@pytest.mark.parametrize("process", PROCESSES)
def test_a_name_that_sounds_secret_is_one(process):
    """A field added tomorrow without SecretStr would be shown in errors and in logs."""
    telling = ("password", "token", "secret", "uri", "key")
    for name, field in settings_of(process).model_fields.items():
        if any(word in name.split("_") for word in telling):
            assert is_secret(field), name


@pytest.mark.parametrize("process", PROCESSES)
def test_every_secret_may_come_from_a_file(environment, tmp_path, process):
    for name in secrets_of(process) & SECRETS.keys():
        file = tmp_path / name
        file.write_text(SECRETS[name] + "\n")
        environment.delenv(name)
        environment.setenv(f"{name}_FILE", str(file))

    found = values_of(load(settings_of(process)))

    assert found == {name: SECRETS[name] for name in secrets_of(process) if name in SECRETS}


@pytest.mark.parametrize(
    ("process", "name"),
    [(process, name) for process in PROCESSES for name in sorted(secrets_of(process) - MAY_LACK)],
)
def test_a_start_without_a_secret_is_refused_by_its_name(environment, refusal, process, name):
    environment.delenv(name)
    assert refusal(settings_of(process)).startswith(f"{name} is missing: ")


def test_pages_without_a_key_for_their_cookies_are_refused(environment, refusal):
    for name in ("PUBLIC", "INTAKE", "APPROVAL", "PROVISIONING", "NOTIFICATION", "RECORDS"):
        environment.setenv(f"BMT_{name}_URL", "https://bmt.example")
    assert load(web.settings.Settings).session_key is not None
    for key, wrong in (("", "missing"), ("hunter, too short", "wrong")):
        environment.setenv("BMT_SESSION_KEY", key)
        assert refusal(web.settings.Settings).startswith(f"BMT_SESSION_KEY is {wrong}: ")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"x" * 100_000])
def test_a_file_that_holds_no_secret_is_refused_by_its_variable(
    environment, tmp_path, refusal, content
):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    environment.delenv("BMT_MONGODB_URI")
    environment.setenv("BMT_MONGODB_URI_FILE", str(file))
    said = refusal(settings_of("approval"))
    assert said.startswith(f"BMT_MONGODB_URI_FILE is wrong: {file} ")


def test_a_secret_that_is_given_twice_is_refused(environment, tmp_path, refusal):
    (tmp_path / "secret").write_text("hunter-of-files")
    environment.setenv("BMT_MONGODB_URI_FILE", str(tmp_path / "secret"))
    said = refusal(settings_of("approval"))
    assert said.startswith("BMT_MONGODB_URI is wrong: BMT_MONGODB_URI_FILE gives it, too")


@pytest.mark.parametrize("process", PROCESSES)
def test_settings_show_no_secret_however_they_are_written(environment, process):
    settings = load(settings_of(process))
    for text in (repr(settings), str(settings), str(settings.model_dump()), f"{vars(settings)}"):
        assert "hunter" not in text
    assert "hunter" not in settings.model_dump_json()


ROOT = Path(__file__).parents[3]

OUTSIDE = {
    "intake": {"BMT_ISSUER", "BMT_WEB_URL", "BMT_IPMS_URL"},
    "approval": {"BMT_ISSUER", "BMT_WEB_URL"},
    "provisioning": {"BMT_ISSUER", "BMT_IPMS_URL", "BMT_STORAGE_URL"},
    "notification": {"BMT_ISSUER", "BMT_WEB_URL"},
    "records": {"BMT_ISSUER", "BMT_WEB_URL"},
}

ADDRESSES = sorted(set.union(*OUTSIDE.values()))

ENCRYPTED = {
    "BMT_MONGODB_URI": "mongodb://parcels:hunter@db/?replicaSet=bmt&tls=true",
    "BMT_SMTP_SECURITY": "starttls",
}

each_service = pytest.mark.parametrize("service", OUTSIDE)

each_address = pytest.mark.parametrize(
    ("service", "address"),
    [(service, address) for service, addresses in OUTSIDE.items() for address in sorted(addresses)],
)


@pytest.fixture
def production(environment):
    """Everything by https and TLS, and nothing allowed beyond."""
    environment.delenv("BMT_ALLOW_HTTP")
    for name, value in (dict.fromkeys(ADDRESSES, "https://bmt.example") | ENCRYPTED).items():
        environment.setenv(name, value)
    return environment


@each_service
def test_https_and_tls_are_accepted_in_silence(production, service):
    assert list(load(settings_of(service)).not_encrypted()) == []


@each_address
def test_an_address_outside_that_is_not_encrypted_is_refused_by_name(
    production, refusal, service, address
):
    production.setenv(address, "http://bmt.example")
    line = refusal(settings_of(service))
    assert line.startswith(f"{address} is wrong: http:// is not encrypted")
    assert "BMT_ALLOW_HTTP" in line


@each_service
def test_what_is_allowed_is_said_at_every_start(production, service):
    production.setenv("BMT_ALLOW_HTTP", "true")
    for address in OUTSIDE[service]:
        production.setenv(address, "http://bmt.example")
    production.setenv("BMT_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    production.setenv("BMT_MONGODB_URI", SECRETS["BMT_MONGODB_URI"])
    log = io.StringIO()
    set_up_logs(service, stream=log)
    warn_of_what_is_not_encrypted(load(settings_of(service)))
    said = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {(line["level"], line["event"]) for line in said} == {("warning", "not_encrypted")}
    assert {line["variable"] for line in said} == OUTSIDE[service] | {
        "BMT_KAFKA_SECURITY_PROTOCOL",
        "BMT_MONGODB_URI",
    }


def test_a_process_says_it_before_anything_else(production):
    production.setenv("BMT_ALLOW_HTTP", "true")
    production.setenv("BMT_ISSUER", "http://issuer.example")
    production.setenv("BMT_AGENCIES_FILE", "is not there, so that it ends")
    process = subprocess.run(
        [sys.executable, "-m", "services.approval.main"], cwd=ROOT, capture_output=True, check=False
    )
    assert process.returncode == 2
    first = json.loads(process.stdout.splitlines()[0])
    assert (first["event"], first["variable"]) == ("not_encrypted", "BMT_ISSUER")


@pytest.mark.parametrize(
    ("uri", "encrypted"),
    [
        ("mongodb://db/", False),
        ("mongodb://db/?ssl=true", True),
        ("mongodb+srv://db.example/", True),
        ("mongodb+srv://db.example/?tls=false", False),
    ],
)
def test_mongodb_is_encrypted_where_its_address_says_so(production, uri, encrypted):
    production.setenv("BMT_MONGODB_URI", uri)
    assert load(settings_of("approval")).mongodb_encrypted() is encrypted


@pytest.mark.parametrize("security", ["none", "if-offered", ""])
def test_mail_that_may_go_in_the_open_is_said(production, security):
    production.setenv("BMT_SMTP_SECURITY", security)
    assert list(load(settings_of("notification")).not_encrypted()) == ["BMT_SMTP_SECURITY"]


@pytest.mark.parametrize(
    "option", ["tlsInsecure", "tlsAllowInvalidCertificates", "TLSAllowInvalidHostnames"]
)
def test_an_address_that_trusts_anybody_who_calls_itself_mongodb_is_refused(
    production, refusal, option
):
    uri = f"mongodb://parcels:hunter@db/?tls=true&{option}"
    production.setenv("BMT_MONGODB_URI", f"{uri}=false")
    load(settings_of("approval"))
    production.setenv("BMT_MONGODB_URI", f"{uri}=true")
    assert refusal(settings_of("approval")).startswith("BMT_MONGODB_URI is wrong: with tls")


@pytest.mark.parametrize("part", ["KAFKA", "MONGODB"])
@pytest.mark.parametrize("kind", ["CA", "CERTIFICATE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_for_tls_that_cannot_be_used_is_named(
    production, refusal, tmp_path, part, kind, content
):
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)
    production.setenv(f"BMT_{part}_{kind}_FILE", str(file))
    said = refusal(settings_of("approval"))
    assert said.startswith(f"BMT_{part}_{kind}_FILE is wrong: {file} cannot be used: ")


def test_files_for_tls_are_refused_where_kafka_is_spoken_to_without(production, refusal):
    production.setenv("BMT_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    production.setenv("BMT_KAFKA_CA_FILE", "ca.pem")
    assert "BMT_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT has none" in refusal(settings_of("approval"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((word, word) for word in ("on", "off", "yes", "no", "NO", "y", "=", "<<")),
        *((text, text) for text in ("0b11", "12:30", "190:20:30", "1_000")),
        *((time, time) for time in ("2026-11-28", "2026-11-28T09:00:00Z")),
        ("true", True),
        ("False", False),
        ("0123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("10000000000", 10_000_000_000),
        ("1e3", 1000.0),
        *((nothing, None) for nothing in ("null", "~", "")),
    ],
)
def test_a_value_reads_as_yaml_1_2_says(written, value):
    found = read_yaml(f"key: {written}")["key"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("key", ["on", "yes", "no", "off"])
def test_a_word_of_yaml_1_1_is_a_key_like_any_other(key):
    assert read_yaml(f"{key}: 1") == {key: 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: a stands there twice, first in line 1"),
        ("a: {b: 1, b: 2}\n", "line 1: b stands there twice, first in line 1"),
        ("JPA: {}\n'JPA': {}\n", "line 2: JPA stands there twice, first in line 1"),
        ("a: [1\n", "line 2: "),
        ("a: 1\n b: 2\n", "line 2: "),
        ("a: *nowhere\n", "line 1: "),
        ("a: !!python/object:os.system {}\n", "line 1: "),
        ("a: 1\n---\nb: 2\n", "line 2: "),
        ("a: \x07\n", "control characters"),
    ],
)
def test_what_has_no_one_meaning_is_refused_with_its_line(text, says):
    with pytest.raises(NotYaml) as refused:
        read_yaml(text)
    assert says in str(refused.value) or says.startswith("control")
    assert "\n" not in str(refused.value)
