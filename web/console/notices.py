"""The pages that edit the words of notices, as paragraphs and lines in both languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.http.pagination import Id, Page
from bmt.contracts.http.notification import (
    NoticePreview,
    RestoreDefault,
    SaveTemplate,
    Template,
    Wording,
)
from bmt.contracts.problems import FieldError, Refused
from web.clients import VisitorClient, address
from web.console.access import ADMITTED
from web.console.forms import Form
from web.forms import Sent, all_told, new_key, validated
from web.ports import Client, Here, Ports

router = APIRouter(prefix="/notices", dependencies=[ADMITTED])

_SEE_OTHER: Final = 303
LANGUAGES: Final = ("malay", "english")
PARTS: Final = ("opening", "onward", "closing", "signatory")


@dataclass(frozen=True, slots=True)
class WordsForm:
    """The form of one notice's words.

    Attributes:
        version: the version that was read when the form was shown.
        typed: by language and part, `malay-opening`; and `why`.
    """

    key: str = field(default_factory=new_key)
    version: int = 0
    typed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_template(cls, template: Template) -> "WordsForm":
        typed = {
            f"{language}-{part}": _typed(getattr(template.words, language), part)
            for language in LANGUAGES
            for part in PARTS
        }
        return cls(new_key(), template.version, typed)

    @classmethod
    def of(cls, sent: Sent) -> "WordsForm":
        names = [f"{language}-{part}" for language in LANGUAGES for part in PARTS]
        version = sent.text("version")
        number = int(version) if version.isascii() and version.isdigit() else 0
        return cls(new_key(), number, {name: sent.text(name) for name in (*names, "why")})

    def value(self, name: str) -> str:
        return self.typed.get(name, "")

    def words(self) -> Mapping[str, object]:
        return {language: self._wording(language) for language in LANGUAGES}

    def saved(self) -> Mapping[str, object]:
        """The body that saves the words.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        told = {"words": self.words(), "why": self.value("why").strip(), "version": self.version}
        return validated(SaveTemplate, told).model_dump(mode="json")

    def _wording(self, language: str) -> Mapping[str, object]:
        told: dict[str, object] = {
            "opening": _one_line(self.value(f"{language}-opening")),
            "onward": _paragraphs(self.value(f"{language}-onward")),
            "closing": _lines(self.value(f"{language}-closing")),
        }
        if signatory := _one_line(self.value(f"{language}-signatory")):
            told["signatory"] = signatory
        return told


def faults_of(refused: Refused | None) -> dict[str, FieldError]:
    """The fault of each field: `/words/malay/onward/1` belongs to `malay-onward`."""
    faults: dict[str, FieldError] = {}
    for fault in refused.errors if refused else ():
        steps = [step for step in fault.pointer.split("/") if step and step != "words"]
        faults.setdefault("-".join(steps[:2]) if steps else "", fault)
    return faults


def _typed(wording: Wording, part: str) -> str:
    value = getattr(wording, part)
    if value is None or isinstance(value, str):
        return value or ""
    return ("\n\n" if part == "onward" else "\n").join(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _paragraphs(text: str) -> Sequence[str]:
    """Paragraphs are separated by an empty line; a single line break is a space."""
    plain = text.replace("\r\n", "\n").split("\n\n")
    return [paragraph for one in plain if (paragraph := _one_line(one))]


def _lines(text: str) -> Sequence[str]:
    return [line for one in text.splitlines() if (line := _one_line(one))]


@router.get("")
async def listed(request: Request, here: Here, client: Client) -> Response:
    asked = {"limit": 50}
    found = await client.get("notification", address("templates"), Page[Template], asked)
    return here.layout.page(request, "notices.html", found=found.items)


@router.get("/{about}")
async def one(request: Request, here: Here, about: Id, client: Client) -> Response:
    template = await _template(client, about)
    return _page(here, request, template, WordsForm.of_template(template))


@router.post("/{about}")
async def act(request: Request, here: Here, about: Id, client: Client, told: Form) -> Response:
    form, key = WordsForm.of(told), told.key
    path, preview = address("templates", about), address("templates", about, "preview")
    words = {"words": form.words()}
    try:
        match told.text("do"):
            case "preview":
                tried = await client.post("notification", preview, words, NoticePreview, key)
                return _page(here, request, await _template(client, about), form, tried)
            case "letter" | "memo" | "form" as paper:
                asked = {"as": paper}
                return _paper(await client.made("notification", preview, words, key, asked))
            case "default":
                path, body = address("templates", about, "default"), _restored(form)
                await client.post("notification", path, body, Template, key)
            case _:
                await client.put("notification", path, form.saved(), Template, key)
    except Refused as refused:
        return _page(here, request, await _template(client, about), form, refused=refused)
    return RedirectResponse(request.url.path, _SEE_OTHER)


def _page(
    here: Ports,
    request: Request,
    template: Template,
    form: WordsForm,
    preview: NoticePreview | None = None,
    refused: Refused | None = None,
) -> Response:
    return here.layout.page(
        request,
        "notice.html",
        notice=template,
        form=form,
        preview=preview,
        refused=refused,
        faults=faults_of(refused),
        told=all_told(refused),
        languages=LANGUAGES,
        parts=PARTS,
    )


def _paper(content: bytes) -> Response:
    headers = {"Content-Disposition": 'inline; filename="pratonton.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


async def _template(client: VisitorClient, about: str) -> Template:
    return await client.get("notification", address("templates", about), Template)


def _restored(form: WordsForm) -> Mapping[str, Any]:
    told = {"why": form.value("why").strip(), "version": form.version}
    return validated(RestoreDefault, told).model_dump(mode="json")
