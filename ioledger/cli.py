"""The `ioledger` command: sub-commands found through entry points, one map from errors to exit codes."""

from __future__ import annotations

import ast
import logging
import os
import signal
import stat
import sys
import threading
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.exceptions import NoArgsIsHelpError
from click.shell_completion import CompletionItem, shell_complete

from ioledger import completion, config, interruption, wrong_use
from ioledger.app import App
from ioledger.clock import SystemClock
from ioledger.errors import IoledgerError
from ioledger.lake import lock_holders
from ioledger.lake.remote.location import location
from ioledger.shortage import is_shortage, of_shortage
from ioledger.terminal import log_to_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ioledger.lake.remote.location import Location

COMMANDS: Final = "ioledger.commands"

_JOBS: Final = {
    "To begin": ("init", "demo", "doctor", "completion"),
    "Facts": ("collect", "lake"),
    "For operators": ("check", "rules", "volumes", "report", "plot", "metrics"),
    "For finance": ("usage", "rate", "close", "statement", "export", "explain", "reconcile"),
}
"""What is done with each command; the help lists them in this order, and commands of other makers at the end."""

EXIT_FINDINGS: Final = 1
EXIT_WRONG_USE: Final = 2
EXIT_PARTIAL: Final = 3
EXIT_DEFECT: Final = 4
EXIT_INTERRUPTED: Final = 130
EXIT_TERMINATED: Final = 143
"""As shells have it for a program that Ctrl-C, or SIGTERM, ended."""

_STOP_SIGNALS: Final = {signal.SIGINT: EXIT_INTERRUPTED, signal.SIGTERM: EXIT_TERMINATED}

_log = logging.getLogger(__name__)


class _EntryPointGroup(click.Group):
    """A group whose commands are entry points, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(entry_points(group=COMMANDS).names)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command as ``--help`` tells of it, so that no command is imported for its name."""
        commands = [entry for entry in entry_points(group=COMMANDS) if entry.name.startswith(incomplete)]
        found = [CompletionItem(entry.name, help=_summary(entry)) for entry in sorted(commands)]
        return found if not incomplete.startswith("-") else click.Command.shell_complete(self, ctx, incomplete)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        found = entry_points(group=COMMANDS, name=cmd_name)
        if not found:
            return None
        command = next(iter(found)).load()
        if not isinstance(command, click.Command):
            raise TypeError(f"the entry point {cmd_name} of {COMMANDS} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        summaries = {entry_point.name: _summary(entry_point) for entry_point in entry_points(group=COMMANDS)}
        widest = max(map(len, summaries))
        for job, names in (*_JOBS.items(), ("Others", sorted(summaries))):
            found = [(name.ljust(widest), summaries.pop(name)) for name in names if name in summaries]
            if found:
                with formatter.section(job):
                    formatter.write_dl(found)


def _summary(entry_point: EntryPoint) -> str:
    """Read the first line of a command's docstring in its source, so that --help imports no command."""
    try:
        spec = find_spec(entry_point.module)
    except ModuleNotFoundError:
        return ""
    if not spec or not spec.origin or not spec.has_location:
        return ""
    for node in ast.parse(Path(spec.origin).read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == entry_point.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


class _LakeLocation(click.Path):
    """Where a lake is: completed as a directory, read as a location."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002 - likewise
    ) -> Any:  # noqa: ANN401 - likewise
        """Read the location; raises ConfigurationError for an address that is none."""
        return location(value) if isinstance(value, str) else value


@click.group(cls=_EntryPointGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("ioledger"), prog_name="ioledger")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="The configuration [default: ioledger.toml]."
)
@click.option(
    "--lake",
    "lake",
    type=_LakeLocation(),
    help="The lake: a directory, or s3://BUCKET/PREFIX [default: what the configuration says].",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    is_eager=True,  # what is wrong with the other words is told in this format already
    expose_value=False,
    callback=lambda _ctx, _option, value: log_to_stderr(value),
    help="How stderr is written.",
)
@click.pass_context
def group(ctx: click.Context, config_file: Path | None, lake: Location | None) -> None:
    """Meter the disk I/O of virtual machines, check who limits it, and account for it.

    Exit codes: 0 done, 1 findings (check), 2 wrong usage, configuration or data, 3 partial: the rest
    is stored (doctor: something is to be mended), 4 a defect of ioledger.
    """
    ctx.obj = ctx.obj or App(
        clock=SystemClock(),
        config_file=config_file or config.DEFAULT_FILE,
        config_named=config_file is not None,
        lake_option=lake,
    )


def run(arguments: list[str] | None = None, app: App | None = None) -> int:
    """Run one command and return its exit code; a mistake of the user's is a sentence on stderr."""
    log_to_stderr("text")
    with _stop_signals() as received:
        try:
            code = _run(sys.argv[1:] if arguments is None else arguments, app, received)
        except KeyboardInterrupt:  # while an error was told
            code = EXIT_INTERRUPTED
    return _STOP_SIGNALS[received[0]] if received else code


def _run(arguments: list[str], app: App | None, received: list[signal.Signals]) -> int:  # noqa: PLR0911 - one for each kind of end
    try:
        return _invoke(arguments, app)
    except NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_WRONG_USE
    except click.ClickException as error:
        _log.error("ioledger: %s", wrong_use.sentence(error))
        return EXIT_WRONG_USE
    except IoledgerError as error:
        _log.error("ioledger: %s", error)
        return error.exit_code
    except BrokenPipeError:
        # The reader of stdout left (`| head`); what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - whatever else there is, is told as a defect
        if received:  # DuckDB makes another error of the one that ends its query
            return EXIT_INTERRUPTED
        return _told_otherwise(error)


def _told_otherwise(error: Exception) -> int:
    """Tell of an error that no part of ioledger has a sentence for."""
    if is_shortage(error):
        _log.error("ioledger: %s", of_shortage(error))
        return EXIT_WRONG_USE
    _log.error("ioledger: this is a defect of ioledger; please report it with what follows", exc_info=error)
    return EXIT_DEFECT


@contextmanager
def _stop_signals() -> Iterator[list[signal.Signals]]:
    """Have the first stop signal end the command as Ctrl-C does, tidily, and a second one the process at once.

    Yields a list that gets the number of the first. What another program has set up or left out stays so.
    """
    received: list[signal.Signals] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        for each in _STOP_SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        interruption.interrupt_all()
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _STOP_SIGNALS}
    ours = [number for number, handler in before.items() if handler in {signal.SIG_DFL, signal.default_int_handler}]
    if threading.current_thread() is not threading.main_thread():
        ours = []
    for number in ours:
        signal.signal(number, handle)
    try:
        yield received
    finally:
        for number in ours:
            signal.signal(number, before[number])


def _invoke(arguments: list[str], app: App | None) -> int:
    # Not group.main(): it ends with 1 when the reader of stdout leaves, and 1 means findings here.
    try:
        with group.make_context("ioledger", arguments, obj=app) as context:
            lock_holders.work_as(_command_of(context, arguments))
            code = _with_copies(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else 0


def _command_of(context: click.Context, arguments: list[str]) -> str:
    """Name the command of a command line, without its options: these may hold what is nobody's business."""
    words = ["ioledger"]
    command: click.Command | None = group
    for word in arguments[len(arguments) - len(context.args) - 1 :]:
        if not isinstance(command, click.Group) or (command := command.get_command(context, word)) is None:
            break
        words.append(word)
    return " ".join(words)


def _with_copies(context: click.Context) -> object:
    """Invoke the command, and put what it did to lakes in object stores there, also where it failed halfway."""
    try:
        code = group.invoke(context)
    except BrokenPipeError:  # the reader of stdout left; what was done counts all the same
        context.obj.copies.put_back()
        raise
    except IoledgerError:
        try:
            context.obj.copies.put_back()
        except IoledgerError as error:
            _log.warning("%s", error)
        raise
    context.obj.copies.put_back()
    return code


def main() -> None:
    """Run the command line; the entry point of the `ioledger` script.

    Nothing that it or its workers make can be written by everybody, whatever the umask.
    """
    os.umask(os.umask(0o077) | stat.S_IWOTH)
    if instruction := os.environ.get(completion.VARIABLE):
        sys.exit(shell_complete(group, {}, "ioledger", completion.VARIABLE, instruction))
    code = run()
    if code == EXIT_TERMINATED:  # tidied up, it ends as what it was told to end by: systemd takes no other for clean
        logging.shutdown()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
    sys.exit(code)
