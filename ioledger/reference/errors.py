"""The reference of exit codes and errors, in Markdown."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from ioledger import errors
from ioledger.cli import EXIT_DEFECT, EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_PARTIAL, EXIT_TERMINATED, EXIT_WRONG_USE
from ioledger.errors import IoledgerError
from ioledger.reference.markdown import prose, table

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXIT_CODES: Final = (
    (0, "done, and clean", "nothing"),
    (
        EXIT_FINDINGS,
        "`check` found something at or above `--fail-on`; no other command ends with it",
        "read the findings",
    ),
    (
        EXIT_WRONG_USE,
        "wrong usage, configuration or data: one sentence says what was received, what is valid and what to do",
        "do what the sentence says",
    ),
    (
        EXIT_PARTIAL,
        (
            "partial: some guests or sources could not be read, some usage is withheld or has no price, a file is "
            "broken; the rest is done and stored. From `doctor`: something is to be mended"
        ),
        "read stderr, which names each",
    ),
    (EXIT_DEFECT, "a defect of ioledger", "report it, with the traceback"),
    (EXIT_INTERRUPTED, "Ctrl-C", "run it again: nothing is half done"),
    (EXIT_TERMINATED, "SIGTERM, such as at a shutdown", "run it again: nothing is half done"),
)


def errors_page() -> str:
    """Return docs/reference/errors.md: what exit codes mean, and the classes of errors that programs can catch."""
    codes = [(f"{code}", meaning, action) for code, meaning, action in _EXIT_CODES]
    return (
        "# Exit codes and errors\n\n"
        "Made from the code by `make docs`.\n\n"
        "## Exit codes\n\n"
        f"{table(('exit code', 'means', 'what to do'), codes)}\n"
        "An error is one sentence on stderr, which begins with `ioledger:`. A traceback is only shown for a\n"
        "defect. `--log-format json`, before the command, writes stderr as one JSON object for each line.\n\n"
        "## Classes\n\n"
        "Programs that use ioledger as a library catch these; all are in `ioledger.errors`. Where trying again\n"
        "helps, something outside was busy or did not answer.\n\n"
        f"{table(('class', 'is a', 'means', 'exit code', 'trying again helps'), _classes())}"
    )


def _classes() -> Iterator[tuple[str, ...]]:
    for name, found in vars(errors).items():
        if inspect.isclass(found) and issubclass(found, IoledgerError):
            yield (
                f"`{name}`",
                f"`{found.__bases__[0].__name__}`",
                prose(found.__doc__),
                str(found.exit_code),
                "yes" if found.retry_helps else "no",
            )
