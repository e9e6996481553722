"""Secrets come from the environment or from files, each is asked for by name, and none is ever shown."""

import importlib

import pytest
from fixtures.ledger_keys import KEYS, RECORDS_KEY

import web.settings
from bmt.chassis.runtime.settings import is_secret, load

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
def test_a_start_without_a_secret_is_refused_by_its_name(environment, capsys, process, name):
    environment.delenv(name)
    with pytest.raises(SystemExit) as stopped:
        load(settings_of(process))
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert said.startswith(f"{name} is missing: ")
    assert "hunter" not in said


def test_pages_without_a_key_for_their_cookies_are_refused(environment, capsys):
    for name in ("PUBLIC", "INTAKE", "APPROVAL", "PROVISIONING", "NOTIFICATION", "RECORDS"):
        environment.setenv(f"BMT_{name}_URL", "https://bmt.example")
    assert load(web.settings.Settings).session_key is not None
    environment.delenv("BMT_SESSION_KEY")
    with pytest.raises(SystemExit):
        load(web.settings.Settings)
    assert capsys.readouterr().err.startswith("BMT_SESSION_KEY is missing: ")
    environment.setenv("BMT_SESSION_KEY", "hunter, too short")
    with pytest.raises(SystemExit):
        load(web.settings.Settings)
    said = capsys.readouterr().err
    assert said.startswith("BMT_SESSION_KEY is wrong: ")
    assert "hunter" not in said


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"x" * 100_000])
def test_a_file_that_holds_no_secret_is_refused_by_its_variable(
    environment, tmp_path, capsys, content
):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    environment.delenv("BMT_MONGODB_URI")
    environment.setenv("BMT_MONGODB_URI_FILE", str(file))
    with pytest.raises(SystemExit) as stopped:
        load(settings_of("approval"))
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(f"BMT_MONGODB_URI_FILE is wrong: {file} ")


def test_a_secret_that_is_given_twice_is_refused(environment, tmp_path, capsys):
    (tmp_path / "secret").write_text("hunter-of-files")
    environment.setenv("BMT_MONGODB_URI_FILE", str(tmp_path / "secret"))
    with pytest.raises(SystemExit):
        load(settings_of("approval"))
    said = capsys.readouterr().err
    assert said.startswith("BMT_MONGODB_URI is wrong: BMT_MONGODB_URI_FILE gives it, too")
    assert "hunter" not in said


@pytest.mark.parametrize("process", PROCESSES)
def test_settings_show_no_secret_however_they_are_written(environment, process):
    settings = load(settings_of(process))
    for text in (repr(settings), str(settings), str(settings.model_dump()), f"{vars(settings)}"):
        assert "hunter" not in text
    assert "hunter" not in settings.model_dump_json()


@pytest.mark.parametrize("wrong", ["BMT_PORT", "BMT_KAFKA_SECURITY_PROTOCOL", "BMT_ISSUER"])
def test_a_wrong_setting_is_refused_without_the_secrets_beside_it(environment, capsys, wrong):
    environment.setenv(wrong, "hunter of something else")
    with pytest.raises(SystemExit):
        load(settings_of("provisioning"))
    assert "hunter" not in capsys.readouterr().err
