"""YAML as people write it, by the rules of YAML 1.2 (core schema): one meaning or none.

`on`, `off`, `yes` and `no` are words, `0123` is 123, and `12:30`, `1_000` and `2026-11-28` are text. A
caller that needs a day parses it. YAML 1.1 reads each of them otherwise.
"""

from typing import Any

import yaml
from yamlcore import CoreLoader


class NotYaml(ValueError):  # noqa: N818  named for what is so
    """The text is not valid YAML, or has more than one meaning.

    `line` counts from 1; 0 if it is unknown. The message may quote the text.
    """

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {why}" if line else why)
        self.line = line


class KeyTwice(NotYaml):
    """A key occurs twice in one mapping. The text gives the key and both lines, but no value."""


def read(text: str) -> Any:
    """The value of a text. Raises `NotYaml`, or `KeyTwice`."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506  it makes plain values alone
    except RecursionError:
        raise NotYaml("it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = " ".join(str(error.problem or error.context).split())
        raise NotYaml(why, mark.line + 1 if mark else 0) from None
    except yaml.YAMLError as error:
        raise NotYaml(" ".join(str(error).split())) from None


class _Loader(CoreLoader):  # type: ignore[misc]  # yamlcore has no types
    """Names the repeated key, which yamlcore does not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  as PyYAML calls it
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                raise KeyTwice(
                    f"{key.value} stands there twice, first in line {seen[key.value]}", line
                )
            seen[key.value] = line
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found
