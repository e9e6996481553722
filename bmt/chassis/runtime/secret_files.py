"""Secrets from files: `BMT_MONGODB_URI_FILE=/run/secrets/uri` in the place of `BMT_MONGODB_URI`.

A file can be given to one process alone, and does not appear in lists of processes or containers.
"""

from pathlib import Path
from typing import Any, Final, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

SUFFIX: Final = "_FILE"
MOST_BYTES: Final = 64 * 1024


class SecretFileWrong(Exception):  # noqa: N818  named for what is so
    """A variable names a file that cannot be used. The text names the file, never its content."""


class SecretFiles(EnvSettingsSource):
    """A source of settings: for each secret, the file that its variable with `_FILE` names."""

    def __init__(self, settings_class: type[BaseSettings]) -> None:
        super().__init__(settings_class)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The secret of one field, if a file is named for it. Raises `SecretFileWrong` if that fails."""
        if not is_secret(field):
            return None, field_name, False
        name = f"{self.env_prefix}{field_name}".upper()
        path = self._given(name + SUFFIX)
        if not path:
            return None, field_name, False
        if self._given(name):
            raise SecretFileWrong(f"{name} is wrong: {name}{SUFFIX} gives it, too")
        return _read(name + SUFFIX, Path(path)), field_name, False

    def _given(self, name: str) -> str:
        return self.env_vars.get(name.lower()) or ""


def is_secret(field: FieldInfo) -> bool:
    """Whether a field holds a secret, required or not."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _read(name: str, path: Path) -> str:
    """The text without the line break that an editor leaves at its end."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SecretFileWrong(f"{name} is wrong: {path} cannot be read: {why}") from None
    if not text or len(content) > MOST_BYTES:
        raise SecretFileWrong(f"{name} is wrong: {path} is empty or too large")
    return text
