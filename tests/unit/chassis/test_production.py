"""Production is not evaluation: nothing leaves the system unencrypted unless that was allowed, and then it is said."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_secrets import GIVEN, SECRETS, settings_of

from bmt.chassis.http.app import warn_of_what_is_not_encrypted
from bmt.chassis.runtime.observability import set_up_logs
from bmt.chassis.runtime.settings import load

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
def production(monkeypatch):
    """Everything by https and TLS, and nothing allowed beyond."""
    monkeypatch.delenv("BMT_ALLOW_HTTP")
    given = GIVEN | SECRETS | dict.fromkeys(ADDRESSES, "https://bmt.example") | ENCRYPTED
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@each_service
def test_https_and_tls_are_accepted_in_silence(production, service):
    assert list(load(settings_of(service)).not_encrypted()) == []


@each_address
def test_an_address_outside_that_is_not_encrypted_is_refused_by_name(
    production, capsys, service, address
):
    production.setenv(address, "http://bmt.example")
    with pytest.raises(SystemExit) as stopped:
        load(settings_of(service))
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
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
    production, capsys, option
):
    uri = f"mongodb://parcels:hunter@db/?tls=true&{option}"
    production.setenv("BMT_MONGODB_URI", f"{uri}=false")
    load(settings_of("approval"))
    production.setenv("BMT_MONGODB_URI", f"{uri}=true")
    with pytest.raises(SystemExit):
        load(settings_of("approval"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("BMT_MONGODB_URI is wrong: with tls")
    assert "hunter" not in line


@pytest.mark.parametrize("part", ["KAFKA", "MONGODB"])
@pytest.mark.parametrize("kind", ["CA", "CERTIFICATE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_for_tls_that_cannot_be_used_is_named(
    production, capsys, tmp_path, part, kind, content
):
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)
    production.setenv(f"BMT_{part}_{kind}_FILE", str(file))
    with pytest.raises(SystemExit):
        load(settings_of("approval"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"BMT_{part}_{kind}_FILE is wrong: {file} cannot be used: ")


def test_files_for_tls_are_refused_where_kafka_is_spoken_to_without(production, capsys):
    production.setenv("BMT_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    production.setenv("BMT_KAFKA_CA_FILE", "ca.pem")
    with pytest.raises(SystemExit):
        load(settings_of("approval"))
    assert "BMT_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT has none" in capsys.readouterr().err
