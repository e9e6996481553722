"""The AsyncAPI 3.0 document of the topics, told from the models."""

from typing import Any, Final

from pydantic import BaseModel

from bmt.contracts import topics
from bmt.contracts.events import RequestSubmitted

_INTEGRATOR: Final = "{integrator}"

HEADERS: Final[dict[str, tuple[str, bool]]] = {
    "ce_specversion": ("Always 1.0.", True),
    "ce_id": ("The event's id (UUIDv7).", True),
    "ce_source": ("Who says it: /bmt/<service>, or the integrator's own URI reference.", True),
    "ce_type": ("The event's type, with its version.", True),
    "ce_subject": ("The request's id; of a SubmissionRefused, the refusal's.", False),
    "ce_time": ("When it happened (RFC 3339, UTC).", True),
    "ce_dataschema": ("The schema's name.", False),
    "ce_sequence": (
        "Its place in the writer's stream of this request (on an outbound topic: of this submission), from 1.",
        False,
    ),
    "ce_correlationid": ("The request's id.", False),
    "ce_causationid": ("The event or command that led to it.", False),
    "content-type": ("application/json.", True),
    "traceparent": ("W3C trace context.", False),
}
"""CloudEvents attributes of Kafka's binary mode: what each holds, and whether it is always there."""


def document() -> dict[str, Any]:
    """The whole document: channels, who sends, who may receive, messages and schemas."""
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic, models in topics.EVENTS.items():
        _channel(topic, topic, models, channels, messages, schemas)
        writer = topics.WRITERS[topic]
        operations[f"{writer}_says"] = _operation(
            "send", topic, f"{writer} alone writes this topic"
        )
    inbound = topics.inbound(_INTEGRATOR)
    _channel("inbound", inbound, (RequestSubmitted,), channels, messages, schemas)
    channels["inbound"]["parameters"] = {
        "integrator": {"description": "The outside system's name; it writes here and nowhere else."}
    }
    _channel("outbound", topics.outbound(_INTEGRATOR), topics.ANSWERS, channels, messages, schemas)
    channels["outbound"]["parameters"] = {
        "integrator": {"description": "The outside system's name; it reads here and nowhere else."}
    }
    operations["intake_answers"] = _operation(
        "send", "outbound", "what became of a submission; key = its ce_id"
    )
    operations["intake_hears"] = _operation("receive", "inbound", "a submission, never a fact")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "bmt events",
            "version": "1",
            "description": "CloudEvents 1.0 on Kafka, binary mode; key = request id, and on an outbound "
            "topic the id of the submission. Fields are only added: ignore those you do not know.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(
    name: str,
    address: str,
    models: tuple[type[BaseModel], ...],
    channels: dict[str, Any],
    messages: dict[str, Any],
    schemas: dict[str, Any],
) -> None:
    named = {model.__name__: model for model in models}
    channels[name] = {
        "address": address,
        "messages": {title: {"$ref": f"#/components/messages/{title}"} for title in named},
    }
    for title, model in named.items():
        messages[title] = _message(title, model)
        schema = model.model_json_schema(
            by_alias=True,
            ref_template="#/components/schemas/{model}",
            mode="validation" if model is RequestSubmitted else "serialization",
        )
        schemas |= schema.pop("$defs", {})
        schemas[title] = schema


def _message(title: str, model: type[BaseModel]) -> dict[str, Any]:
    type_: str = model.TYPE  # type: ignore[attr-defined]
    properties: dict[str, Any] = {
        name: {"type": "string", "description": text} for name, (text, _) in HEADERS.items()
    }
    properties["ce_type"] |= {"const": type_}
    return {
        "name": type_,
        "title": title,
        "summary": (model.__doc__ or "").strip().splitlines()[0],
        "headers": {
            "type": "object",
            "properties": properties,
            "required": [name for name, (_, always) in HEADERS.items() if always],
        },
        "payload": {"$ref": f"#/components/schemas/{title}"},
    }


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel.replace('~', '~0').replace('/', '~1')}"},
        "summary": summary,
    }
