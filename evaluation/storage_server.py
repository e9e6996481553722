"""copyparty, started so that a reload of its configuration takes time with the volumes, not with their square.

Two of its steps look at everything for each volume: at every user, for a name with a placeholder (`${u}`), which
none of our volumes has; and at every line read so far, for a comment without its two spaces. With 1,300 volumes
that is most of the nine seconds of a reload. Both are told here to look at what is new; what they answer is the same.

A new volume's index is made by two dozen statements that wait for the disk one by one, a quarter of a second on a busy
one. Here it is copied from an index that was made in memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from copyparty import authsrv, up2k
from copyparty.__main__ import main

ANYBODY: Final[Mapping[str, Sequence[str]]] = {"": [""]}
"""Users with their groups, where it does not matter who they are."""

IN_MEMORY: Final = ":memory:"

_map_volume = authsrv.AuthSrv._map_volume_idp  # noqa: SLF001  copyparty has no setting for it
_expand = authsrv.expand_config_file
_create_index = up2k.Up2k._create_db  # noqa: SLF001  nor for this


def map_volume(
    self: Any,
    source: str,
    destination: str,
    mount: Any,
    access: Any,
    flags: Any,
    users: Mapping[str, Sequence[str]],
) -> Any:
    """A volume without a placeholder is the same for all users, so it is mapped for one."""
    placeholder = "${" in source + destination
    return _map_volume(
        self, source, destination, mount, access, flags, users if placeholder else ANYBODY
    )


def expand(log: Any, variables: Any, lines: list[str], path: str, included_by: str) -> None:
    """A file's lines are looked through before they come to those of other files, not again after."""
    own: list[str] = []
    _expand(log, variables, own, path, included_by)
    lines.extend(own)


def create_index(self: Any, path: str, cursor: Any) -> Any:
    """An index as copyparty makes it, written at once."""
    made = _create_index(self, IN_MEMORY, None)
    cursor = cursor or self._orz(path)
    made.connection.backup(cursor.connection)
    made.connection.close()
    return cursor


if __name__ == "__main__":
    authsrv.AuthSrv._map_volume_idp = map_volume  # noqa: SLF001
    authsrv.expand_config_file = expand
    up2k.Up2k._create_db = create_index  # noqa: SLF001
    main()
