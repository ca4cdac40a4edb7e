"""The `init` command: a commented configuration and an empty lake."""

from __future__ import annotations

import logging
from importlib import resources
from typing import TYPE_CHECKING

import click

from ioledger.errors import ConfigurationError
from ioledger.lake import layout
from ioledger.lake.files import write_whole

if TYPE_CHECKING:
    from ioledger.app import App

_log = logging.getLogger(__name__)


@click.command()
@click.pass_obj
def init(app: App) -> None:
    """Write a commented ioledger.toml and make the lake it names.

    An existing configuration is never overwritten.
    """
    path = app.config_file
    if path.exists():
        raise ConfigurationError(
            f"{path} is there already and stays as it is; remove it first, or name another with --config"
        )
    try:
        write_whole(path, _template("ioledger.toml"))
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}; choose another place with --config"
        ) from error
    lake = app.lake()
    layout.create(lake)
    if not (lake / layout.SETTINGS).exists():
        write_whole(lake / layout.SETTINGS, _template("settings.toml"))
    _log.info("wrote %s and made the lake %s; next: ioledger collect", path, lake)


def _template(name: str) -> bytes:
    return resources.files("ioledger.commands").joinpath(name).read_bytes()
