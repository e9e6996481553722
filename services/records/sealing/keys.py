"""The people's keys. They are stored wrapped under master keys from outside the database."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable, WrongConfiguration
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.background import Batcher, LruCache
from bmt.chassis.runtime.clock import Clock, new_id
from bmt.chassis.runtime.sealed_stream import SealBroken

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class KeyUnknown(Unavailable):
    """Something is wrapped under a master key that is not configured, or was changed since."""

    def __init__(self, key_id: str) -> None:
        """The missing part is the setting. `key_id` identifies the person's key, not the person."""
        super().__init__(f"the master key of {key_id} (BMT_RECORDS_KEY)")


class Person(NamedTuple):
    """An account of an agency, whatever the case of its letters."""

    agency: str
    account: str


class MasterKey:
    """A key of 32 bytes. Derived keys make people's pseudonyms and wrap people's keys."""

    def __init__(self, raw: bytes) -> None:
        """Raises ValueError if it is not 32 bytes long."""
        if len(raw) != KEY_BYTES:
            raise ValueError(f"a key of {KEY_BYTES} bytes is needed, and this one has {len(raw)}")
        self.id = hashlib.sha256(b"bmt master key" + raw).hexdigest()[:8]
        self._naming = derived(raw, b"naming people")
        self._wrapping = AESGCM(derived(raw, b"wrapping keys"))

    def name_of(self, person: Person) -> str:
        """The person's pseudonym in the store. Nobody without this key can tell whose it is."""
        message = f"{person.agency}\0{person.account.casefold()}"
        return hmac.digest(self._naming, message.encode(), "sha256").hex()

    def wrap(self, key: bytes, key_id: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, key, key_id.encode())

    def unwrap(self, wrapped: bytes, key_id: str) -> bytes:
        """The person's key.

        Raises:
            KeyUnknown: it was not wrapped under this master key, or was changed since.
        """
        try:
            return self._wrapping.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], key_id.encode()
            )
        except InvalidTag:
            raise KeyUnknown(key_id) from None


def master_keys(text: str) -> Sequence[MasterKey]:
    """The keys of `BMT_RECORDS_KEY`: base64, one on each line.

    New keys are wrapped under the first.

    Raises:
        WrongConfiguration: a line is not a key. The message has the line's number only.
    """
    keys = []
    for number, line in enumerate(text.split(), start=1):
        try:
            keys.append(MasterKey(base64.b64decode(line, validate=True)))
        except (binascii.Error, ValueError):
            raise WrongConfiguration(f"line {number} is not {KEY_BYTES} bytes in base64") from None
    if not keys:
        raise WrongConfiguration(f"at least one key of {KEY_BYTES} bytes in base64 is needed")
    return keys


def derived(key: bytes, purpose: bytes, salt: bytes | None = None) -> bytes:
    """A key for one purpose (HKDF, RFC 5869)."""
    return HKDF(SHA256(), KEY_BYTES, salt, b"bmt records: " + purpose).derive(key)


class PersonKey:
    """One person's key: it seals and opens (AES-256-GCM, NIST SP 800-38D)."""

    def __init__(self, key_id: str, raw: bytes) -> None:
        """`raw` is 32 random bytes."""
        self.id = key_id
        self._raw = raw
        self._values = AESGCM(derived(raw, b"values"))

    @cached_property
    def _names(self) -> bytes:
        return derived(self._raw, b"names")

    @cached_property
    def _files(self) -> bytes:
        return derived(self._raw, b"files")

    def seal(self, text: bytes, belongs_to: str) -> bytes:
        """Nonce, ciphertext and tag. It can be opened only with the same `belongs_to`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._values.encrypt(nonce, text, belongs_to.encode())

    def open(self, sealed: bytes, belongs_to: str) -> bytes:
        """The text.

        Raises:
            SealBroken: it was changed, or belongs to something else.
        """
        try:
            return self._values.decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], belongs_to.encode()
            )
        except (InvalidTag, ValueError):
            raise SealBroken(belongs_to) from None

    def name(self, document_id: str) -> str:
        """The stored name of a document of this person. It reveals nothing about its content."""
        return f"sealed:{hmac.digest(self._names, document_id.encode(), 'sha256').hex()}"

    def for_file(self, salt: bytes) -> AESGCM:
        return AESGCM(derived(self._files, b"one file", salt))


COLLECTION: Final = "people"
REMEMBERED: Final = 20_000
BELIEVED_FOR: Final = timedelta(seconds=60)

_ONE_IN_USE: Final = mongodb.IndexModel(
    [("person", 1), ("retired_at", 1)], unique=True, name="one_in_use"
)
"""A key in use has no `retired_at`. So two processes cannot both make a person's first key."""
INDEXES: Final = (_ONE_IN_USE,)


class PersonKeys:
    """The keys of the people whose requests are on record. Destroying a key destroys what it seals."""

    def __init__(
        self,
        database: mongodb.Database,
        masters: Sequence[MasterKey],
        clock: Clock,
        believed_for: timedelta = BELIEVED_FOR,
    ) -> None:
        """The user needs find, insert, update and remove. `masters` come from `master_keys`.

        A key that another process retired or destroyed is still used for at most `believed_for`.
        """
        self._believed_for = believed_for
        self._people = database[COLLECTION]
        self._masters = {master.id: master for master in masters}
        self._first = masters[0]
        self._clock = clock
        self._in_use: LruCache[Person, tuple[PersonKey, datetime]] = LruCache(REMEMBERED)
        self._known: LruCache[str, tuple[PersonKey, datetime]] = LruCache(REMEMBERED)
        self._loads: Batcher[str, PersonKey | None] = Batcher(self._load)
        self._keys_for_new: Batcher[Person, PersonKey] = Batcher(self._found_or_made)

    async def prepare(self) -> None:
        with mongodb.store_errors():
            await self._people.create_indexes(list(INDEXES))

    async def of(self, people: Collection[Person]) -> Mapping[Person, PersonKey]:
        """Each person's key for new data, created if necessary; durable.

        Raises:
            StoreUnavailable: a key may not be stored. The call may be repeated.
        """
        now = self._clock()
        found = {one: key for one in people if (key := self._fresh(self._in_use.get(one), now))}
        missing = [one for one in people if one not in found]
        for person, key in zip(missing, await self._keys_for_new.submit(missing), strict=True):
            self._in_use.put(person, (key, now))
            self._known.put(key.id, (key, now))
            found[person] = key
        return found

    async def by_id(self, key_ids: Collection[str]) -> Mapping[str, PersonKey]:
        """Those of these keys that still exist.

        Raises:
            StoreUnavailable: they cannot be read.
            KeyUnknown: one is wrapped under a master key that is not configured.
        """
        now = self._clock()
        found = {one: key for one in key_ids if (key := self._fresh(self._known.get(one), now))}
        missing = [one for one in key_ids if one not in found]
        for key in await self._loads.submit(missing):
            if key is not None:
                self._known.put(key.id, (key, now))
                found[key.id] = key
        return found

    async def all_of(self, person: Person) -> list[str]:
        """The ids of all keys of a person that still exist, retired or not."""
        with mongodb.store_errors():
            query = {"person": {"$in": self._names(person)}}
            return [key["_id"] for key in await self._people.find(query, {"_id": 1}).to_list(None)]

    async def retire(self, key_ids: Collection[str]) -> datetime:
        """Seal nothing more under these keys. The time (UTC) from which no process does.

        Raises:
            StoreUnavailable: they may not be retired. The call may be repeated.
        """
        ids = {"_id": {"$in": list(key_ids)}}
        with mongodb.store_errors():
            await self._people.update_many(
                {**ids, "retired_at": {"$exists": False}}, {"$set": {"retired_at": self._clock()}}
            )
            last = await self._people.find(ids).sort("retired_at", -1).limit(1).to_list(None)
        self._in_use.clear()
        return last[0]["retired_at"] + 2 * self._believed_for if last else self._clock()

    async def destroy(self, key_ids: Collection[str]) -> None:
        """Destroy these keys, and so everything sealed under them.

        Raises:
            StoreUnavailable: they may not be destroyed. The call may be repeated.
        """
        crash_points.reached("records.keys.destroying")
        with mongodb.store_errors():
            await self._people.delete_many({"_id": {"$in": list(key_ids)}})
        for key_id in key_ids:
            self._known.forget(key_id)
        crash_points.reached("records.keys.destroyed")

    async def close(self) -> None:
        """Wait for operations in progress."""
        await self._keys_for_new.close()
        await self._loads.close()

    def _fresh(self, known: tuple[PersonKey, datetime] | None, now: datetime) -> PersonKey | None:
        """The cached key, unless it is too old, or the clock was set back."""
        if known is None or not timedelta(0) <= now - known[1] < self._believed_for:
            return None
        return known[0]

    def _names(self, person: Person) -> list[str]:
        return [master.name_of(person) for master in self._masters.values()]

    async def _found_or_made(self, people: Sequence[Person]) -> Sequence[PersonKey]:
        found = await self._find(people)
        if new := {person for person in people if person not in found}:
            crash_points.reached("records.keys.making")
            await self._make(new)
            crash_points.reached("records.keys.made")
            found |= await self._find(list(new))
        return [found[person] for person in people]

    async def _find(self, people: Sequence[Person]) -> dict[Person, PersonKey]:
        named = {name: person for person in people for name in self._names(person)}
        query = {"person": {"$in": list(named)}, "retired_at": {"$exists": False}}
        with mongodb.store_errors():
            stored = await self._people.find(query).to_list(None)
        found = {named[one["person"]]: self._unwrapped(one) for one in stored}
        # Two spellings of an account are one person.
        names = {self._first.name_of(person): key for person, key in found.items()}
        return {
            person: names[name]
            for person in people
            if (name := self._first.name_of(person)) in names
        }

    async def _make(self, people: Collection[Person]) -> None:
        documents = []
        for name in {self._first.name_of(person) for person in people}:
            key_id = new_id()
            wrapped = self._first.wrap(os.urandom(KEY_BYTES), key_id)
            sealed = {"person": name, "master": self._first.id, "wrapped": wrapped}
            documents.append({"_id": key_id, **sealed})
        with mongodb.store_errors():
            try:
                await self._people.insert_many(documents, ordered=False)
            except mongodb.BulkWriteError as error:
                mongodb.duplicates(error)

    async def _load(self, key_ids: Sequence[str]) -> Sequence[PersonKey | None]:
        with mongodb.store_errors():
            stored = await self._people.find({"_id": {"$in": list(set(key_ids))}}).to_list(None)
        found = {one["_id"]: self._unwrapped(one) for one in stored}
        return [found.get(key_id) for key_id in key_ids]

    def _unwrapped(self, stored: Mapping[str, object]) -> PersonKey:
        key_id, master = str(stored["_id"]), self._masters.get(str(stored["master"]))
        if master is None:
            raise KeyUnknown(key_id)
        return PersonKey(key_id, master.unwrap(bytes(stored["wrapped"]), key_id))  # type: ignore[call-overload]
