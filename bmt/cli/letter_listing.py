"""Dead letters as the commands list them. A list shows nothing of the events' content, which may be personal; `whole` does."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bmt.chassis.messaging.dead_letters import Action, Letter, RefusedEvent
from bmt.cli.shown import counted, harmless, moment, one_line
from bmt.contracts.envelope import rfc3339


def document(found: Sequence[RefusedEvent], total: int) -> Mapping[str, Any]:
    """JSON: the first of `total` letters."""
    return {"items": [_item(each) for each in found], "total": total}


def _item(each: RefusedEvent) -> Mapping[str, Any]:
    return {
        "id": each.id,
        "state": each.state,
        "type": each.first.type,
        "request_id": each.request_id,
        "refused_by": each.refused_by,
        "at": rfc3339(each.at),
        "reason": each.first.reason,
        "detail": each.first.detail,
        "letters": [_letter(letter) for letter in each.letters],
        "actions": [_action(action) for action in each.actions],
    }


def _letter(letter: Letter) -> Mapping[str, Any]:
    return {
        "place": letter.place,
        "at": rfc3339(letter.at),
        "refused_by": letter.refused_by,
        "reason": letter.reason,
        "detail": letter.detail,
    }


def _action(action: Action) -> Mapping[str, Any]:
    return {
        "action": action.action,
        "by": action.by,
        "at": rfc3339(action.at),
        "reason": action.reason,
    }


def whole(each: RefusedEvent) -> Mapping[str, Any]:
    """JSON: one letter with its event; what is not UTF-8 is in base64."""
    event = each.first
    return {
        **_item(each),
        "left_at_origin": event.left_at_origin,
        "key": _bytes(event.key),
        "headers": [{"name": name, **_bytes(raw)} for name, raw in event.headers],
        "value": _bytes(event.value),
    }


def _bytes(raw: bytes | None) -> dict[str, str | None]:
    try:
        return {"text": None if raw is None else raw.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw or b"").decode()}


def lines(found: Sequence[RefusedEvent], total: int, what: str) -> list[str]:
    """Text: the first of `total` letters, which `what` names."""
    listed = [line for each in found for line in [*_head(each), ""]]
    shown = f" (the latest {len(found)} shown)" if len(found) < total else ""
    return [*listed, f"{counted(total, what)}{shown}"]


def whole_lines(each: RefusedEvent) -> list[str]:
    """Text: one letter with its event."""
    event = each.first
    if event.left_at_origin and not event.value:
        return [*_head(each), "not kept here: see its origin"]
    if event.left_at_origin:
        return [*_head(each), "cannot be decoded; its bytes as they came:", _text(event.value)]
    return [
        *_head(each),
        f"key: {_text(event.key)}",
        *(f"{one_line(name)}: {one_line(_text(raw))}" for name, raw in event.headers),
        "",
        _text(event.value),
    ]


def _head(each: RefusedEvent) -> Iterable[str]:
    yield f"{one_line(each.id)}  {each.state}"
    yield f"    {one_line(each.first.type or 'of unknown type')}"
    for letter in each.letters:
        why = one_line(f"{letter.reason}: {letter.detail}")
        yield f"    refused by {one_line(letter.refused_by)} at {moment(letter.at)}: {why}"
    for action in each.actions:
        why = f": {one_line(action.reason)}" if action.reason else ""
        yield f"    {action.action} by {one_line(action.by)} at {moment(action.at)}{why}"


def _text(raw: bytes | None) -> str:
    if raw is None:
        return "(none)"
    try:
        return harmless(raw.decode())
    except UnicodeDecodeError:
        return f"(base64) {base64.b64encode(raw).decode()}"
