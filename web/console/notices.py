"""The pages that edit the words of notices, as paragraphs and lines in both languages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from bmt.chassis.http.routes import Id, Page
from bmt.contracts.http.notification import (
    NoticePreview,
    RestoreDefault,
    SaveTemplate,
    Template,
    TemplateVersion,
    Wording,
    Words,
)
from bmt.contracts.problems import FieldError, Refused
from web.clients import VisitorClient, address
from web.console.agency import Difference
from web.console.deciding import people
from web.console.wording import PART_NAME, TONGUE
from web.forms import Form, FormWrong, SubmittedForm, field_faults, new_key, validated
from web.layout import Language
from web.ports import Administrator, Visit

router = APIRouter(prefix="/notices")

LANGUAGES: Final = ("malay", "english")
MOST_VERSIONS: Final = 50
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
    def of(cls, form: SubmittedForm) -> "WordsForm":
        names = [f"{language}-{part}" for language in LANGUAGES for part in PARTS]
        version = form.text("version")
        number = int(version) if version.isascii() and version.isdigit() else 0
        return cls(new_key(), number, {name: form.text(name) for name in (*names, "why")})

    def value(self, name: str) -> str:
        return self.typed.get(name, "")

    def words(self) -> Mapping[str, object]:
        return {language: self._wording(language) for language in LANGUAGES}

    def saved(self) -> Mapping[str, object]:
        """The body that saves the words.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        fields = {"words": self.words(), "why": self.value("why").strip(), "version": self.version}
        return validated(SaveTemplate, fields).model_dump(mode="json")

    def _wording(self, language: str) -> Mapping[str, object]:
        fields: dict[str, object] = {
            "opening": _one_line(self.value(f"{language}-opening")),
            "onward": _paragraphs(self.value(f"{language}-onward")),
            "closing": _lines(self.value(f"{language}-closing")),
        }
        if signatory := _one_line(self.value(f"{language}-signatory")):
            fields["signatory"] = signatory
        return fields


def field_of(pointer: str) -> str:
    """The field that a pointer means: `/words/malay/onward/1` is in `malay-onward`."""
    steps = [step for step in pointer.split("/") if step and step != "words"]
    return "-".join([*steps, PARTS[0]][:2] if steps[:1] != ["why"] else steps) if steps else ""


def label_of(language: Language) -> Callable[[str], str]:
    """The label of each field."""

    def label(name: str) -> str:
        tongue, _, part = name.partition("-")
        if part not in PARTS:
            return language.text("Sebab perubahan")
        return f"{language.text(TONGUE[tongue])}: {language.text(PART_NAME[part])}"

    return label


@dataclass(frozen=True, slots=True)
class Entry:
    """A version and how its words differ from those of the one before."""

    version: TemplateVersion
    differences: Sequence[Difference]


def history(newest_first: Sequence[TemplateVersion], language: Language) -> Sequence[Entry]:
    """Each saved version compared with the one before it. Version 0 is left out: nobody saved it."""
    label = label_of(language)
    entries = [
        Entry(after, list(_differences(before.words, after.words, label)))
        for after, before in pairwise(newest_first)
    ]
    return entries[:MOST_VERSIONS]


def _differences(before: Words, after: Words, label: Callable[[str], str]) -> Iterator[Difference]:
    for tongue in LANGUAGES:
        for part in PARTS:
            old, new = (
                _typed(getattr(words, tongue), part).split("\n") for words in (before, after)
            )
            if old != new:
                yield Difference(
                    label(f"{tongue}-{part}"),
                    [line for line in old if line and line not in new],
                    [line for line in new if line and line not in old],
                )


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
async def listed(visit: Administrator) -> Response:
    params = {"limit": 50}
    found = await visit.client.get("notification", address("templates"), Page[Template], params)
    person = await people(visit.client, (one.saved_by for one in found.items))
    return visit.page("notices.html", found=found.items, person=person)


@router.get("/{about}")
async def one(visit: Administrator, about: Id) -> Response:
    return await _page(visit, about)


@router.post("/{about}")
async def act(visit: Administrator, about: Id, submitted: Form) -> Response:
    form, key = WordsForm.of(submitted), submitted.key
    path, preview = address("templates", about), address("templates", about, "preview")
    words = {"words": form.words()}
    try:
        match submitted.text("do"):
            case "preview":
                tried = await visit.client.post("notification", preview, words, NoticePreview, key)
                return await _page(visit, about, form, tried)
            case "letter" | "memo" | "form" as paper:
                params = {"as": paper}
                return _paper(
                    await visit.client.render("notification", preview, words, key, params)
                )
            case "default":
                path, body = address("templates", about, "default"), _restored(form)
                await visit.client.post("notification", path, body, Template, key)
            case _:
                await visit.client.put("notification", path, form.saved(), Template, key)
    except Refused as refused:
        parts = await _preview_or_refusal(visit.client, about, form, refused)
        return await _page(visit, about, form, *parts)
    return visit.redirect(visit.request.url.path)


async def _preview_or_refusal(
    client: VisitorClient, about: str, form: WordsForm, refused: Refused
) -> tuple[NoticePreview | None, Refused]:
    """The preview if the words are valid, else the refusal with all their faults."""
    path = address("templates", about, "preview")
    try:
        words = {"words": form.words()}
        return await client.post("notification", path, words, NoticePreview, new_key()), refused
    except Refused as wrong:
        if refused.problem != FormWrong.problem:
            return None, refused
        further = await _further(client, about, form, wrong)
        every = {(one.pointer, one.code): one for one in (*wrong.errors, *further, *refused.errors)}
        return None, FormWrong(errors=tuple(every.values()))


async def _further(
    client: VisitorClient, about: str, form: WordsForm, wrong: Refused
) -> Sequence[FieldError]:
    """The faults of the other fields: the words in force stand in for the faulty ones."""
    bad = {field_of(one.pointer) for one in wrong.errors}
    template = await client.get("notification", address("templates", about), Template)
    in_force = WordsForm.of_template(template).typed
    mended = replace(form, typed={**form.typed, **{name: in_force.get(name, "") for name in bad}})
    path, words = address("templates", about, "preview"), {"words": mended.words()}
    try:
        await client.post("notification", path, words, NoticePreview, new_key())
    except Refused as more:
        return [one for one in more.errors if field_of(one.pointer) not in bad]
    return ()


async def _page(
    visit: Visit,
    about: str,
    form: WordsForm | None = None,
    preview: NoticePreview | None = None,
    refused: Refused | None = None,
) -> Response:
    """The form and its preview, of what was typed or else of the words in force; faulty words have none."""
    template = await visit.client.get("notification", address("templates", about), Template)
    path = address("templates", about, "versions")
    params = {"limit": MOST_VERSIONS + 1}
    versions = await visit.client.get("notification", path, Page[TemplateVersion], params)
    if form is None:
        form = WordsForm.of_template(template)
        path = address("templates", about, "preview")
        preview = await visit.client.post("notification", path, {}, NoticePreview, new_key())
    listed = field_faults(refused, field_of)
    return visit.page(
        "notice.html",
        notice=template,
        form=form,
        preview=preview,
        refused=refused,
        faults={one.field: one.fault for one in reversed(listed)},
        field_faults=listed,
        label_of=label_of(visit.language),
        languages=LANGUAGES,
        parts=PARTS,
        history=history(versions.items, visit.language),
        person=await people(visit.client, (one.saved_by for one in (template, *versions.items))),
    )


def _paper(content: bytes) -> Response:
    headers = {"Content-Disposition": 'inline; filename="pratonton.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def _restored(form: WordsForm) -> Mapping[str, Any]:
    fields = {"why": form.value("why").strip(), "version": form.version}
    return validated(RestoreDefault, fields).model_dump(mode="json")
