"""The keys of a source of type ``solidfire``."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field, field_validator

from collectors.remote.addresses import parts_of
from collectors.remote.settings import RemoteSettings
from collectors.volume_rules import VolumeRule
from ioledger.config import Secret

ATTRIBUTE: Final = "attribute:"
"""What stands before the name of one of a volume's attributes where a rule looks at it."""

_NAMES: Final = ("id", "name", "iqn", "wwn")


class SolidfireRule(VolumeRule):
    """A rule that looks at a volume's id, name, IQN or WWN, or at one of its attributes."""

    looks_at: Annotated[str, Field(alias="from")]

    @field_validator("looks_at")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in _NAMES and not re.fullmatch(f"{ATTRIBUTE}.+", name):
            raise ValueError(
                f"{name!r} is nothing that a rule can look at; write {', '.join(_NAMES)} or {ATTRIBUTE} with the "
                f"attribute's name, such as {ATTRIBUTE}uuid"
            )
        return name


class SolidfireSettings(RemoteSettings):
    """One cluster of SolidFire, or Element software, and an account that may read it.

    ``url`` is the management address (MVIP), ``api_version`` the version of the API that is asked for.
    ``volume_id`` are the rules that name volumes; a volume that none matches is named by the cluster's
    unique id and its own, such as ``3p53.41``.
    """

    url: str
    username: Annotated[str, Field(min_length=1)]
    password: Secret
    api_version: Annotated[str, Field(pattern=r"^\d+\.\d+$")] = "12.3"
    volume_id: list[SolidfireRule] = Field(default_factory=list)

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = parts_of(url)
        if parts is None or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("the url is no address of a cluster; write its MVIP, such as https://10.20.0.4")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "the url holds a username or a password, which everybody would see; remove it, change it, and use the "
                "keys username and password"
            )
        if parts.scheme != "https":
            raise ValueError(
                f"the url begins with {parts.scheme}, which shows the password to everybody on the way; write https"
            )
        return url.rstrip("/")
