"""The keys of a source of type ``ebs``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from collectors.remote.settings import RemoteSettings
from collectors.volume_rules import VolumeRule
from ioledger.config import Secret


class EbsRule(VolumeRule):
    """A rule that looks at the id of the volume (``vol-…``) or at its tag ``Name``."""

    looks_at: Annotated[Literal["id", "name"], Field(alias="from")]


class EbsSettings(RemoteSettings):
    """One account and region of AWS.

    Credentials are looked for where AWS's own tools look, or in the named ``profile`` of the AWS
    configuration files, unless both keys are given. ``volume_id`` are the rules that name volumes; a
    volume that none matches is named by its id. ``endpoint_url`` is another address to ask, such as a
    proxy.
    """

    region: Annotated[str, Field(pattern=r"^[a-z]{2,}(-[a-z]+)+-\d+$")]
    profile: Annotated[str, Field(min_length=1)] | None = None
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    endpoint_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    volume_id: list[EbsRule] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_kind_of_credentials(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together; give both or neither")
        if self.access_key_id is not None and self.profile is not None:
            raise ValueError("keys and a profile are two sets of credentials; give one of them")
        return self
