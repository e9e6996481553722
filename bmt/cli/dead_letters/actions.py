"""What operators did about dead letters. Kafka keeps the letters, MongoDB this; it only grows."""

from dataclasses import asdict
from typing import Final

from bmt.chassis.runtime.clock import new_id
from bmt.chassis.runtime.mongodb import Client, store_errors
from bmt.cli.dead_letters.letter import Action

DATABASE: Final = "operations"
"""After the prefix of all databases."""
COLLECTION: Final = "dead_letters"


class Actions:
    """The collection `dead_letters` of the operators' own database."""

    def __init__(self, client: Client, database_prefix: str) -> None:
        self._collection = client[database_prefix + DATABASE][COLLECTION]

    async def all(self) -> list[Action]:
        """Every action."""
        with store_errors():
            found = await self._collection.find({}, {"_id": False}).to_list(None)
        return [Action(**{**each, "places": tuple(each["places"])}) for each in found]

    async def add(self, action: Action) -> None:
        """Keep one; return when it is durable."""
        with store_errors():
            await self._collection.insert_one(
                {"_id": new_id(), **asdict(action), "places": list(action.places)}
            )
