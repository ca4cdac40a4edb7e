"""The keys that every source of a remote service has."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from collectors.source import LONGEST_RUN_SECONDS
from ioledger.config import ConfiguredPath, StrictModel


class RemoteSettings(StrictModel):
    """How a service is asked.

    ``timeout_seconds`` is how long one request may be without an answer, ``requests_per_second`` how
    many are begun at most, ``run_seconds`` how long all those of a run may take. The server's certificate
    is verified, by the authorities that the system trusts or by those in ``ca_file``;
    ``verify_tls = false`` trusts whoever answers.
    """

    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 30
    requests_per_second: Annotated[int, Field(ge=1, le=1000)] = 20
    run_seconds: Annotated[int, Field(ge=10, le=3600)] = LONGEST_RUN_SECONDS
    verify_tls: bool = True
    ca_file: ConfiguredPath | None = None

    @model_validator(mode="after")
    def _authorities_are_used(self) -> Self:
        if self.ca_file is not None and not self.verify_tls:
            msg = "a ca_file is of no use where nothing is verified; remove ca_file, or verify_tls = false"
            raise ValueError(msg)
        return self

    @property
    def verify(self) -> bool | str:
        """Return what clients that are built on requests take: whether to verify, or by which authorities."""
        return str(self.ca_file) if self.ca_file is not None else self.verify_tls
