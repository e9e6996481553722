"""Prometheus beside the whole system: every rule works, and every panel shows something."""

import json
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from eventually import eventually
from fixtures.compose import ROOT
from fixtures.prometheus import program

from evaluation import demonstration
from evaluation.demonstration import samples
from evaluation.ports import any_free_port, listening
from evaluation.supervisor import Program, running

pytestmark = [pytest.mark.e2e, pytest.mark.prometheus]

FOLDER = ROOT / "deploy" / "prometheus"
PROCESSES = {"intake", "approval", "provisioning", "notification", "records", "web", "statistics"}
PANELS = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "bmt.json").read_text())["panels"]


def configuration(ready, folder):
    """deploy/prometheus/embedded.yml, for the ports of this system, and in a hurry."""
    urls = {name: service["url"] for name, service in ready["services"].items()}
    urls |= {"statistics": ready["statistics"]["metrics"], "web": ready["web"]["url"]}
    targets = [
        {"targets": [urlsplit(url).netloc], "labels": {"service": name}}
        for name, url in urls.items()
    ]
    (folder / "targets.json").write_text(json.dumps(targets))
    content = yaml.safe_load((FOLDER / "embedded.yml").read_text())
    content["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    content["rule_files"] = [str(FOLDER / file) for file in content["rule_files"]]
    content["scrape_configs"][0]["file_sd_configs"][0]["files"] = ["targets.json"]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(content))
    return folder / "prometheus.yml"


@pytest.fixture
async def prometheus(ready, tmp_path):
    """A Prometheus that scrapes the running system; yields a client of its API."""
    port = any_free_port()
    command = (
        program("prometheus"),
        f"--config.file={configuration(ready, tmp_path)}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    part = Program("prometheus", command, ready=lambda: listening(port))
    url = f"http://127.0.0.1:{port}/api/v1"
    async with running(part, tmp_path / "logs"), httpx.AsyncClient(base_url=url) as client:
        yield client


async def found(prometheus, expression) -> list[dict]:
    response = await prometheus.get("/query", params={"query": expression})
    assert response.status_code == 200, (expression, response.text)  # it listens before it is ready
    answer = response.json()
    assert answer["status"] == "success", (expression, answer.get("error"))
    return answer["data"]["result"]


async def test_every_panel_shows_something_and_every_rule_works(prometheus, officers):
    async def everybody_answers():
        answers = await found(prometheus, "up == 1")
        assert {answer["metric"]["service"] for answer in answers} == PROCESSES

    await eventually(everybody_answers)
    filed, memo = samples()[0], samples()[1]
    left_open = replace(memo, body={**memo.body, "justification": "Masih menunggu keputusan."})
    await demonstration.run_all([filed], officers, lambda *_: None)
    await officers[left_open.agency].receive(left_open)
    queries = [
        target["expr"].replace("$agency", ".*")
        for panel in PANELS
        for target in panel.get("targets", ())
    ]

    async def everything_shown():
        empty = [query for query in queries if not await found(prometheus, query)]
        assert empty == []

    await eventually(everything_shown)

    async def every_rule_works():
        groups = (await prometheus.get("/rules")).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
        absent = [rule for rule in rules if rule["name"] == "BmtServiceAbsent"]
        # Until all were seen for the first time, it waited to become an alert.
        assert [rule["state"] for rule in absent] == ["inactive"]

    await eventually(every_rule_works)
