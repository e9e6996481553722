"""Ask for the service from another agency's system by `bmt.integrator`, and print what becomes of it.

pip install '.[integrator]'
python examples/integrator/submit.py .bmt/hrmis.json
"""

import asyncio
import sys
import uuid

from bmt.integrator import Connection, Integrator

SITI = {"account": "siti.mampu@mygovuc.gov.my", "name": "Siti", "email": "siti.mampu@mygovuc.gov.my"}  # fmt: skip
ASKED = {"kind": "application", "agency": "MAMPU", "applicant": SITI, "justification": "Fail besar"}


async def main(connection_file: str) -> None:
    submission_id = str(uuid.uuid4())  # store it first: the same id again is the same submission
    async with Integrator(Connection.read(connection_file)) as bmt:
        await bmt.submit(ASKED | {"source_reference": f"HR/{submission_id[:8]}"}, submission_id)
        async for answer in bmt.follow(submission_id):
            print(answer.time, repr(answer.event))


asyncio.run(main(sys.argv[1]))
