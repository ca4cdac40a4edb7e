"""`init --systemd`: units for one installation, beside its configuration, and how to install them."""

from __future__ import annotations

import logging
import shutil
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ioledger.errors import ConfigurationError, counted
from ioledger.lake.files import write_whole
from ioledger.schedule.files import Installation, commands, files

if TYPE_CHECKING:
    from ioledger.app import App

_log = logging.getLogger(__name__)


def write_units(app: App, directory: Path) -> None:
    """Write the units of this installation to a directory, and print the commands that install them.

    Raises ConfigurationError where a file is there and holds something else, or cannot be written; of the
    former none is written then.
    """
    app = replace(app, lake_option=None)  # jobs know no other than the configuration's
    copy = app.working_copy()
    lake = app.lake() if copy is None else copy.path
    installation = Installation(
        _program(), Path(sys.base_prefix), app.config_file.absolute(), lake.absolute(), is_in_store=copy is not None
    )
    wanted = {directory / name: content.encode() for name, content in files(installation).items()}
    missing = {path: content for path, content in wanted.items() if not _is_there(path, content)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, content in missing.items():
            write_whole(path, content)
    except OSError as error:
        raise ConfigurationError(
            f"{directory} cannot be written: {error.strerror}; name another directory with --systemd"
        ) from error
    _log.info("wrote %s to %s; as root, these commands install them:", counted(len(missing), "file"), directory)
    for command in commands(directory.absolute(), installation):
        click.echo(command)


def _is_there(path: Path, content: bytes) -> bool:
    """Tell whether a file holds this content; raises ConfigurationError where it holds another."""
    try:
        is_same = path.read_bytes() == content
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}; name another directory") from error
    if not is_same:
        raise ConfigurationError(
            f"{path} holds something else than would be written, and stays as it is; move it away, or name another "
            "directory with --systemd"
        )
    return True


def _program() -> Path:
    """Find the script of this installation: that of its own Python, before any other on the PATH."""
    found = shutil.which("ioledger", path=sysconfig.get_path("scripts")) or shutil.which("ioledger")
    if found is None:
        raise ConfigurationError("the program ioledger is not found on the PATH; add its directory there")
    return Path(found).absolute()
