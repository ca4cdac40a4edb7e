"""Whether the files of secrets can be read by those who need them, and by nobody else."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from collectors.registry import settings_of
from ioledger.config import Secret
from ioledger.errors import ConfigurationError
from ioledger.health.check import Check, of_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.app import App


def checks(app: App) -> Iterator[Check]:
    """Check every secret of every source; raises ConfigurationError where a source's settings are wrong."""
    for name, configured in settings_of(app.configuration(), app.directory).items():
        for secret in _secrets(configured):
            yield of_secret(name, secret)


def _secrets(value: object) -> Iterator[Secret]:
    match value:
        case Secret():
            yield value
        case BaseModel():
            for field in type(value).model_fields:
                yield from _secrets(getattr(value, field))
        case dict():
            for each in value.values():
                yield from _secrets(each)
        case list() | tuple():
            for each in value:
                yield from _secrets(each)


def of_secret(source: str, secret: Secret) -> Check:
    """Tell whether a secret can be had, and whether others can have it as well."""
    try:
        secret.reveal()
    except ConfigurationError as error:
        return of_error("secret", error, source)
    if secret.file is None:
        return Check("secret", f"it is in the environment, as {secret.env}", None, source)
    if stat.S_IMODE(Path(secret.file).stat().st_mode) & stat.S_IRWXO:
        return Check(
            "secret", f"every user of this machine may read {secret.file}", f"run `chmod o= {secret.file}`", source
        )
    return Check("secret", f"{secret.file} is for its owner and group alone", None, source)
