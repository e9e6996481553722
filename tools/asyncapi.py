"""The AsyncAPI 3.0 document of the topics, generated from the models."""

from collections.abc import Iterator
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
    "transactional.id begins with the integrator's name (hrmis-1); what was aborted is never read. Personal data stands in "
    "the data's applicant and justification alone: not in ids, sources, headers, keys and source_reference. What is refused "
    "becomes a dead letter with the headers bmt_reason and bmt_detail, and holds up nothing that comes after it."
)


_ACCESS: Final = [{"$ref": "#/components/securitySchemes/scram"}]

SERVERS: Final[dict[str, Any]] = {
    "agency": {
        "host": "{bootstrap}",
        "protocol": "kafka-secure",
        "description": "An agency's brokers, by TLS. Its operator tells addresses, authority and password.",
        "variables": {"bootstrap": {"default": "kafka.agency.example:9093"}},
        "security": _ACCESS,
    },
    "evaluation": {
        "host": "127.0.0.1:8120",
        "protocol": "kafka",
        "description": "What `make up` starts; the passwords stand in its ready file, under kafka.principals.",
        "security": _ACCESS,
    },
}

_SCRAM: Final = {
    "type": "scramSha512",
    "description": "SASL with SCRAM-SHA-512. Each service and each integrator has a user of its own, who may read "
    "and write no more than what this document says of it.",
}


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
        "servers": SERVERS,
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas,
            "securitySchemes": {"scram": _SCRAM},
        },
    }


def fields() -> list[str]:
    """Each field of each event, by its path: `<event> <path> <kind> required|optional`, in order.

    A consumer of any of our events relies on every line, and a publisher of `SUBMISSION` on there being no further
    required ones.
    """
    components = document()["components"]["schemas"]
    models = (*(model for some in topics.EVENTS.values() for model in some), *topics.ANSWERS)
    found = set()
    for model in (*models, RequestSubmitted):
        found |= set(_fields_of(model.__name__, components[model.__name__], components))
    return sorted(found)


SUBMISSION: Final = RequestSubmitted.__name__


def taken_back(before: list[str], now: list[str]) -> list[str]:
    """What breaks somebody who was told `before`: a field that is gone or another, and a new one to submit."""
    gone = [line for line in before if line not in now]
    asked = [
        line for line in now if line.startswith(f"{SUBMISSION} ") and line.endswith(" required")
    ]
    return gone + [line for line in asked if line not in before]


def _fields_of(path: str, schema: dict[str, Any], components: dict[str, Any]) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}" if "." in path or " " in path else f"{path} {name}"
        kinds, nested = [], []
        for each in field.get("anyOf", field.get("oneOf", [field])):
            many = each.get("type") == "array"
            inner = each.get("items", {}) if many else each
            if "$ref" in inner:
                inner = components[inner["$ref"].rpartition("/")[2]]
            kind = inner.get("format") or inner.get("type") or "any"
            kinds.append(f"{kind}[]" if many else kind)
            nested.append(inner)
        needed = "required" if name in schema.get("required", ()) else "optional"
        yield f"{here} {'|'.join(kinds)} {needed}"
        for inner in nested:
            yield from _fields_of(here, inner, components)


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
