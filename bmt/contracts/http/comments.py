"""Comments on a request (*minit*): what approval is asked and answers about them over HTTP."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bmt.contracts.values import Document, DocumentId, Minute, Moment, Officer, Value

MOST_DOCUMENTS: Final = 20


def _each_once(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


class CommentWritten(Value):
    """Body of `POST /v1/requests/{id}/comments`."""

    text: Minute = Field(
        description="for the agency's administrators alone; the applicant never sees it"
    )
    documents: Annotated[
        tuple[DocumentId, ...], Field(max_length=MOST_DOCUMENTS), AfterValidator(_each_once)
    ] = ()


class Comment(BaseModel):
    """What an administrator noted on a request."""

    model_config = ConfigDict(frozen=True)

    by: Officer
    at: Moment
    text: str
    documents: tuple[Document, ...] = ()


class CommentAnswer(Comment):
    """Answer of `POST /v1/requests/{id}/comments`."""

    request_id: str
