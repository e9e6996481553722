"""What the storage answers is believed only where it names the volume that was asked for."""

import httpx
import pytest
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from services.provisioning.connectors.connector import TargetAway, TargetRefused
from services.provisioning.connectors.copyparty import Copyparty
from services.provisioning.connectors.volume_files import VolumeFiles

QUOTA = "<D:quota-available-bytes>90</D:quota-available-bytes><D:quota-used-bytes>{}</D:quota-used-bytes>"


def response(href: str, used: str = "10") -> str:
    named = f"<D:href>{href}</D:href>" if href else ""
    found = f"<D:propstat><D:prop>{QUOTA.format(used)}</D:prop></D:propstat>"
    return f"<D:response>{named}{found}</D:response>"


def multistatus(*responses: str) -> str:
    return f'<D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>'


async def quota_by(text: str, folder, base: str = "http://storage", status: int = 207):
    """The quota that is read from this answer, for the administrator and for the owner."""
    answer = httpx.MockTransport(lambda _: httpx.Response(status, text=text))
    http = httpx.AsyncClient(base_url=base, transport=answer)
    storage = Alone(Copyparty(http, VolumeFiles(folder), "admin", "secret", clock.now))
    reading = await storage.read_back("si+ti@x")
    await storage.close()
    return reading.effective.quota_bytes


@pytest.mark.parametrize(
    ("href", "base"),
    [
        ("/si%2Bti%40x/", "http://storage"),
        ("/si+ti@x", "http://storage"),
        ("http://storage/si%2Bti@x/", "http://storage"),
        ("/big/si+ti@x/", "http://storage/big"),
        ("/si+ti@x/", "http://storage/big/"),
    ],
)
async def test_a_volume_is_known_by_its_path(href, base, tmp_path):
    assert await quota_by(multistatus(response(href)), tmp_path, base) == 100


@pytest.mark.parametrize(
    "text",
    [
        multistatus(response("/si+ti@xy/")),
        multistatus(response("/")),
        multistatus(response("/other/si+ti@x/")),
        multistatus(response("/si+ti@x/"), response("/other/")),
        multistatus(response("")),
        multistatus(),
    ],
)
async def test_an_answer_about_another_volume_is_refused(text, tmp_path):
    with pytest.raises(TargetRefused, match="another volume"):
        await quota_by(text, tmp_path)


@pytest.mark.parametrize(
    "text", ["<h1>Welcome", "", "<html/>", multistatus(response("/si+ti@x/", "some"))]
)
async def test_what_is_no_webdav_is_an_outage(text, tmp_path):
    with pytest.raises(TargetAway):
        await quota_by(text, tmp_path)
