"""The `init` command: a commented configuration and an empty lake."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ioledger.commands.init_systemd import write_units
from ioledger.errors import ConfigurationError, LakeError
from ioledger.examples import examples
from ioledger.lake import layout
from ioledger.lake.files import write_whole

if TYPE_CHECKING:
    from ioledger.app import App
    from ioledger.lake.remote.location import Location

_log = logging.getLogger(__name__)


@click.command(
    epilog=examples(
        "init", "init --systemd", "--config site/ioledger.toml --lake /srv/lake init", "--lake s3://bucket/lake init"
    )
)
@click.option(
    "--systemd",
    "units",
    is_flag=False,
    flag_value="",
    metavar="[DIR]",
    help="Write units for systemd and lines for cron as well [default of DIR: systemd beside the configuration].",
)
@click.pass_obj
def init(app: App, units: str | None) -> None:
    """Write a commented ioledger.toml and make the lake it names.

    An existing configuration is never overwritten; if only its lake is missing, that is made.

    With --systemd a service that collects and timers for all else that has to be run are written, with the
    paths of this installation, for a user called ioledger. Nothing is installed: the commands that do are
    printed. A file that is there and differs from what would be written stays as it is.
    """
    _make_what_is_missing(app, is_enough=units is not None)
    if units is not None:
        write_units(app, Path(units) if units else app.directory / "systemd")


def _make_what_is_missing(app: App, *, is_enough: bool) -> None:
    """Write the configuration and make the lake; where both are there, ``is_enough`` tells that this is no mistake."""
    path = app.config_file
    if path.exists():
        if _is_made(app):
            if is_enough:
                return
            raise ConfigurationError(
                f"{path} is there already and stays as it is; remove it first, or name another with --config"
            )
        _make_lake(app)
        _log.info("made the lake %s; %s stays as it is", app.location(), path)
        return
    app = replace(app, config_named=False)  # there is none yet
    _make_lake(app)  # first: without it, the configuration would name a lake that no command makes
    try:
        write_whole(path, _commented_configuration(app.lake_option))
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}; choose another place with --config"
        ) from error
    _log.info("wrote %s and made the lake %s; next: ioledger collect", path, app.location())


def _is_made(app: App) -> bool:
    copy = app.working_copy()
    return (app.lake() / layout.MARKER).exists() if copy is None else copy.is_made()


def _make_lake(app: App) -> None:
    lake = app.made_lake()
    layout.create(lake)
    settings = lake / layout.SETTINGS
    try:
        if not settings.exists():
            write_whole(settings, _template("settings.toml"))
    except OSError as error:
        raise LakeError(f"{settings} cannot be written: {error.strerror}; make the lake writable") from error


def _commented_configuration(lake: Location | None) -> bytes:
    template = _template("ioledger.toml")
    if lake is None:
        return template
    # A JSON string is a TOML string, but for the escapes that ASCII output would need.
    named = json.dumps(str(lake.absolute() if isinstance(lake, Path) else lake), ensure_ascii=False)
    return template.replace(b'lake = "lake"', f"lake = {named}".encode(), 1)


def _template(name: str) -> bytes:
    return resources.files("ioledger.commands").joinpath(name).read_bytes()
