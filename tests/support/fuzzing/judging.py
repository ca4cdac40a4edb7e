"""Hands inputs to a parser one after the other, and keeps those on which it breaks.

A parser may take two seconds of processor time for an input and 300 MB of memory. After ten seconds the kernel ends
the process, whatever the parser is in.
"""

from __future__ import annotations

import logging
import resource
import signal
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fuzzing.inputs import made
from fuzzing.target import WrongError, is_taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fuzzing.target import Target

MOST_SECONDS: Final = 2.0
_END_SECONDS: Final = 10.0
MOST_BYTES: Final = 300 * 2**20
_MOST_MEMORY: Final = 6 * 2**30
_MOST_FINDINGS: Final = 20
"""Of one target and piece of work: a parser that breaks on so many inputs breaks on all."""


class _HangError(BaseException):
    """An input takes too long; no parser may catch it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An input on which a parser breaks, and how."""

    target: str
    data: bytes
    how: str
    where: str

    @property
    def kind(self) -> tuple[str, str, str]:
        """Tell findings apart: many inputs find the same."""
        return self.target, self.how.partition(":")[0], self.where


@dataclass(slots=True)
class Tally:
    """What became of inputs."""

    taken: int = 0
    refused: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        """How many inputs there were."""
        return self.taken + self.refused + len(self.findings)


def begin() -> None:
    """Make this process one that judges: quiet, with an end to its memory."""
    logging.disable(logging.CRITICAL)
    watch()
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, resource.RLIM_INFINITY))


def watch() -> None:
    """Have inputs that take too long interrupted in this process."""
    signal.signal(signal.SIGPROF, _too_long)
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)


def _too_long(_signal: int, _frame: object) -> None:
    raise _HangError


def judged(target: Target, inputs: Iterable[bytes], note: Callable[[int], None] = lambda _number: None) -> Tally:
    """Hand inputs to a target; ``note`` is told the number of each before it is read."""
    tally = Tally()
    for number, data in enumerate(inputs):
        note(number)
        finding, is_accepted = judge(target, data)
        if finding is not None:
            tally.findings.append(finding)
            if len(tally.findings) >= _MOST_FINDINGS:
                break
        elif is_accepted:
            tally.taken += 1
        else:
            tally.refused += 1
    return tally


def judge(target: Target, data: bytes) -> tuple[Finding | None, bool]:
    """Hand one input to a target; return how it breaks, and whether it was taken."""
    before = _peak_bytes()
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    signal.setitimer(signal.ITIMER_VIRTUAL, _END_SECONDS)
    try:
        is_accepted = is_taken(target, data)
    except _HangError as error:
        return Finding(target.name, data, f"it hangs: more than {MOST_SECONDS} s", _place(error)), False
    except WrongError as error:
        return Finding(target.name, data, f"WrongError: {error}", _place(error)), False
    except Exception as error:  # noqa: BLE001 - whatever comes out is what is looked for
        return Finding(target.name, data, f"{type(error).__name__}: {error}"[:500], _place(error)), False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    grown = _peak_bytes() - before
    if grown > MOST_BYTES:
        return Finding(target.name, data, f"it takes {grown >> 20} MiB", target.name), False
    return None, is_accepted


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _place(error: BaseException) -> str:
    """Name the line of ours that an error came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if any(area in frame.filename for area in _AREAS)] or frames
    ours = [frame for frame in ours if not frame.filename.endswith(_JUDGES)] or ours
    return f"{ours[-1].filename.rpartition('/')[2]}:{ours[-1].lineno}" if ours else ""


_JUDGES: Final = ("/fuzzing/target.py", "/fuzzing/judging.py")
_AREAS: Final = ("/ioledger/", "/collectors/", "/policies/", "/reports/", "/fuzzing/")


def judged_made(target: Target, seed: int, numbers: range, note: Callable[[int], None]) -> Tally:
    """Make the inputs of these numbers and judge them; each is made before its time is taken."""
    return judged(target, (made(target, seed, number) for number in numbers), note)


def told(findings: Iterable[Finding]) -> dict[tuple[str, str, str], Any]:
    """Return the shortest finding of each kind, and how many there were."""
    kinds: dict[tuple[str, str, str], Any] = {}
    for finding in findings:
        known, count = kinds.get(finding.kind, (finding, 0))
        kinds[finding.kind] = (min(known, finding, key=lambda each: len(each.data)), count + 1)
    return kinds
