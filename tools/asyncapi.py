"""The AsyncAPI 3.0 document of the topics, generated from the models."""

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

SUBMITTED: Final[dict[str, tuple[str, bool]]] = {
    "ce_specversion": ("1.0.", True),
    "ce_id": ("Yours for this event: the same source and id again is the same submission.", True),
    "ce_source": ("Who you are, as a URI reference.", True),
    "ce_type": ("The event's type, with its version.", True),
    "ce_subject": ("What the event is about, as you name it.", False),
    "ce_time": ("When it happened (RFC 3339, with an offset).", False),
    "ce_dataschema": ("The schema's name.", False),
    "content-type": (
        "application/json, also when left out; or application/cloudevents+json (structured mode).",
        False,
    ),
    "traceparent": ("W3C trace context; what is none is ignored.", False),
}
"""As HEADERS, of what integrators publish; extensions of their own are taken and not read."""

_SUBMITTING: Final = (
    "CloudEvents 1.0, one event a record, in binary mode, or in structured mode, where the value holds the attributes and "
    "data or data_base64; batches are not taken. Required are "
    "specversion, id, source, type and data; every other attribute may be left out, or be null in structured mode. "
    "id, source, type and subject have at most 512 characters, and no control characters. "
    "The data is a JSON object in which no name appears twice. A value has at most 1 MiB (1048576 bytes). Records may be "
    "compressed by any codec of Kafka; a batch has at most 32 MiB once it is decompressed. A transactional producer's "
    "transactional.id begins with the integrator's name (hrmis-1); what was aborted is never read. What is refused "
    "becomes a dead letter with the headers bmt_reason and bmt_detail, and holds up nothing that comes after it."
)


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
    channels["inbound"]["description"] = _SUBMITTING
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
    headers = SUBMITTED if model is RequestSubmitted else HEADERS
    properties: dict[str, Any] = {
        name: {"type": "string", "description": text} for name, (text, _) in headers.items()
    }
    properties["ce_type"] |= {"const": type_}
    return {
        "name": type_,
        "title": title,
        "summary": (model.__doc__ or "").strip().splitlines()[0],
        "headers": {
            "type": "object",
            "properties": properties,
            "required": [name for name, (_, always) in headers.items() if always],
        },
        "payload": {"$ref": f"#/components/schemas/{title}"},
    }


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel.replace('~', '~0').replace('/', '~1')}"},
        "summary": summary,
    }
