"""What approval must be told: nothing beyond what every service with pages is."""

from bmt.pages.settings import PagesSettings


class Settings(PagesSettings):
    """The settings of approval."""

    service = "approval"
