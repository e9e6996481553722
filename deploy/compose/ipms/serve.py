"""The evaluation's stand-in for IPMS, listening for other containers."""

import os
from pathlib import Path

import uvicorn

from evaluation.ipms_server import application

if __name__ == "__main__":
    uvicorn.run(
        application(
            Path(os.environ["IPMS_JOURNAL"]),
            Path(os.environ["IPMS_ACCOUNTS"]),
            Path(os.environ["BMT_IPMS_TOKEN_FILE"]).read_text().strip(),
        ),
        host="0.0.0.0",  # noqa: S104 - of the container, which publishes it on loopback alone
        port=int(os.environ["IPMS_PORT"]),
        log_level="warning",
        access_log=False,
    )
