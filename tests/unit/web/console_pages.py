"""A console's desk with the ports that a test needs."""

from pathlib import Path

from services.approval.console.desk import Desk

from services.approval import console
from web.layout import Layout


def desk(**ports) -> Desk:
    layout = Layout("/console", [Path(console.__file__).parent])
    layout.always(sections={})
    return Desk(**{**dict.fromkeys(Desk.__dataclass_fields__), "layout": layout, **ports})
