"""Who may refer to a document: its uploader, and the readers of anything that holds it.

A document's id is its content's hash, and documents are stored once for all uploaders. So knowing an id, or
finding that the bytes exist, proves no right to it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from bmt.chassis.http.auth import Principal
from bmt.chassis.readmodels.view_store import Query, ViewStore
from bmt.chassis.runtime.documents import DocumentStore
from bmt.contracts.values import Document

UPLOADS: Final = "uploads"
HOLDERS: Final = "holders"
"""Views beside the documents: one service fills them, all read them."""

UPLOAD_INDEXES: Final = (("uploaded_by", "document.document_id", "uploaded_at", "_id"),)
HOLDER_INDEXES: Final = (
    ("agency", "document_ids", "_id"),
    ("account", "account_document_ids", "_id"),
)


class Upload(BaseModel):
    """A document as it was uploaded by a subject, on behalf of an agency or (empty) on their own."""

    model_config = ConfigDict(frozen=True)

    document: Document
    uploaded_by: str
    uploaded_at: datetime
    agency: str = ""


class Holder(BaseModel):
    """Something that holds documents, with its readers.

    Attributes:
        agency: its officers may read.
        account: the account that may read too, in lower case; None: nobody.
        documents: with their names there.
        document_ids: of these, for searching.
        account_document_ids: those that `account` may read, for searching.
    """

    model_config = ConfigDict(frozen=True)

    agency: str
    account: str | None
    documents: tuple[Document, ...]
    document_ids: tuple[str, ...]
    account_document_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimant:
    """A caller who refers to documents. `agencies` None: on their own behalf only.

    `officer`: they may read what those agencies hold.
    """

    subject: str
    agencies: Collection[str] | None
    officer: bool

    @classmethod
    def of(cls, principal: Principal) -> "Claimant":
        own = frozenset({principal.agency} if principal.agency else ())
        return cls(principal.subject, own, principal.has("administrator", "operator"))


class DocumentRights:
    """Which documents a caller may refer to. The others are treated as unknown."""

    def __init__(self, views: ViewStore, store: DocumentStore) -> None:
        """`views` has the two views. `store` knows the existing documents (pruning removes some)."""
        self._views = views
        self._store = store

    async def find(self, ids: Collection[str], claimant: Claimant) -> Mapping[str, Document]:
        """Those that the claimant may refer to, by id, each with the name they know it by."""
        found = {id_: named for id_ in set(ids) if (named := await self._counts(id_, claimant))}
        there = await self._store.find(found.keys()) if found else {}
        return {id_: named for id_, named in found.items() if id_ in there}

    async def _counts(self, document_id: str, claimant: Claimant) -> Document | None:
        agencies = claimant.agencies
        if named := await self._uploaded(document_id, claimant.subject, ["", *(agencies or ())]):
            return named
        of_agency = {"document_ids": document_id}
        if (
            claimant.officer
            and agencies
            and (named := await self._held(of_agency, agencies, document_id))
        ):
            return named
        own = {"account": claimant.subject.casefold(), "account_document_ids": document_id}
        return await self._held(own, agencies, document_id)

    async def _uploaded(
        self, document_id: str, by: str, agencies: Collection[str]
    ) -> Document | None:
        query = Query(
            equal={"uploaded_by": by, "document.document_id": document_id},
            one_of={"agency": agencies},
            order_by="uploaded_at",
            descending=True,
            limit=1,
        )
        found = await self._views.find(UPLOADS, query)
        return Upload.model_validate(found[0].body).document if found else None

    async def _held(
        self, holding: Mapping[str, str], agencies: Collection[str] | None, document_id: str
    ) -> Document | None:
        query = Query(
            equal=holding,
            one_of={} if agencies is None else {"agency": agencies},
            descending=True,
            limit=1,
        )
        for found in await self._views.find(HOLDERS, query):
            documents = Holder.model_validate(found.body).documents
            return next(one for one in documents if one.document_id == document_id)
        return None
