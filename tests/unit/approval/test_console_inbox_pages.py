"""The inbox in the console: what came by the office mailbox looks like what it is."""

from pathlib import Path

from bmt.agencies import register
from bmt.contracts.values import Document
from bmt.pages.layout import Layout
from services.approval import console

ROOT = Path(__file__).parents[3]
LAYOUT = Layout("/console", [Path(console.__file__).parent])
AGENCIES = register.read(ROOT / "deploy" / "embedded" / "agencies.yaml")
MESSAGE = Document(
    document_id="sha256:" + "0" * 64,
    filename="message.eml",
    media_type="message/rfc822",
    size_bytes=1,
)
