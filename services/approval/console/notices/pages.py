"""The pages of the notices' words."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.http.pagination import Id, Page
from bmt.contracts.http.notification import NoticePreview, RestoreDefault, Template
from bmt.contracts.problems import STATUS, Refused
from bmt.pages.forms import Sent, all_told, sent, validated
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted
from services.approval.console import wording
from services.approval.console.neighbours import Errand, Neighbours, address
from services.approval.console.notices.words_form import LANGUAGES, PARTS, WordsForm, faults_of

_SEE_OTHER: Final = 303
_OK: Final = 200


class _Templates(Page[Template]):
    """The words of every notice."""


Form = Annotated[Sent, Depends(sent)]


def routes(layout: Layout, neighbours: Neighbours, admitted: Admitted) -> APIRouter:
    """The pages below `/notices`."""
    routes = APIRouter(prefix="/notices", dependencies=[Depends(admitted)])

    def shown(
        request: Request,
        template: Template,
        form: WordsForm,
        preview: NoticePreview | None = None,
        refused: Refused | None = None,
    ) -> Response:
        return layout.page(
            request,
            "notice.html",
            STATUS[refused.problem] if refused else _OK,
            notice=template,
            form=form,
            preview=preview,
            refused=refused,
            faults=faults_of(refused),
            told=all_told(refused),
            languages=LANGUAGES,
            parts=PARTS,
            wording=wording,
        )

    @routes.get("")
    async def listed(request: Request) -> Response:
        errand = neighbours.errand(request)
        found = await errand.get("notification", address("templates"), _Templates, {"limit": 50})
        return layout.page(request, "notices.html", found=found.items, wording=wording)

    @routes.get("/{about}")
    async def one(request: Request, about: Id) -> Response:
        template = await _template(neighbours.errand(request), about)
        return shown(request, template, WordsForm.of_template(template))

    @routes.post("/{about}")
    async def act(request: Request, about: Id, told: Form) -> Response:
        errand, form = neighbours.errand(request), WordsForm.of(told)
        try:
            match told.text("do"):
                case "preview":
                    tried = await errand.post(
                        "notification",
                        address("templates", about, "preview"),
                        {"words": form.words()},
                        NoticePreview,
                        told.key,
                    )
                    return shown(request, await _template(errand, about), form, tried)
                case "letter" | "memo" | "form" as paper:
                    preview = address("templates", about, "preview")
                    words, asked = {"words": form.words()}, {"as": paper}
                    made = await errand.made("notification", preview, words, told.key, asked)
                    return _paper(made)
                case "default":
                    body = _restored(form)
                    path = address("templates", about, "default")
                    await errand.post("notification", path, body, Template, told.key)
                case _:
                    path = address("templates", about)
                    await errand.put("notification", path, form.saved(), Template, told.key)
        except Refused as refused:
            return shown(request, await _template(errand, about), form, refused=refused)
        return RedirectResponse(request.url.path, _SEE_OTHER)

    return routes


def _paper(content: bytes) -> Response:
    headers = {"Content-Disposition": 'inline; filename="pratonton.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


async def _template(errand: Errand, about: str) -> Template:
    return await errand.get("notification", address("templates", about), Template)


def _restored(form: WordsForm) -> Mapping[str, Any]:
    told = {"why": form.value("why").strip(), "version": form.version}
    return validated(RestoreDefault, told).model_dump(mode="json")
