"""Runs two commands at once on one lake, and compares what comes of it with one after the other, in both orders."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from all_modules import import_all
from pairs import lakes
from pairs.commands import TO, named
from pairs.process import Ended, Process, in_fork
from pairs.state import States, left_overs

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from pairs.commands import Command


class _Call(NamedTuple):
    """A command as it is called; the ``twin`` of itself is called a second later, with a file of its own."""

    name: str
    is_twin: bool = False

    @property
    def place(self) -> str:
        return f"{self.name.replace(' ', '-')}{'-again' if self.is_twin else ''}"


BUSY: Final = re.compile(
    r"(is in use by|is being read by|the last time by) process (unknown|.*(since|which began) \d{4}-)"
)
"""What whoever has to give way is told: who is in the way, if that one came to say so before it was held still."""

_PLANNED: Final = {0, 1, 2, 3}
"""Exit codes that are not those of a defect or a signal."""

_VOLATILE: Final = re.compile(
    r"^the lake is being read: the old files of .*\n"
    r"|(?<=process )\d+"
    r"|(?<=SHA-256 of its manifest: )\w+"
    r"|\d+ rows in \d+(?= files read)"
    r"|\S+\.parquet",
    re.MULTILINE,
)
"""What a command says of the moment in which it ran, and not of the lake.

A compaction merges one date after another and a build makes its tables one after another, so what there is to verify
may be counted in between; a manifest names the log's last entry.
"""


@dataclass(frozen=True, slots=True)
class Did:
    """What a command did as its user sees it: exit code, words, and the files that it wrote outside the lake."""

    code: int
    out: str
    err: str
    files: str

    @property
    def is_defect(self) -> bool:
        return self.code not in _PLANNED

    @property
    def is_refused(self) -> bool:
        return self.code != 0 and BUSY.search(self.err) is not None


@dataclass(frozen=True, slots=True)
class Together:
    """What came of two commands, whether at once or one after the other."""

    first: Did
    second: Did
    state: dict[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pair went at a point: ``ran``, ``waited`` or ``refused``, and what is wrong with it."""

    pair: tuple[str, str]
    kind: str
    point: int
    how: str
    problem: str | None


class Matrix:
    """Runs pairs in a directory of its own. Nothing else of this process may have threads: it forks."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._work = directory / "work"
        self._states = States()
        self._known: dict[tuple[object, ...], tuple[list[Did], dict[str, str]]] = {}
        self.call_counts: dict[tuple[str, str], int] = {}
        import_all()

    def points(self, kind: str, first: Command, count: int, random: Random) -> list[int]:
        """Draw calls of a command at which another begins; there may be fewer."""
        self._in_turn(kind, _Call(first.name))
        last = self.call_counts[kind, first.name]
        return sorted(random.sample(range(1, last + 1), min(count, last)))

    def judge(self, kind: str, first: Command, second: Command, point: int) -> Outcome:
        """Begin the second command when the first is at a point, and say what comes of it."""
        calls = _Call(first.name), _Call(second.name, first == second)
        self._restore(kind)
        try:
            one = self._start(calls[0], point)
            one.run_on()
            while not (one.is_stopped or one.has_ended):
                one.run_on()
            two = self._start(calls[1])
            two.run_on()
            ended_two = two.end() if two.has_ended else None
            ended_one = one.end()
            ended_two = ended_two or two.end()
        except TimeoutError as error:
            return Outcome((first.name, second.name), kind, point, "hung", str(error))
        together = Together(self._did(calls[0], ended_one), self._did(calls[1], ended_two), self._state())
        refused = [did for did in (together.first, together.second) if did.is_refused]
        how = "refused" if refused else "waited" if two.has_waited or one.has_waited else "ran"
        problem = self._wrong_with(kind, *calls, together)
        return Outcome((first.name, second.name), kind, point, how, problem)

    def _wrong_with(self, kind: str, one: _Call, two: _Call, together: Together) -> str | None:
        both = (together.first, together.second)
        defects = [f"exit code {did.code}, {did.err[-1200:] or did.out[-1200:]}" for did in both if did.is_defect]
        if found := [*left_overs(self._work / "lake"), *defects]:
            return f"left over, or a defect: {', '.join(found)}"
        if together.first.is_refused and together.second.is_refused:
            return f"both gave way: {together.first.err}{together.second.err}"
        if together.first.is_refused or together.second.is_refused:
            if together.first.is_refused:
                return self._wrong_after_refusal(kind, one, two, together.second, together.state)
            return self._wrong_after_refusal(kind, two, one, together.first, together.state)
        orders = []
        for order in ((one, two), (two, one)):
            done, state = self._in_turn(kind, *order)
            by_call = dict(zip(order, done, strict=True))
            orders.append(Together(by_call[one], by_call[two], state))
        if together in orders:
            return None
        return "\n".join(
            f"unlike {words} first: {_difference(together, order)}"
            for (words, order) in zip((one.name, two.name), orders, strict=True)
        )

    def _wrong_after_refusal(
        self, kind: str, gave_way: _Call, other: _Call, kept: Did, state: dict[str, str]
    ) -> str | None:
        """Compare with the other command alone; then call again what gave way."""
        (alone,), expected = self._in_turn(kind, other)
        if (kept, state) != (alone, expected):
            difference = _difference(Together(kept, kept, state), Together(alone, alone, expected))
            return f"not as {other.name} alone: {difference}"
        again = self._did(gave_way, self._start(gave_way).end())
        done, expected = self._in_turn(kind, other, gave_way)
        found, wanted = Together(alone, again, self._state()), Together(*done, expected)
        return None if found == wanted else f"again, it differs: {_difference(found, wanted)}"

    def _in_turn(self, kind: str, *order: _Call) -> tuple[list[Did], dict[str, str]]:
        """Run commands one after the other; what comes of it is remembered."""
        key = (kind, *order)
        if key not in self._known:
            if len(order) > 1:
                done = self._in_turn(kind, *order[:-1])[0]
                lakes.restore(self._after(key[:-1]), self._work)
            else:
                done = []
                self._restore(kind)
            ended = self._start(order[-1]).end()
            self.call_counts[kind, order[-1].name] = ended.call_count
            self._known[key] = ([*done, self._did(order[-1], ended)], self._state())
            if len(order) == 1:
                lakes.restore(self._work, self._after(key))
        return self._known[key]

    def _after(self, key: tuple[object, ...]) -> Path:
        return self._directory / f"after-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}"

    def _restore(self, kind: str) -> None:
        template = self._directory / kind
        if not template.exists():
            assert in_fork(partial(lakes.make, kind, template)), f"the lake {kind} cannot be made"
        lakes.restore(template, self._work)

    def _state(self) -> dict[str, str]:
        return self._states.of(self._work / "lake")

    def _start(self, call: _Call, point: int | None = None) -> Process:
        to = self._to(call)
        to.mkdir(parents=True, exist_ok=True)
        record = (self._work / "record").read_text(encoding="ascii")
        words = (word.replace(TO, str(to / "given.csv")) for word in named(call.name).words)
        now = lakes.NOW + timedelta(seconds=call.is_twin)
        return Process(tuple(word.replace("{record}", record) for word in words), self._work, call.place, now, point)

    def _to(self, call: _Call) -> Path:
        return self._work / "to" / call.place

    def _did(self, call: _Call, ended: Ended) -> Did:
        files = {
            str(path.relative_to(self._work)): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            for path in sorted(self._to(call).rglob("*"))
            if path.is_file()
        }
        out, err = (_VOLATILE.sub("", text) for text in (ended.out, ended.err))
        if named(call.name).is_of_moment and ended.code in _PLANNED:
            out = err = ""
        return Did(ended.code, out, err, repr(files))


def _difference(found: Together, expected: Together) -> str:
    """Say what differs between two results, the shortest way that helps."""
    told = []
    for name in ("first", "second"):
        one, two = getattr(found, name), getattr(expected, name)
        told += [
            f"{name} {what}: {_lines(getattr(one, what), getattr(two, what))}"
            for what in ("code", "out", "err", "files")
            if getattr(one, what) != getattr(two, what)
        ]
    everything = found.state.keys() | expected.state.keys()
    keys = {key for key in everything if found.state.get(key) != expected.state.get(key)}
    return "; ".join([*told, *(f"state of {key}" for key in sorted(keys))])


def _lines(found: object, expected: object) -> str:
    one, two = str(found).splitlines(), str(expected).splitlines()
    different = [(a, b) for a, b in zip([*one, *[""] * len(two)], [*two, *[""] * len(one)], strict=False) if a != b]
    return " / ".join(f"{a[:300]!r} for {b[:300]!r}" for a, b in different[:2])
