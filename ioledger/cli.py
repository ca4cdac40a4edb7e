"""The `ioledger` command: sub-commands found through entry points, one map from errors to exit codes."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Final

import click

from ioledger import config
from ioledger.app import App
from ioledger.clock import SystemClock
from ioledger.errors import IoledgerError, did_you_mean
from ioledger.terminal import log_to_stderr

COMMANDS: Final = "ioledger.commands"

EXIT_FINDINGS: Final = 1
EXIT_WRONG_USE: Final = 2
EXIT_PARTIAL: Final = 3
EXIT_DEFECT: Final = 4
EXIT_INTERRUPTED: Final = 130
"""As shells have it for a program that Ctrl-C ended."""

_log = logging.getLogger(__name__)


class _EntryPointGroup(click.Group):
    """A group whose commands are entry points, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(entry_points(group=COMMANDS).names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        found = entry_points(group=COMMANDS, name=cmd_name)
        if not found:
            return None
        command = next(iter(found)).load()
        if not isinstance(command, click.Command):
            raise TypeError(f"the entry point {cmd_name} of {COMMANDS} is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known:
            ctx.fail(f"there is no command {args[0]!r}{did_you_mean(args[0], known)}; commands are {', '.join(known)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_EntryPointGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("ioledger"), prog_name="ioledger")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="The configuration [default: ioledger.toml]."
)
@click.option(
    "--lake", "lake", type=click.Path(path_type=Path), help="The lake [default: what the configuration says]."
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="How stderr is written.")
@click.pass_context
def group(ctx: click.Context, config_file: Path | None, lake: Path | None, log_format: str) -> None:
    """Meter the disk I/O of virtual machines, check who limits it, and account for it.

    Exit codes: 0 done, 1 findings (check), 2 wrong usage, configuration or data, 3 partial: the rest
    is stored, 4 a defect of ioledger.
    """
    log_to_stderr(log_format)
    ctx.obj = ctx.obj or App(
        clock=SystemClock(),
        config_file=config_file or config.DEFAULT_FILE,
        config_named=config_file is not None,
        lake_option=lake,
    )


def run(arguments: list[str] | None = None, app: App | None = None) -> int:
    """Run one command and return its exit code; a mistake of the user's is a sentence on stderr."""
    try:
        code = group.main(args=arguments, obj=app, prog_name="ioledger", standalone_mode=False)
    except click.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return EXIT_WRONG_USE
    except IoledgerError as error:
        _log.error("ioledger: %s", error)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception:  # noqa: BLE001 - whatever else there is, is told as a defect
        _log.exception("ioledger: this is a defect of ioledger; please report it with what follows")
        return EXIT_DEFECT
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command line; the entry point of the `ioledger` script."""
    sys.exit(run())
