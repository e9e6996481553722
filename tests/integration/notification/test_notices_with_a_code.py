"""The code of an acknowledgement is told to its applicant, and stands nowhere else."""

import pytest

from bmt.chassis.runtime.mongodb import connect
from bmt.contracts.values import in_groups, status_code

pytestmark = pytest.mark.integration

KEY = "a key of at least thirty-two characters"


@pytest.fixture(scope="module")
def own():
    return {"status_code_key": KEY}


async def test_the_applicant_is_told_the_code_and_no_event_log_or_figure_has_it(
    desk, shared, mongodb, caplog, capfd
):
    request = await desk.acknowledged()
    code = in_groups(status_code(KEY, request.request_id))
    (told,) = await desk.mails(request, 1)
    assert code in told.get_content()
    said = await desk.says(request, "NotificationPrepared", "Notified")
    metrics = (await desk.client.get("/metrics")).text
    client = connect(mongodb)
    database = client[f"{shared.name}_notification"]
    stored = [
        one
        for collection in await database.list_collection_names()
        async for one in database[collection].find()
    ]
    client.close()
    output = capfd.readouterr()
    seen = f"{said} {stored} {metrics} {caplog.text} {output.out} {output.err}"
    assert request.reference in seen
    for written in (code, code.replace("-", "")):
        assert written not in seen
