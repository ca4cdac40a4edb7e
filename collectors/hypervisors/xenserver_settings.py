"""The keys of a source of type ``xenserver``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from collectors.remote.addresses import host_address
from collectors.remote.settings import RemoteSettings
from collectors.volume_rules import VolumeRule
from ioledger.config import Secret

_LOOKS_AT = ("vdi", "sr_vdi", "name", "sr_name")
_SM_CONFIG = "sm_config:"


class XenserverRule(VolumeRule):
    """One rule about the VDI behind a disk: its UUID, that with its SR's, its name or its SR's, a key of sm_config."""

    looks_at: Annotated[str, Field(alias="from")]

    @field_validator("looks_at")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in _LOOKS_AT and not (name.startswith(_SM_CONFIG) and name != _SM_CONFIG):
            raise ValueError(
                f"{name!r} is nothing that a rule can look at; valid are {', '.join(_LOOKS_AT)} and {_SM_CONFIG}KEY, "
                f"such as {_SM_CONFIG}SCSIid"
            )
        return name


class XenserverSettings(RemoteSettings):
    """Which pool to ask, and as whom.

    ``url`` is the address of the coordinator (master), ``https://xen-01.example.org``; another host of the
    pool names it. ``volume_id`` are rules that name the volume behind a disk.
    """

    url: str
    username: Annotated[str, Field(min_length=1)]
    password: Secret
    volume_id: list[XenserverRule] = Field(default_factory=list)

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        return host_address(url, "a host", "https://xen-01.example.org", with_path=False)
