"""The applicants' pages, which administrators may use, too."""

from pathlib import Path

from web.my import new_requests, requests
from web.site import Area

AREA = Area(
    "/my",
    Path(__file__).parent,
    [requests.router, new_requests.router, new_requests.corrections],
    roles=("applicant", "administrator"),
    takes_files=True,
)
