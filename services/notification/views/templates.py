"""The words in force, of each agency and each kind of notice."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from bmt.chassis.batcher import Batcher
from bmt.chassis.decider import Heard
from bmt.chassis.views import View, ViewProjection
from bmt.contracts.events import About
from services.notification.domain.template_events import TemplateSaved
from services.notification.wording.composer import OwnWords

Templates = ViewProjection[TemplateSaved]


def _fold(_: TemplateSaved | None, heard: Heard[BaseModel]) -> TemplateSaved | None:
    return heard.data if isinstance(heard.data, TemplateSaved) else None


def key_of(agency: str, about: About) -> str:
    """The place of an agency's words for one kind of notice; its stream is `template-<this>`."""
    return f"{agency}-{about}"


TEMPLATES: Final = View(
    name="templates",
    model=TemplateSaved,
    fold=_fold,
    key=lambda heard: heard.subject if isinstance(heard.data, TemplateSaved) else None,
)
"""What was saved last."""


class SavedWords:
    """As `WordsInForce`: looks for the words of many notices at once."""

    def __init__(self, templates: Templates) -> None:
        """Asks `templates`, each time: words count from the moment they are saved."""
        self._templates = templates
        self._looks: Batcher[str, OwnWords | None] = Batcher(self._look)

    async def of(self, agency: str, about: About) -> OwnWords | None:
        """As `WordsInForce.of`."""
        (own,) = await self._looks.submit([key_of(agency, about)])
        return own

    async def _look(self, keys: Sequence[str]) -> Sequence[OwnWords | None]:
        found = await self._templates.get_many(set(keys))
        return [_own(found.get(key)) for key in keys]


def _own(saved: TemplateSaved | None) -> OwnWords | None:
    if saved is None or saved.words is None:
        return None
    return OwnWords(saved.words, saved.version)
