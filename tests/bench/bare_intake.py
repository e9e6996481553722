"""`python -m bench.bare_intake PORT MONGODB_URI`: what intake is compared with.

The same FastAPI and uvicorn with a handler that validates the same model and stores one document by
Motor, by a majority and the journal. No token, no idempotency, no event, no view: less than is needed.
"""

import sys
import uuid
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from bmt.chassis.runtime.mongodb import connect
from bmt.contracts.events import SubmitRequest


class Stored(BaseModel):
    """Its answer, of the size of intake's."""

    request_id: str
    reference: str
    status: str
    received_at: datetime


def build() -> FastAPI:
    """The application, inside the running event loop."""
    app = FastAPI()
    requests = connect(sys.argv[2])["bench_bare"]["requests"]  # majority and journal, as intake's

    @app.post("/v1/requests", status_code=201)
    async def submit(requested: SubmitRequest) -> Stored:
        answer = Stored(
            request_id=str(uuid.uuid4()),
            reference="BMT-MAMPU-2026-7K3QF9ZT",
            status="received",
            received_at=datetime.now(UTC),
        )
        await requests.insert_one(
            {"_id": answer.request_id, **requested.model_dump(), "at": answer.received_at}
        )
        return answer

    return app


if __name__ == "__main__":
    uvicorn.run(
        build,
        factory=True,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="error",
    )
