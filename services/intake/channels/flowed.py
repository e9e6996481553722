"""Lines that a mail program wrapped and said so (`format=flowed`, RFC 3676), made whole again."""

from typing import Final

_SIGNATURE: Final = "-- "


def unflowed(text: str, *, del_sp: bool = False) -> str:
    """The text with its soft line breaks taken out; `del_sp`: the space before them goes too (4.1)."""
    whole: list[str] = []
    pieces: list[str] = []
    depth = 0
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.lstrip(">")
        level = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        is_signature = bare == _SIGNATURE
        if pieces and (level != depth or is_signature):
            whole.append(_quoted(pieces, depth))
            pieces = []
        depth = level
        flows = bare.endswith(" ") and not is_signature
        pieces.append(bare[:-1] if flows and del_sp else bare)
        if not flows:
            whole.append(_quoted(pieces, depth))
            pieces = []
    return "\n".join((*whole, *([_quoted(pieces, depth)] if pieces else [])))


def _quoted(pieces: list[str], depth: int) -> str:
    line = "".join(pieces)
    return f"{'>' * depth} {line}" if depth else line
