"""`bmt witness` from outside: what continues what was seen is cosigned and timestamped, anything else is kept and cried out."""

import asyncio
from pathlib import Path

import pytest
from fixtures.time_stamping import OPENSSL, Authority
from typer.testing import CliRunner

from bmt.cli.main import app
from services.records.tree.checkpoints import Signer

pytestmark = pytest.mark.e2e


@pytest.fixture
def witness(ready, token, tmp_path):
    """`await witness(*more)`: the command's exit code and what it says."""

    async def witness(*more):
        arguments = [
            *("witness", "--url", ready["services"]["records"]["url"]),
            *("--ledger-keys", str(Path(ready["data"]) / "records" / "ledger.vkeys")),
            *("--folder", str(tmp_path / "saksi")),
            *map(str, more),
        ]
        runner = CliRunner(env={"BMT_TOKEN": token("auditor")})
        done = await asyncio.to_thread(runner.invoke, app, arguments)
        return done.exit_code, done.stdout + done.stderr

    return witness


async def test_each_checkpoint_is_held_against_the_last_one_and_a_shorter_ledger_is_refused(
    witness, caller, account, ready, tmp_path
):
    code, said = await witness()
    assert (code, "cosigned by bmt-witness+" in said) == (0, True)
    admin = caller("administrator")
    request_id = await admin.submit(account=account)
    assert (await admin.decide(request_id, "approve")).status_code == 201
    await admin.until(request_id, "filed")
    assert (await witness())[0] == 0

    # What this witness saw last was longer than what it is shown now, and the ledger's own key signed both.
    latest = tmp_path / "saksi" / "latest.txt"
    origin, size, root, at, *_ = latest.read_text().split("\n")
    pem = (Path(ready["data"]) / "records" / "ledger-keys.pem").read_text()
    signer = Signer.from_pem(origin, pem)
    latest.write_text(signer.sign(f"{origin}\n{int(size) + 1000}\n{root}\n{at}\n"))
    code, said = await witness()
    assert (code, "NOT cosigned" in said) == (1, True)
    assert f"leaves are left of {int(size) + 1000}" in said
    assert len(list((tmp_path / "saksi").glob("refused-*.txt"))) == 1


@pytest.mark.skipif(OPENSSL is None, reason="no openssl on the PATH, which is the authority here")
async def test_an_authority_attests_when_each_checkpoint_was_there(witness, tmp_path):
    authority = Authority(tmp_path / "tsa")
    with authority.serving() as url:
        code, said = await witness("--timestamp-url", url, "--timestamp-roots", authority.roots)
    assert (code, "timestamped 20" in said) == (0, True)
    (stamp,) = (tmp_path / "saksi").glob("*.tsr")
    assert authority.attests(stamp.with_suffix(".txt"), stamp)


@pytest.mark.skipif(OPENSSL is None, reason="no openssl on the PATH, which is the authority here")
async def test_without_a_good_answer_the_checkpoint_is_kept_and_the_command_says_so(
    witness, tmp_path
):
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    with theirs.serving() as url:
        code, said = await witness("--timestamp-url", url, "--timestamp-roots", ours.roots)
    assert (code, "NOT timestamped" in said) == (1, True)
    code, said = await witness("--timestamp-url", url, "--timestamp-roots", ours.roots)
    assert (code, "gave no timestamp" in said) == (3, True)
    assert (tmp_path / "saksi" / "latest.txt").exists()
    assert list((tmp_path / "saksi").glob("*.tsr")) == []
    assert (await witness("--timestamp-url", url))[0] == 2
