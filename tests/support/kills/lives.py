"""Lives of a site's lake in which real commands are killed, one after another, and then run to their end."""

from __future__ import annotations

import copy
import fcntl
import hashlib
import json
import shutil
import signal
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq
from kills import site
from kills.attempts import Commands
from kills.site import BUILT_AT, COMMANDS, COMPACTED_AT, moment_of, rate
from kills.watched import AFTER, BEFORE, CLOSE, DURING, HALF, STEPS, SWAP, Aim
from simulation import oracle
from simulation.ledger import BrokenPromiseError, Ledger, shown_by_files

from ioledger.lake import audit_checks, files, layout
from reports.closing import archive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from kills.attempts import Ended

AIMED_AT: Final = ("write", "fsync", "rename", SWAP, CLOSE)
"""What at least a tenth of all kills is inside of, each."""
BY_TIME: Final = "at a random moment"
AIMS: Final = (*AIMED_AT, BY_TIME)
"""What the kills of one life after the other are aimed at."""

MOST_IN_A_ROW: Final = 4
"""How often a command is killed before it may end: what one kill leaves, another finds."""

_PARTS: Final = {"write": (HALF, HALF, BEFORE, AFTER, DURING)}
_DERIVED: Final = ("usage_record", "usage_day", "usage_month", "quarantine", "charge", "closed")


@dataclass
class Figures:
    """How many commands were killed, by what they were in the middle of; and what was seen afterwards."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By command and step. A kill inside of several steps, such as a rename in a swap, counts for each."""
    aimed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By what was aimed at, and at what moment of it."""
    commands: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)

    def add(self, other: Figures) -> None:
        self.kills += other.kills
        self.aimed += other.aimed
        self.commands += other.commands
        self.seen += other.seen


@dataclass(frozen=True)
class _Base:
    """A site before a command is killed: its files, what was stored, and how the command goes by itself."""

    directory: Path
    ledger: Ledger
    closed: dict[str, str] | None
    finished: dict[str, bytes]
    counts: dict[str, int]
    seconds: float


class Lives:
    """Begins with a site of the first evening and morning, from which each life starts anew."""

    def __init__(
        self,
        directory: Path,
        seed: int,
        apply: Callable[[], object] = lambda: None,
        *,
        is_quick: bool = False,
        number: int = signal.SIGKILL,
    ) -> None:
        """Work in an empty directory; ``apply`` is called in each process before its command.

        ``number`` is the signal that ends commands. ``is_quick`` leaves out what takes the longest: two commands,
        and `close` where another will do.
        """
        self.figures = Figures()
        self._directory = directory
        self._seed = seed
        self._random = Random(seed)  # noqa: S311 - no secret
        self._apply = apply
        self._is_quick = is_quick
        self._number = number
        self._judged: set[str] = set()
        self._bases: dict[str, _Base] = {}
        self._make_bases()

    def live(self, number: int) -> Figures:
        """Kill a command up to a few times, judge after each, and let it end.

        The number says all but what is left to time. Raises BrokenPromiseError for a promise that was not kept.
        """
        self.figures = Figures()
        self._random = Random(f"{self._seed} {number}")  # noqa: S311 - no secret
        step = AIMS[number % len(AIMS)]
        name = self._random.choice(self._commands_with(step))
        base = self._bases[name]
        commands = self._copy(base.directory, base.ledger)
        turns = self._random.randint(1, MOST_IN_A_ROW)
        try:
            for turn in range(turns):
                ended = self._kill(commands, name, step, turn)
                if not ended.is_ended_by(self._number):
                    break
                self._see_after_kill(commands, base, name)
            self._heal(commands, base, name, turns)
        except BrokenPromiseError as error:
            raise BrokenPromiseError(f"{name}, killed at {step}: {error}") from None
        finally:
            shutil.rmtree(commands.directory)
        return self.figures

    def _commands_with(self, step: str) -> list[str]:
        found = [each for each, base in self._bases.items() if step == BY_TIME or base.counts[step]]
        return [each for each in found if each != "close"] or found if self._is_quick else found

    def _kill(self, commands: Commands, name: str, step: str, turn: int) -> Ended:
        base, random = self._bases[name], self._random
        moment = moment_of(name, turn)
        if step == BY_TIME:
            after = random.uniform(0, base.seconds)
            ended = commands.run(COMMANDS[name], moment, kill_after=after, number=self._number)
            told = (BY_TIME, "")
        else:
            when = random.choice(_PARTS.get(step, (BEFORE, AFTER, DURING)))
            aim = Aim(step, random.randint(1, base.counts[step]), when, self._number)
            ended = commands.run(COMMANDS[name], moment, aim=aim, number=self._number)
            told = (step, when)
        if "Traceback" in ended.told:
            raise BrokenPromiseError(f"{name} ended with a traceback: {ended.told}")
        if ended.is_ended_by(self._number):
            self.figures.commands[name] += 1
            self.figures.aimed[told] += 1
            for each in ended.within or {"none of these"}:
                self.figures.kills[name, each] += 1
        elif ended.code and not (name == "collect" and self._number != signal.SIGKILL):  # it ends its runs first
            raise BrokenPromiseError(f"{name} ended with {ended.code} after {turn} kills: {ended.told}")
        return ended

    def _see_after_kill(self, commands: Commands, base: _Base, name: str) -> None:
        lake = commands.directory / "lake"
        commands.ledger.check(shown_by_files(lake), commands.ledger.acknowledged())
        closed = oracle.closed_month(lake, site.MONTH)
        if closed != base.closed and not (name == "close" and closed is not None):
            raise BrokenPromiseError(f"files of the closed month {site.MONTH} changed")
        for path in (lake / layout.LOCKS).iterdir():
            with path.open("rb") as stream:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise BrokenPromiseError(f"{path} is held by a process that is dead") from None
        _see_old_or_new(commands.directory, base)
        self.figures.seen["lakes as kills left them"] += 1

    def _heal(self, commands: Commands, base: _Base, name: str, turns: int) -> None:
        """Run the command to its end, and compact; what is there then is what there would be without any kill."""
        _run(commands, COMMANDS[name], moment_of(name, turns))
        _run(commands, COMMANDS["lake compact"], COMPACTED_AT)
        lake = commands.directory / "lake"
        _see_that_nothing_is_left_over(commands.directory)
        commands.ledger.check(shown_by_files(lake), commands.ledger.acknowledged())
        found = _content(commands.directory)
        if name == "collect":  # which of its runs are there depends on the kills
            digest = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()
            if digest not in self._judged:
                self._judge(commands)
                self._judged.add(digest)
        elif found != base.finished:
            differing = sorted(
                path for path in found.keys() | base.finished.keys() if found.get(path) != base.finished.get(path)
            )
            raise BrokenPromiseError(f"after its kills {name} leaves other files than without: {differing}")
        self.figures.seen["lakes healed"] += 1

    def _judge(self, commands: Commands) -> None:
        """Build and rate, and compare with what the guests truly did and with the reference."""
        lake = commands.directory / "lake"
        _run(commands, COMMANDS["usage build"], BUILT_AT)
        runs = list(commands.ledger.acknowledged_runs().values())
        oracle.see_usage(lake, runs, BUILT_AT, site.MAX_GAP_SECONDS)
        _see_truth(lake, commands.ledger)
        _run(commands, rate(site.NEXT_MONTH), BUILT_AT)
        oracle.see_bills(lake, site.MONTH, site.NEXT_MONTH)
        if wrong := list(audit_checks.wrong_with(lake)):
            raise BrokenPromiseError(f"the audit log is not whole: {wrong}")
        self.figures.seen["bills compared with the truth"] += 1

    def _make_bases(self) -> None:
        """Go through the site's commands once, none of which is killed, and keep what was there before each."""
        start = self._directory / "start"
        start.mkdir()
        site.new(start)
        commands = Commands(start, Ledger(), self._apply)
        for name in site.story(partial(_run, commands)):
            self._go_on(name, commands)
            if self._is_quick and name == "lake compact":
                return
        self._judge(commands)

    def _go_on(self, name: str, commands: Commands) -> None:
        """Keep a site as it is now, run a command that nobody kills, and see what it leaves."""
        directory = self._directory / f"before {name}"
        shutil.copytree(commands.directory, directory)
        closed = oracle.closed_month(directory / "lake", site.MONTH)
        ledger = copy.deepcopy(commands.ledger)
        ended = _run(commands, COMMANDS[name], moment_of(name, 0))
        counts = {step: commands.board.counted(step) for step in STEPS}
        whole = self._copy(commands.directory, commands.ledger)
        _run(whole, COMMANDS["lake compact"], COMPACTED_AT)
        self._bases[name] = _Base(directory, ledger, closed, _content(whole.directory), counts, ended.seconds)
        shutil.rmtree(whole.directory)

    def _copy(self, directory: Path, ledger: Ledger) -> Commands:
        work = self._directory / "work"
        shutil.copytree(directory, work)
        return Commands(work, copy.deepcopy(ledger), self._apply)


def _run(commands: Commands, words: Sequence[str], moment: datetime, config: str = "ioledger.toml") -> Ended:
    ended = commands.run(words, moment, config=config)
    if ended.code:
        raise BrokenPromiseError(f"{' '.join(words)} ended with {ended.code} although nobody kills it: {ended.told}")
    return ended


def _content(directory: Path) -> dict[str, bytes]:
    """Give the files of a site but for the audit log, which tells of what was tried, and what processes share."""
    lake = directory / "lake"
    apart = (lake / layout.LOCKS, lake / "audit")
    found = [path for path in lake.rglob("*") if path.is_file() and not any(map(path.is_relative_to, apart))]
    found += directory.glob(f"{site.EXPORTED}*")
    return {str(path.relative_to(directory)): _without_audit(path) for path in found}


def _without_audit(path: Path) -> bytes:
    """Read a file; of a manifest all but which entry of the audit log was the last one before it."""
    whole = path.read_bytes()
    if path.name != archive.MANIFEST:
        return whole
    return json.dumps({**json.loads(whole), "audit": None}).encode()


def _see_old_or_new(directory: Path, base: _Base) -> None:
    """See that a file that others read is the one before or the one after, whole."""
    for path in (*_derived(directory / "lake"), *directory.glob(f"{site.EXPORTED}*")):
        name = str(path.relative_to(directory))
        before = base.directory / name
        whole = _without_audit(path)
        if whole != base.finished.get(name) and not (before.exists() and whole == _without_audit(before)):
            raise BrokenPromiseError(f"{name} is neither what was there nor what was to be")


def _derived(lake: Path) -> list[Path]:
    return [path for name in _DERIVED for path in (lake / name).rglob("*") if _is_shown(path)]


def _is_shown(path: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.parts[-4:])


def _see_that_nothing_is_left_over(directory: Path) -> None:
    oracle.see_that_nothing_is_left_over(directory / "lake")
    left = [str(path.relative_to(directory)) for path in directory.rglob(f"*{files.TEMPORARY_SUFFIX}")]
    if left:
        raise BrokenPromiseError(f"these stay although all was run again: {sorted(left)}")


def _see_truth(lake: Path, ledger: Ledger) -> None:
    """See that each guest is metered for exactly what it did between its first sample and its last."""
    until: dict[str, datetime] = {}
    for (source, _), run in ledger.acknowledged_runs().items():
        if source in site.GUESTS:
            until[source] = max(until.get(source, site.BORN), run.started_at)
    metered: Counter[str] = Counter()
    for path in layout.files(lake, "usage_record"):
        for record in pq.read_table(path, partitioning=None).to_pylist():
            if record["kind"] == "io":
                metered[record["vm_id"]] += record["read_ops"]
    if metered != (truly := site.truly_read(until)):
        raise BrokenPromiseError(f"the guests read {dict(truly)} times and are metered for {dict(metered)}")
