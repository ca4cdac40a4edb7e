"""The objects of one lake in an object store, by their names; whatever goes wrong is told as an error of the lake."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import from_url

from ioledger.errors import ConfigurationError, LakeError, StoreRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from obstore import Bytes
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

    from ioledger.config import ObjectStoreTable
    from ioledger.lake.remote.location import StoreAddress

_CONNECT: Final = timedelta(seconds=5)
_REQUEST: Final = timedelta(minutes=2)
_RETRIES: Final[RetryConfig] = {"max_retries": 4, "retry_timeout": timedelta(seconds=20)}
"""A store that is away for longer is told of; collectors go on without it, and try again later."""

_CHUNK_BYTES: Final = 8 * 2**20
_LISTED_AT_ONCE: Final = 1000

_REFUSALS: Final = ("status code: 401", "status code: 403")
_NO_BUCKET: Final = "status code: 404"


class StoreAwayError(LakeError):
    """The store cannot be reached or did not do what it was asked to; later it may."""

    retry_helps = True


class ObjectMissingError(LakeError):
    """There is no object of that name, or no longer in the version that was asked for."""


class ObjectExistsError(LakeError):
    """There is an object already where a new one was to be."""


class Object(NamedTuple):
    """What a listing tells of one object; ``e_tag`` is another for every content that it had."""

    e_tag: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Store:
    """The objects below one address.

    All methods raise StoreAwayError, or LakeError where this user may not or there is no such bucket.
    """

    address: StoreAddress
    client: ObjectStore

    def list(self, prefix: str) -> dict[str, Object]:
        """List the objects below a directory of names, ``""`` for all, by name."""
        with self._told(f"list {prefix or 'all'}"):
            return {
                each["path"]: Object(each["e_tag"] or "", each["size"], each["last_modified"])
                for batch in obstore.list(self.client, prefix or None, chunk_size=_LISTED_AT_ONCE)
                for each in batch
            }

    def state_of(self, name: str) -> Object:
        """Return what a listing would tell of one object; raises ObjectMissingError."""
        with self._told(f"look at {name}"):
            found = obstore.head(self.client, name)
        return Object(found["e_tag"] or "", found["size"], found["last_modified"])

    def read(self, name: str) -> bytes:
        """Read a small object; raises ObjectMissingError."""
        with self._told(f"read {name}"):
            return bytes(obstore.get(self.client, name).bytes())

    def fetch(self, name: str, e_tag: str, path: Path) -> None:
        """Write one version of an object into a file, durably.

        Raises ObjectMissingError where that version is no more, and OSError where the file cannot be written.
        """
        with path.open("wb") as stream:
            for chunk in self._chunks(name, e_tag):
                stream.write(chunk)
            stream.flush()
            os.fsync(stream.fileno())

    def put_new(self, name: str, content: bytes | Path) -> str:
        """Write an object that is not there yet and return its e_tag; raises ObjectExistsError."""
        with self._told(f"write {name}"):
            return obstore.put(self.client, name, content, mode="create", use_multipart=False)["e_tag"] or ""

    def put(self, name: str, content: bytes | Path) -> None:
        """Write an object of any size, in the place of what is there."""
        with self._told(f"write {name}"):
            obstore.put(self.client, name, content)

    def copy(self, name: str, target: str) -> None:
        """Copy an object within the store, in the place of what is there; raises ObjectMissingError."""
        with self._told(f"write {target}"):
            obstore.copy(self.client, name, target)

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects, as far as they are there."""
        for name in names:
            with suppress(ObjectMissingError), self._told(f"remove {name}"):
                obstore.delete(self.client, name)

    def _chunks(self, name: str, e_tag: str) -> Iterator[Bytes]:
        with self._told(f"read {name}"):
            yield from obstore.get(self.client, name, options={"if_match": e_tag}).stream(_CHUNK_BYTES)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotFoundError, PreconditionError) as error:
            raise ObjectMissingError(f"{self.address} has no such object any more: cannot {what}") from error
        except AlreadyExistsError as error:
            raise ObjectExistsError(f"{self.address} has this object already: cannot {what}") from error
        except (BaseError, OSError) as error:
            raise self._failure(what, error) from error

    def _failure(self, what: str, error: Exception) -> LakeError:
        reason = str(error).partition("\n")[0]
        is_refused = isinstance(error, (PermissionDeniedError, UnauthenticatedError))
        if is_refused or any(each in reason for each in _REFUSALS):
            return StoreRefusedError(
                f"{self.address} does not let this user {what}; give the credentials that [object_store] or the "
                "environment names the right to it"
            )
        if _NO_BUCKET in reason:
            return LakeError(
                f"{self.address} cannot be found; make its {self.address.bucket_word} first, or name another"
            )
        why = reason.rpartition(" - ")[2]  # what comes before tells address and attempts
        return StoreAwayError(f"{self.address} is away, cannot {what} ({why}); try again when it can be reached")


def open_store(address: StoreAddress, table: ObjectStoreTable) -> Store:
    """Return the store at an address, with what ``[object_store]`` says; nothing is asked of it yet.

    Raises ConfigurationError for secrets that are missing and settings that the kind of store does not take.
    """
    config: dict[str, Any] = {"endpoint": table.endpoint, "region": table.region}
    for key, secret in (("access_key_id", table.access_key), ("secret_access_key", table.secret_key)):
        config[key] = None if secret is None else secret.reveal().get_secret_value()
    # The client looks for this in the environment as well, but not beside other options.
    is_plain = (table.endpoint or "").startswith("http://") or os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true"
    client_options: ClientConfig = {"connect_timeout": _CONNECT, "timeout": _REQUEST, "allow_http": is_plain}
    if table.ca_file is not None:
        try:
            client_options["root_certificate"] = table.ca_file.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"[object_store] ca_file: {table.ca_file} cannot be read: {error.strerror}; name a file of "
                "certificates in PEM form"
            ) from error
    try:
        # What a configuration takes depends on the kind of store, which the client alone can tell.
        client = from_url(  # type: ignore[call-overload]
            str(address),
            config={key: value for key, value in config.items() if value is not None},
            client_options=client_options,
            retry_config=_RETRIES,
        )
    except (BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigurationError(
            f"[object_store] does not fit {address}: {reason}; give what this kind of store takes"
        ) from error
    return Store(address, client)
