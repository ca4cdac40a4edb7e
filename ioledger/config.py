"""ioledger.toml as typed settings.

The ground floor knows where the lake is and which tables a configuration has; what the keys of a
source mean is that source's own business (``Settings`` on its class), checked by the same function.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ioledger.errors import UNREADABLE, ConfigurationError, did_you_mean, one_of, unreadable_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_FILE: Final = Path("ioledger.toml")

DEFAULT_PROVIDER: Final = "ioledger"

SOURCE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""Source names become directory names of the lake, so they hold nothing that a path could mistake."""


class StrictModel(BaseModel):
    """A model in which an unknown key is an error and nothing is converted by guessing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _from_directory(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        raise ValueError("a path is text, in quotes")  # noqa: TRY004 - pydantic reports a ValueError as the key's mistake
    directory: Path = (info.context or {}).get("directory", Path())
    return directory / value


ConfiguredPath = Annotated[Path, BeforeValidator(_from_directory)]
"""A path in a configuration; a relative one starts at the validation context's ``directory``."""


class Secret(StrictModel):
    """A secret, kept outside the configuration: ``{ env = "NAME" }`` or ``{ file = "/path" }``."""

    env: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            msg = 'a secret is given as { env = "NAME" } or { file = "/path" }, one of the two'
            raise ValueError(msg)
        return self

    def reveal(self) -> SecretStr:
        """Read the secret now; ConfigurationError names the place where it is missing, never the value."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                msg = f"the secret's environment variable {self.env} is not set; set it, or name a file instead"
                raise ConfigurationError(msg)
            return SecretStr(value)
        try:
            return SecretStr(Path(str(self.file)).read_text(encoding="utf-8").rstrip("\n"))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            msg = f"the secret's file {self.file} cannot be read: {reason}; give the user who collects access to it"
            raise ConfigurationError(msg) from error


class SourceTable(BaseModel):
    """One ``[sources.NAME]`` table: ``type`` names the entry point, the rest is the source's own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str

    @property
    def settings(self) -> dict[str, Any]:
        """Return the keys that the source's own ``Settings`` will judge."""
        return dict(self.model_extra or {})


class CheckTable(StrictModel):
    """The ``[check]`` table.

    How long one rule may take; how much memory the check may take, beyond which it goes on in temporary
    files; how much rules of the user's own may take; and how soon a finding that comes back is still the
    same one.
    """

    rule_timeout_seconds: Annotated[int, Field(ge=1)] = 300
    memory_mib: Annotated[int, Field(ge=64)] = 640
    own_rules_memory_mib: Annotated[int, Field(ge=64)] = 1024
    flap_damping_seconds: Annotated[int, Field(ge=0, le=100 * 366 * 86_400)] = 86_400


class ExportTable(StrictModel):
    """The ``[export]`` table: who sells what is billed, as bills in FOCUS name the provider."""

    provider: Annotated[str, Field(min_length=1)] = DEFAULT_PROVIDER


class ObjectStoreTable(StrictModel):
    """The ``[object_store]`` table, for a lake that lies in one.

    ``working_copy`` is its directory on this machine. ``spool_mib`` is how much a collector keeps while the
    store is away. Without the keys, the client finds endpoint, region and credentials where it always does:
    in the environment and in what the machine is told of itself. ``ca_file`` is a file of certificates
    in PEM form that are trusted beside those of the system.
    """

    working_copy: ConfiguredPath | None = None
    spool_mib: Annotated[int, Field(ge=1)] = 4096
    endpoint: Annotated[str | None, Field(pattern=r"^https?://[^\s]+$")] = None
    region: str | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None
    ca_file: ConfiguredPath | None = None


class Configuration(StrictModel):
    """A whole ioledger.toml."""

    lake: Annotated[str, Field(min_length=1)] = "lake"
    sources: dict[str, SourceTable] = {}
    rules: dict[str, dict[str, int]] = {}
    check: CheckTable = CheckTable()
    export: ExportTable = ExportTable()
    object_store: ObjectStoreTable = ObjectStoreTable()


_TO_DO: Final = {
    "int_type": "write a whole number, without quotes",
    "string_type": "write text, in quotes",
    "bool_type": "write true or false, without quotes",
    "list_type": "write a list, in brackets",
    "Secret": 'write where it is kept, as { env = "NAME" } or { file = "/path" }',
}
"""What to do about a mistake, by pydantic's name of its type, or by the class that was wanted."""

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], values: dict[str, Any], where: str, context: dict[str, Any] | None = None) -> Model:
    """Check ``values`` against ``model``, whose validators see ``context``.

    Raises ConfigurationError, which names ``where`` and the key, what was received and what is
    valid; of several mistakes the first.
    """
    try:
        return model.model_validate(values, context=context)
    except ValidationError as error:
        raise ConfigurationError(_sentence(error, model, where)) from error


def _sentence(error: ValidationError, model: type[BaseModel], where: str) -> str:
    # A mistyped key is often also a missing one, and says more.
    first = min(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        valid = _keys_at(model, path[:-1])
        return f"{where}: unknown key {key!r}{did_you_mean(path[-1], valid)}; valid keys are {one_of(valid)}"
    if first["type"] == "missing":
        return f"{where}: the key {key!r} is missing; add it"
    message = first["msg"].removeprefix("Value error, ")
    at = f" key {key!r}:" if key else ""
    # A rejected value may be a secret that was written where it must not be: it is not repeated.
    received = f" (received {first['input']!r})" if _is_short_number(first["input"]) else ""
    wanted = str(first.get("ctx", {}).get("class_name", first["type"]))
    to_do = f"; {_TO_DO[wanted]}" if wanted in _TO_DO else ""
    return f"{where}:{at} {message[0].lower()}{message[1:]}{received}{to_do}"


def _is_short_number(value: object) -> bool:
    """Tell a number that is repeated in a sentence; Python writes out digits of one only up to a limit."""
    return isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() <= _MOST_SHOWN_BITS)


_MOST_SHOWN_BITS: Final = 128


def _keys_at(model: type[BaseModel], path: list[str]) -> list[str]:
    for name in path:
        field = model.model_fields.get(name)
        model = next(_models_in(field.annotation), model) if field else model
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Find the models that a type is made of: itself, or what its lists and unions hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def load(path: Path) -> Configuration:
    """Read ioledger.toml; relative paths in it are relative to the file.

    Raises ConfigurationError for a missing or malformed file, an unknown key or a bad source name.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"there is no configuration at {path}; write one with `ioledger init`, or name another with --config"
        raise ConfigurationError(msg) from error
    except UNREADABLE as error:
        msg = unreadable_toml(path, error)
        raise ConfigurationError(msg) from error
    configuration = validated(Configuration, values, str(path), {"directory": path.parent})
    for name in configuration.sources:
        if not SOURCE_NAME.fullmatch(name):
            msg = f"{path}: {name!r} is no source name; use lower-case letters, digits, '.', '_' and '-', at most 63"
            raise ConfigurationError(msg)
    return configuration
