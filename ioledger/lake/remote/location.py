"""What a lake's location says: a directory, or a place in an object store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ioledger.errors import ConfigurationError, one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMES: Final[Mapping[str, str]] = {"s3": "bucket", "gs": "bucket", "az": "container"}
"""The stores there are by scheme, and what the first part of an address is called there."""

_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL)
_VALID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._=-]+)*")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A lake in an object store, such as ``s3://bucket/some/prefix``."""

    scheme: str
    path: str

    def __str__(self) -> str:
        """Write the address as people do."""
        return f"{self.scheme}://{self.path}"

    @property
    def bucket_word(self) -> str:
        """Return what the first part of the path is called in this kind of store."""
        return SCHEMES[self.scheme]

    @property
    def directory_name(self) -> str:
        """Return a name for a directory that is of this address alone."""
        return f"{self.scheme}-{self.path.replace('/', '+')}"


Location = Path | StoreAddress


def location(text: str) -> Location:
    """Read where a lake is; raises ConfigurationError for an address that is none."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return Path(text)
    scheme, path = found[1], found[2].rstrip("/")
    if scheme not in SCHEMES or not _VALID.fullmatch(path) or {".", ".."} & set(path.split("/")):
        valid = one_of(f"{name}://{word.upper()}/PREFIX" for name, word in SCHEMES.items())
        raise ConfigurationError(
            f"{text!r} is no place for a lake; valid are a directory, {valid}, with letters, digits, '.', '_', '=' "
            "and '-' in each part"
        )
    return StoreAddress(scheme, path)
