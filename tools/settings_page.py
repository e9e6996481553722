"""Writes docs/settings.md: every environment variable of every process, from the settings classes alone.

`python tools/settings_page.py` writes it; `--check` says whether it differs from what is committed.
"""

import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from bmt.chassis.runtime.settings import OUTSIDE, SUFFIX, SetBy, is_secret
from bmt.cli.main import app
from bmt.cli.witness import TOKEN

PAGE: Final = Path("docs/settings.md")
PROCESSES: Final = {
    **{
        name: f"services.{name}"
        for name in ("intake", "approval", "provisioning", "notification", "records")
    },
    "web": "web",
    "statistics": "services.records.statistics",
}
"""Each process with the package that has its `main` and its `settings`."""
COMMANDS: Final = "bmt.cli.connections"
OF_COMMANDS: Final = ("OperatorKafka", "OperatorMongodb", "RecordsKey")

UNITS: Final = {
    "port": "TCP port",
    "per_second": "calls a second",
    "per_hour": "an hour",
    "seconds": "seconds",
    "bytes": "bytes",
    "days": "days",
    "hours": "hours",
}
"""What a number counts, by the end of its variable's name."""

READ_BY_HAND: Final[Mapping[str, tuple[str, str, str]]] = {
    TOKEN: (
        "secret text",
        "`bmt failures`, `bmt records`, `bmt witness`",
        "The bearer token of whoever calls: an operator, an administrator of the agency, an auditor.",
    ),
    "BMT_PROVISIONING_URL": (
        "address",
        "`bmt failures`, `bmt doctor`",
        "Where provisioning's API is; `bmt failures` needs BMT_TOKEN, too.",
    ),
    "BMT_RECORDS_URL": (
        "address",
        "`bmt records`, `bmt doctor`",
        "Where records' API is; `bmt records` needs BMT_TOKEN, too.",
    ),
    "BMT_INTAKE_URL": ("address", "`bmt doctor`", "Where intake's API is."),
    "BMT_APPROVAL_URL": ("address", "`bmt doctor`", "Where approval's API is."),
    "BMT_NOTIFICATION_URL": ("address", "`bmt doctor`", "Where notification's API is."),
    "BMT_AGENCIES_FILE": (
        "path",
        "`bmt doctor`",
        "YAML file of the agencies' rules, to be checked.",
    ),
    "BMT_ACLS_FILE": (
        "path",
        "`bmt topics`, `bmt doctor`, and the job that gives Kafka's users their rights",
        "YAML file of Kafka's topics and rights; default: deploy/kafka/acls.yaml beside the code.",
    ),
}
"""Variables that a command reads without a settings class or an option."""

HEAD: Final = """\
# Settings

Written by `make docs` from the settings classes: change those, not this page. Every variable is read once, at the start. An empty one
counts as not set; a wrong or missing one is named, and the process exits with 2.

- **needed**: the process does not start without it. Others have the default that stands in the column, or – (nothing).
- **secret**: never shown. `BMT_X_FILE` may name a file that holds it, in the place of `BMT_X`.
- **https**: an address that begins with `http://` is refused, unless `BMT_ALLOW_HTTP=true`.
- **set by**: *agency*: whoever installs and operates bmt for an agency. *evaluation*: `make up` and `make demo`, on one machine without TLS, which
  show at once what may take longer elsewhere. *tests*: they keep systems apart on one Kafka and MongoDB, or call faster than people. An agency
  leaves what these two alone set as it is.

What is not listed is a constant beside its use. The agencies' own rules are in [agencies.yaml](operator.md#rules-of-the-agencies).
"""


def settings_of(process: str) -> type[BaseSettings]:
    found: type[BaseSettings] = importlib.import_module(f"{PROCESSES[process]}.settings").Settings
    return found


def variable(name: str) -> str:
    return f"BMT_{name.upper()}"


def own_fields(group: type[BaseSettings]) -> Mapping[str, FieldInfo]:
    """The fields that a class adds to those of its bases."""
    own = inspect.get_annotations(group)
    return {name: field for name, field in group.model_fields.items() if name in own}


def groups() -> dict[type[BaseSettings], list[str]]:
    """Each class that has fields of its own, with its processes; the most general first."""
    found: dict[type[BaseSettings], list[str]] = {}
    for process in PROCESSES:
        for group in reversed(settings_of(process).__mro__):
            if issubclass(group, BaseSettings) and group.__module__ != BaseSettings.__module__:
                found.setdefault(group, []).append(process)
    with_fields = {group: users for group, users in found.items() if own_fields(group)}
    order = sorted(with_fields, key=lambda group: -len(with_fields[group]))
    return {group: with_fields[group] for group in order}


def page() -> str:
    """The whole page."""
    parts = [HEAD, _overview()]
    for group, users in groups().items():
        parts.append(_section(group, users))
    parts.append(_commands())
    return "\n".join(parts)


def _overview() -> str:
    rows = []
    for process, package in PROCESSES.items():
        fields = settings_of(process).model_fields
        needed = [variable(name) for name, field in fields.items() if field.is_required()]
        secret = [variable(name) for name, field in fields.items() if is_secret(field)]
        rows.append([process, f"`{package}.main`", _codes(needed), _codes(secret), len(fields)])
    return _table(["process", "is", "needs", "its secrets", "settings in all"], rows)


TITLES: Final = {
    "ProcessSettings": "Every process",
    "HttpSettings": "Every process that answers calls",
    "KafkaSettings": "Kafka",
    "MongodbSettings": "MongoDB",
    "ServiceSettings": "Every service",
}


def _section(group: type[BaseSettings], users: Sequence[str]) -> str:
    if len(users) == 1:
        heading = users[0].capitalize()
    else:
        title = TITLES.get(group.__name__, "Some services")
        heading = f"{title}\n\nOf {', '.join(users)}."
    rows = [_row(name, field) for name, field in own_fields(group).items()]
    return f"## {heading}\n\n{_table(_COLUMNS, rows)}"


_COLUMNS: Final = ["variable", "without it", "value", "set by", "what it says"]


def _row(name: str, field: FieldInfo) -> list[object]:
    if not field.description:
        raise ValueError(f"{variable(name)} has no description")
    default = (
        "**needed**"
        if field.is_required()
        else _default(field.get_default(call_default_factory=True))
    )
    by = next((one.whom for one in field.metadata if isinstance(one, SetBy)), "agency")
    return [f"`{variable(name)}`", default, _value(name, field), by, field.description]


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None or value in ("", (), {}):
        return "–"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _value(name: str, field: FieldInfo) -> str:
    kind = next(one for one in _kinds(field.annotation) if one is not type(None))
    if kind in (int, float):
        return _number(name, field.metadata)
    if get_origin(kind) is Literal:
        return _codes(get_args(kind))
    if kind is str and (name.endswith("_url") or name == "issuer"):
        return "address, https" if OUTSIDE in field.metadata else "address"
    return _WRITTEN.get(kind, "JSON")


_WRITTEN: Final = {SecretStr: "secret text", bool: "`true`, `false`", Path: "path", str: "text"}


def _kinds(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, UnionType):
        for one in get_args(annotation):
            yield from _kinds(one)
    elif get_origin(annotation) is Annotated:
        yield get_args(annotation)[0]
    else:
        yield annotation


def _unit(name: str) -> str:
    return next((unit for end, unit in UNITS.items() if name.endswith(end)), "number")


def _number(name: str, metadata: Sequence[Any]) -> str:
    unit = _unit(name)
    bounds = {
        bound: getattr(one, bound)
        for one in metadata
        for bound in ("ge", "gt", "le")
        if hasattr(one, bound)
    }
    least, most = bounds.get("ge"), bounds.get("le")
    if least is not None and most is not None:
        return f"{unit}, {least:.10g} to {most:.10g}"
    if most is not None:
        return f"{unit}, up to {most:.10g}"
    return unit if least is None else f"{unit}, at least {least:.10g}"


def _commands() -> str:
    """The operators' commands: how they reach Kafka and MongoDB, then what each has of its own."""
    module = importlib.import_module(COMMANDS)
    fields: dict[str, FieldInfo] = {}
    for name in OF_COMMANDS:
        fields |= getattr(module, name).model_fields
    shared = [variable(name) for name in fields if not _is_of_commands_alone(name)]
    own = {name: field for name, field in fields.items() if _is_of_commands_alone(name)}
    rows = [_row(name, field) for name, field in own.items()]
    rows += [_of_option(command, option) for command, option in _options()]
    rows += [
        [f"`{name}`", "–", value, "agency", f"{used_by}: {about}"]
        for name, (value, used_by, about) in READ_BY_HAND.items()
    ]
    return (
        "## The operators' commands\n\nBeside `make up` they need none. Elsewhere, as for a service: "
        f"{_codes(shared)}. And:\n\n{_table(_COLUMNS, rows)}"
    )


def _is_of_commands_alone(name: str) -> bool:
    return not any(name in settings_of(process).model_fields for process in PROCESSES)


def _options() -> Iterator[tuple[str, Any]]:
    """Each option that a variable may give, with its command."""

    def below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
        for option in command.params:
            if getattr(option, "envvar", None):
                yield path, option
        for name in getattr(command, "commands", {}):
            _, inner, _ = command.resolve_command(None, [name])
            yield from below(f"{path} {name}", inner)

    yield from below("bmt", typer.main.get_command(app))


def _of_option(command: str, option: Any) -> list[object]:
    value = "text" if option.max is None else f"{_unit(option.name)}, {option.min} to {option.max}"
    default = "**needed**" if option.required else _default(option.default)
    about = f"`{command} {option.opts[0]}`: {option.help}"
    return [f"`{option.envvar}`", default, value, "agency", about]


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(content: object) -> str:
    return str(content).replace("|", "\\|").replace("\n", " ")


def variables() -> frozenset[str]:
    """Every variable of the page; a secret also with the end that makes it a file's."""
    found = set(READ_BY_HAND) | {str(option.envvar) for _, option in _options()}
    module = importlib.import_module(COMMANDS)
    for settings in (
        *map(settings_of, PROCESSES),
        *(getattr(module, name) for name in OF_COMMANDS),
    ):
        for name, field in settings.model_fields.items():
            found.add(variable(name))
            if is_secret(field):
                found.add(variable(name) + SUFFIX)
    return frozenset(found)


def main() -> None:
    """Write or check; exits with 1 when a check finds a difference."""
    wanted = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(wanted, encoding="utf-8")
        return
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != wanted:
        sys.stderr.write(f"{PAGE} differs from the settings: make docs writes it again\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
