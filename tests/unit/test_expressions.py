"""No regular expression of the product takes long, whatever it is given: it holds the interpreter while it runs."""

import ast
import importlib
import json
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHARACTERS = 100_000
FEW_CHARACTERS = 4_000
"""Enough to tell which strings an expression works longest at; those alone are made long."""
LONG_STRINGS = 2
MOST_SECONDS = 0.4
"""Of the processor, for one string: 4 µs a character; a quadratic expression takes five seconds, and a hundred times as
long for a message of a megabyte."""
METHODS = ("search", "match", "fullmatch", "sub", "split", "findall", "finditer")
FAILS = ("", "\n!")
SAMPLES = 2
BLANKS = (" ", "\t", "\n", "a", "<")


@dataclass(frozen=True)
class Expression:
    """One expression, and how it is used."""

    where: str
    pattern: Any
    flags: int
    methods: tuple[str, ...]


def expressions() -> list[Expression]:
    """All that the sources compile, at the top of a module or in passing."""
    found = []
    for folder in ("bmt", "services", "web"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "re." in (text := path.read_text()):
                found += list(_of_module(path, ast.parse(text)))
    return found


def _of_module(path: Path, tree: ast.Module) -> Iterator[Expression]:
    where = path.relative_to(ROOT).as_posix()
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _of_re(node)]
    if not calls:
        return
    module = importlib.import_module(where.removesuffix(".py").replace("/", "."))
    for call in calls:
        name = f"{where}:{call.lineno}"
        function = call.func.attr
        source = compile(ast.Expression(call.args[0]), name, "eval")
        try:
            pattern = eval(source, dict(vars(module)))
        except NameError:
            yield from _of_table(name, module)
            continue
        flags = _flags(call, module)
        methods = _methods(tree, call) if function == "compile" else (function,)
        yield Expression(name, pattern, flags, methods)


def _of_table(where: str, module: Any) -> list[Expression]:
    """Expressions that a table at the top of the module holds; there is none in passing."""
    tables = [one for one in vars(module).values() if isinstance(one, tuple | list | dict)]
    rows = [(row, "fullmatch") for each in tables if not isinstance(each, dict) for row in each]
    rows += [
        ((each,), "search") for one in tables if isinstance(one, dict) for each in one.values()
    ]
    table = [
        Expression(where, row[0].pattern, row[0].flags & ~re.UNICODE, (method,))
        for row, method in rows
        if isinstance(row, tuple) and row and isinstance(row[0], re.Pattern)
    ]
    assert table, f"{where} makes an expression in passing: compile it at the top of the module"
    return table


def _of_re(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
        and function.attr in (*METHODS, "compile")
    )


def _flags(call: ast.Call, module: Any) -> int:
    """Those given, by name or as the last argument."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    if call.func.attr == "compile" and len(call.args) > 1:
        given.append(call.args[1])
    return (
        int(eval(compile(ast.Expression(given[0]), "", "eval"), dict(vars(module)))) if given else 0
    )


def _methods(tree: ast.Module, call: ast.Call) -> tuple[str, ...]:
    """How the name that the expression is bound to is used; in every way where that cannot be told."""
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is call
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in names
        and node.attr in METHODS
    }
    return tuple(sorted(used)) or ("search", "fullmatch")


def hostile(expression: Expression) -> Iterator[tuple[str, str, str]]:
    """Strings that make a backtracking expression work: its beginnings and its repetitions, again and again.

    Each is what it begins with, what is repeated, and its end.
    """
    is_text = isinstance(expression.pattern, str)
    text = expression.pattern if is_text else expression.pattern.decode("latin-1")
    tree = re._parser.parse(text, expression.flags)
    pumps: dict[tuple[str, str], None] = {("", blank): None for blank in BLANKS}
    for variant in range(SAMPLES):
        items = list(tree)
        for cut in range(1, len(items) + 1):
            if cut == len(items) or str(items[cut][0]) != "LITERAL":
                pumps["", _sample(items[:cut], variant)] = None
        for before, body in _repeated(items, "", variant):
            pumps[before, body] = None
    for before, body in pumps:
        if body:
            for end in FAILS:
                yield before, body, end


def _repeated(items: Any, before: str, variant: int) -> Iterator[tuple[str, str]]:
    for item in items:
        name, argument = str(item[0]), item[1]
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            body = _sample(argument[2], variant)
            yield before, body
            yield "", before + body
            yield from _repeated(argument[2], before, variant)
        elif name == "SUBPATTERN":
            yield from _repeated(argument[3], before, variant)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _repeated(branch, before, variant)
        elif name == "ATOMIC_GROUP":
            yield from _repeated(argument, before, variant)
        before += _sample([item], variant)


def _sample(items: Any, variant: int) -> str:
    """A text that these match."""
    return "".join(_one(str(name), argument, variant) for name, argument in items)


def _one(name: str, argument: Any, variant: int) -> str:
    match name:
        case "LITERAL":
            sample = chr(argument)
        case "NOT_LITERAL" | "ANY":
            sample = "ab "[variant]
        case "IN":
            sample = _of_class(argument, variant)
        case "SUBPATTERN":
            sample = _sample(argument[3], variant)
        case "ATOMIC_GROUP":
            sample = _sample(argument, variant)
        case "BRANCH":
            sample = _sample(argument[1][variant % len(argument[1])], variant)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            sample = _sample(argument[2], variant) * max(int(argument[0]), 1)
        case _:
            sample = ""
    return sample


def _of_class(members: Any, variant: int) -> str:
    compiled = re.compile(_class_text(members))
    candidates = [
        chr(code) for code in (97, 48, 32, 9, 45, 60, 65, 34, 95, 64, *range(33, 127), 0x2010, 1)
    ]
    fitting = [one for one in candidates if compiled.fullmatch(one)]
    return fitting[variant % len(fitting)] if fitting else ""


def _class_text(members: Any) -> str:
    categories = {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}
    categories |= {
        "CATEGORY_NOT_DIGIT": r"\D",
        "CATEGORY_NOT_SPACE": r"\S",
        "CATEGORY_NOT_WORD": r"\W",
    }
    made = ""
    for name, argument in members:
        if str(name) == "NEGATE":
            made += "^"
        elif str(name) == "LITERAL":
            made += re.escape(chr(argument))
        elif str(name) == "RANGE":
            made += f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
        else:
            made += categories[str(argument)]
    return f"[{made}]"


def attack(expression: Expression) -> tuple[float, str]:
    """The longest time that it took for a long string, and for which."""
    screened = sorted(
        (taken(expression, method, parts, FEW_CHARACTERS), method, parts)
        for parts in hostile(expression)
        for method in expression.methods
    )
    return max(
        (taken(expression, method, parts, CHARACTERS), repr("".join(parts))[:60])
        for _, method, parts in screened[-LONG_STRINGS:]
    )


def taken(
    expression: Expression, method: str, parts: tuple[str, str, str], characters: int
) -> float:
    """Seconds of the processor that one string takes."""
    before, body, end = parts
    made = before + body * (characters // len(body)) + end
    text = made if isinstance(expression.pattern, str) else made.encode("latin-1", "replace")
    more = (type(text)(),) if method == "sub" else ()
    compiled = re.compile(expression.pattern, expression.flags)
    began = time.process_time()
    found = getattr(compiled, method)(*more, text)
    if method == "finditer":
        list(found)
    return time.process_time() - began


def test_no_expression_takes_long_whatever_it_is_given():
    """In a process that can be ended: an expression that is slow cannot be interrupted here."""
    attacked = subprocess.Popen(
        [sys.executable, __file__], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    slow, files, last = [], set(), "none yet"
    try:
        for line in iter(lambda: _line(attacked), ""):
            where, pattern, seconds, text = json.loads(line)
            files.add(where.partition(":")[0])
            last = f"after {where} {pattern}"
            if seconds > MOST_SECONDS:
                slow.append(f"{where}: {pattern} took {seconds:.1f} s for {text}...")
    except TimeoutError:
        pytest.fail(f"an expression does not end: the one {last}")
    finally:
        attacked.kill()
        attacked.wait()
    assert slow == []
    assert "the end" in last
    assert {"services/intake/channels/email_form.py", "bmt/contracts/values.py"} <= files


def _line(attacked: subprocess.Popen[str]) -> str:
    selector = selectors.DefaultSelector()
    selector.register(attacked.stdout, selectors.EVENT_READ)
    if not selector.select(timeout=60):
        raise TimeoutError
    return attacked.stdout.readline()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for one in expressions():
        told = json.dumps([one.where, str(one.pattern), *attack(one)])
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()
    sys.stdout.write('["the end", "", 0, ""]\n')
