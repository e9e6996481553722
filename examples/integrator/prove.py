"""Is this event on record as it is? `python prove.py EVENT.json RECORDS_URL TOKEN_FILE LEDGER.vkeys`."""

import sys
from pathlib import Path

from bmt.contracts.envelope import STRUCTURED, read_kafka
from bmt.integrator import NoProof, Unverified, proven

event, url, token, keys = sys.argv[1:]
try:
    shown = proven(
        read_kafka([("content-type", STRUCTURED.encode())], Path(event).read_bytes()),
        url,
        Path(token).read_text().strip(),
        Path(keys).read_text().splitlines(),
    )
except (NoProof, Unverified) as error:
    sys.exit(f"not proven: {error}")
print(
    f"leaf {shown.sequence} of {shown.size}, recorded {shown.recorded_at}, signed {shown.signed_at}"
)
