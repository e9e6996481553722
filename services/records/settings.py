"""What records must be told beyond what every service is."""

from pydantic import Field

from bmt.chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of records."""

    service = "records"

    file_series: str = Field(
        default="{agency}.BMT.600-1/2",
        pattern=r"\{agency\}",
        description="What a file number begins with; {agency} becomes the agency's code.",
    )
    folios_a_volume: int = Field(
        default=100, ge=1, description="A volume (jilid) is closed once it holds so many folios."
    )
