"""The services' image, laid out here as its Dockerfile lays it out: what runs in it, and what is not in it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from fixtures.compose import FOLDER, ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

STAGES = re.split(r"^FROM ", (FOLDER / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
COPIED = re.compile(r"^COPY (?!--from)(.+) (/app/\S*)$", re.MULTILINE)
EVALUATION = ("setup", "demo", "up", "down", "token --role applicant", "prove")
IMPORTED = """
import importlib, json, pathlib, sys
from importlib import metadata
for name in sys.argv[1:]:
    importlib.import_module(name)
of = metadata.packages_distributions()
tops = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(json.dumps(sorted({name for top in tops for name in of.get(top, [])})))
"""
REFUSED = """
import sys
from bmt.cli.main import app
for command in sys.argv[1:]:
    try:
        app(command.split())
    except SystemExit as ended:
        print(command, ended.code)
"""


def stage(name):
    (found,) = (text for text in STAGES if text.splitlines()[0].endswith(f" AS {name}"))
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """`image("-m", "bmt.cli.main", "topics")`: Python, where nothing is but what the image holds."""
    root = tmp_path_factory.mktemp("image")
    for sources, target in COPIED.findall(stage("service")):
        for source in sources.split():
            inside = root / target.removeprefix("/")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, inside, dirs_exist_ok=True)
            else:
                to = inside / Path(source).name if target.endswith("/") else inside
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, to)
    app = root / "app"
    # This checkout is installed here; in the image it is not.
    (app / "sitecustomize.py").write_text(
        f"import sys\nsys.path[:] = [p for p in sys.path if p != {str(ROOT)!r}]\n"
    )
    environment = {name: value for name, value in os.environ.items() if name[:4] != "BMT_"}

    def python(*arguments, **variables):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=app,
            env={**environment, "PYTHONPATH": str(app), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    python.app = app
    return python


def test_what_runs_in_the_image_needs_nothing_of_the_evaluation(image):
    modules = [
        *(f"services.{path.parent.name}.main" for path in (ROOT / "services").glob("*/main.py")),
        "services.records.statistics.main",
        "web.main",
        "bmt.backup.copying",
        *(f"bmt.cli.{path.stem}" for path in (ROOT / "bmt" / "cli").glob("*.py")),
        *("bmt.rights.kafka_rights", "bmt.rights.mongodb_rights"),  # what the jobs run
    ]
    ended = image("-c", IMPORTED, *modules)
    assert ended.returncode == 0, ended.stderr
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    of_evaluation = {canonicalize_name(Requirement(line).name) for line in extras["evaluation"]}
    assert not of_evaluation & {canonicalize_name(name) for name in json.loads(ended.stdout)}


def test_no_part_of_the_evaluation_is_in_it(image):
    assert {path.name for path in image.app.iterdir()} - {"__pycache__"} == {
        "bmt",
        "services",
        "web",
        "healthcheck.py",
        "sitecustomize.py",
    }


def test_a_command_of_the_evaluation_says_that_it_is_not_for_here(image):
    ended = image("-c", REFUSED, *EVALUATION)
    assert ended.stdout.splitlines() == [f"{command} 2" for command in EVALUATION], ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == len(EVALUATION)
    for line in lines:
        assert line.startswith("bmt: this is for an evaluation, whose parts are not installed here")


def test_an_operators_command_works_in_it(image):
    there = {
        "BMT_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "BMT_MONGODB_URI": "mongodb://127.0.0.1:1/",
    }
    ended = image("-m", "bmt.cli.main", "parked", "list", **there)
    assert ended.returncode == 3, ended.stderr
    assert ended.stderr == "bmt: mongodb cannot be reached (ServerSelectionTimeoutError)\n"


def test_a_bundle_is_fetched_from_where_the_environment_says(image):
    there = {"BMT_RECORDS_URL": "http://127.0.0.1:1", "BMT_TOKEN": "token"}
    ended = image("-m", "bmt.cli.main", "records", "export", "some-request", **there)
    assert ended.returncode == 3, ended.stderr
