"""The keys of a source of type `cinder`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from collectors.remote.settings import RemoteSettings
from collectors.volume_rules import VolumeRule
from ioledger.config import ConfiguredPath, Secret


class CinderVolumeRule(VolumeRule):
    """A rule that looks at the volume's id, at the id that the storage knows it by, or at its name."""

    looks_at: Annotated[Literal["id", "name_id", "name"], Field(alias="from")]


_WAYS = (
    "a `cloud` of clouds.yaml; `auth_url` with `username`, `password` and `project`; or `endpoint` and `token` "
    "where no Keystone is asked"
)


class CinderSettings(RemoteSettings):
    """Where Cinder is and who asks: one of three ways, and rules that name volumes.

    ``cloud`` is an entry of clouds.yaml, which lies in ``clouds_file`` or where OpenStack's clients look.
    ``region`` is needed where Keystone has several.
    """

    cloud: str | None = None
    clouds_file: ConfiguredPath | None = None
    auth_url: str | None = None
    username: str | None = None
    password: Secret | None = None
    project: str | None = None
    user_domain: str = "Default"
    project_domain: str = "Default"
    endpoint: str | None = None
    token: Secret | None = None
    region: str | None = None
    volume_id: list[CinderVolumeRule] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.clouds_file is not None and self.cloud is None:
            msg = "clouds_file says nothing without the name of a cloud in it; add `cloud`, or remove clouds_file"
            raise ValueError(msg)
        ways = ((self.cloud,), (self.auth_url, self.username, self.password, self.project), (self.endpoint, self.token))
        begun = [way for way in ways if any(key is not None for key in way)]
        if len(begun) != 1 or any(key is None for key in begun[0]):
            raise ValueError(f"who asks is said in one of three ways: {_WAYS}")
        return self
