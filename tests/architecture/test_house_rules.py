"""The house rules that import-linter cannot say."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("intake", "approval", "provisioning", "notification", "records")
ROOMS = {
    "__init__", "domain", "handlers", "api", "views", "settings", "main",
}  # fmt: skip
"""Each a file, or a folder where one file would be too long."""

PROCEDURE = re.compile(
    r"\b(approv\w*|reject\w*|applicant\w*|terminat\w*|quota\w*|ipms|copyparty|withdraw\w*|memo|folio\w*)\b",
    re.IGNORECASE,
)
LONGEST_FILE = 600
ALONE = {"bmt/verify_record.py"}
"""What an auditor takes away is one file, whatever it needs."""


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_one_module_imports_the_mongodb_driver():
    drivers = {"motor", "pymongo", "gridfs", "bson"}
    importers = {
        path.relative_to(ROOT).as_posix()
        for path in sources("bmt", "services", "web")
        if any(name.split(".")[0] in drivers for name in imported(path))
    }
    assert importers == {"bmt/chassis/runtime/mongodb.py"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service):
    folder = ROOT / "services" / service
    assert {path.stem for path in folder.iterdir()} >= ROOMS


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_it_is_in_one_paragraph_and_no_code(service):
    tree = ast.parse((ROOT / "services" / service / "__init__.py").read_text())
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


@pytest.mark.parametrize("path", sources("bmt/chassis"), ids=lambda path: path.name)
def test_the_chassis_speaks_no_word_of_the_procedure(path):
    words = {match.group().lower() for match in PROCEDURE.finditer(path.read_text())}
    allowed = {"observability.py": {"applicant"}}.get(path.name, set())
    assert words <= allowed, f"{path.name} knows of {sorted(words - allowed)}"


@pytest.mark.parametrize("service", SERVICES)
def test_deciders_are_pure(service):
    folder = ROOT / "services" / service
    impure = {
        "asyncio",
        "os",
        "random",
        "time",
        "uuid",
        "httpx",
        "fastapi",
        "structlog",
        "aiokafka",
    }
    for path in [folder / "domain.py", *(folder / "domain").glob("*.py")]:
        if path.exists():
            tree = ast.parse(path.read_text())
            assert not {name.split(".")[0] for name in imported(path)} & impure, path
            assert not any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(tree)), path


def test_no_file_is_too_long_to_be_one_idea():
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in sources("bmt", "services", "web")
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE
        and str(path.relative_to(ROOT)) not in ALONE
    }
    assert long == {}


def test_no_file_is_named_for_what_it_is_not():
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    assert not [path for path in sources("bmt", "services", "web") if path.stem in vague]


def test_the_environment_is_read_in_settings_alone():
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in sources("bmt/chassis", "services")
        if re.search(r"os\.environ|getenv", path.read_text())
    }
    assert readers == set()
