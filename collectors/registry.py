"""Finds the class of a configured source through entry points and builds it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, cast

from ioledger.config import validated
from ioledger.errors import ConfigurationError, did_you_mean, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydantic import BaseModel

    from collectors.source import Source
    from ioledger.config import Configuration, SourceTable

SOURCES: Final = "ioledger.sources"


def build_sources(configuration: Configuration, directory: Path, wanted: Iterable[str] = ()) -> dict[str, Source]:
    """Build the configured sources, or only the ``wanted`` ones, by name.

    ``directory`` is where relative paths in a source's settings start. Raises ConfigurationError
    for an unknown name or type, a missing extra, or a setting that the source refuses.
    """
    tables = configuration.sources
    if not tables:
        raise ConfigurationError("no source is configured; add a [sources.NAME] table to ioledger.toml")
    for name in wanted:
        if name not in tables:
            raise ConfigurationError(
                f"there is no source {name!r}{did_you_mean(name, tables)}; configured are {one_of(tables)}"
            )
    return {name: _build(name, tables[name], directory) for name in (wanted or tables)}


def settings_of(configuration: Configuration, directory: Path) -> dict[str, BaseModel]:
    """Read the settings of all configured sources, by name, without building any; raises as ``build_sources``."""
    return {name: _class_and_settings(name, table, directory)[1] for name, table in configuration.sources.items()}


def _build(name: str, table: SourceTable, directory: Path) -> Source:
    source_class, settings = _class_and_settings(name, table, directory)
    return cast("Source", source_class(settings))


def _class_and_settings(name: str, table: SourceTable, directory: Path) -> tuple[Any, BaseModel]:
    where = f"sources.{name}"
    source_class = _load(where, table.type)
    return source_class, validated(source_class.Settings, table.settings, where, {"directory": directory})


def _load(where: str, source_type: str) -> Any:  # noqa: ANN401 - a class from anywhere that follows Source
    found = entry_points(group=SOURCES, name=source_type)
    if not found:
        valid = entry_points(group=SOURCES).names
        raise ConfigurationError(
            f"{where}: received type {source_type!r}{did_you_mean(source_type, valid)}; valid are {one_of(valid)}"
        )
    entry_point = next(iter(found))
    try:
        return entry_point.load()
    except ImportError as error:
        raise ConfigurationError(
            f"{where}: type {source_type!r} cannot be loaded: {error}; install what it needs with "
            f"`pip install 'ioledger[{source_type}]'`"
        ) from error
