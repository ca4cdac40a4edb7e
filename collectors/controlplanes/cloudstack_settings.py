"""The keys of a source of type `cloudstack`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from collectors.remote.addresses import parts_of
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

    endpoint: str
    api_key: Secret
    secret_key: Secret
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    volume_id: list[CloudStackVolumeRule] = Field(default_factory=list)

    @field_validator("endpoint")
    @classmethod
    def _is_url_of_an_api(cls, endpoint: str) -> str:
        parts = parts_of(endpoint)
        if parts is None or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
            raise ValueError(
                "the endpoint is no URL of an API; write it in full, such as https://cloud.example.org/client/api"
            )
        if parts.username is not None or parts.password is not None:
            raise ValueError("the endpoint holds a username or a password, which no request here uses; remove it")
        return endpoint
