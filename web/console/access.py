"""Who may use the console."""

from typing import Annotated, Final

from fastapi import Depends

from bmt.chassis.http.auth import Principal
from web.login import Admitted

ADMITTED: Final = Depends(Admitted("administrator"))
Administrator = Annotated[Principal, ADMITTED]
