"""An integrator finds each of its submissions over HTTP, whatever it chose for an id."""

import pytest
from starlette.routing import Match

from services.intake.integrators import router


@pytest.mark.parametrize("id_", ["1", "a/b", "a/", "/", "hr 1", "line\nend", "end\n", "\x00"])
def test_the_path_of_a_submission_holds_its_whole_id(id_):
    *_, one = router.routes
    scope = {"type": "http", "method": "GET", "path": f"/v1/submissions/{id_}"}
    match, found = one.matches(scope)
    assert match is Match.FULL
    assert found["path_params"] == {"submission_id": id_}
