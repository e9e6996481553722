"""The console's routes, and what all its pages show."""

from pathlib import Path
from typing import Final

from web import figures
from web.console import (
    agency,
    confirmations,
    failures,
    inbox,
    live,
    notices,
    papers,
    requests,
    scans,
    tasks,
    wording,
    worklist,
)
from web.site import Area

AREA: Final = Area(
    "/console",
    Path(__file__).parent,
    [
        module.router
        for module in (
            *(worklist, failures, confirmations, requests, live, agency),
            *(inbox, scans, tasks, papers, notices),
        )
    ]
    + [figures.router("administrator", own_agency=True)],
    roles=("administrator",),
    other_roles={"agency_manager": "/agency/"},
    always={"wording": wording},
    takes_files=True,
    scripts=True,
)
