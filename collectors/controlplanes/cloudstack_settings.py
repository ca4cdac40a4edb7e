"""The keys of a source of type `cloudstack`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from collectors.remote.settings import RemoteSettings
from collectors.volume_rules import VolumeRule
from ioledger.config import Secret


class CloudStackVolumeRule(VolumeRule):
    """A rule that looks at the volume's id, its name, or what the hypervisor calls it."""

    looks_at: Annotated[Literal["id", "name", "path", "externaluuid"], Field(alias="from")]


class CloudStackSettings(RemoteSettings):
    """Where the API is, whose keys are used, and rules that name volumes.

    ``page_size`` is how many items are asked for at a time; the server refuses more than its own
    ``default.page.size``, which is 500 unless configured.
    """

    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s?]+$")]
    api_key: Secret
    secret_key: Secret
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    volume_id: list[CloudStackVolumeRule] = Field(default_factory=list)
