"""Runs two commands at once on one lake, and compares what comes of it with one after the other, in both orders."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from pairs import lakes
from pairs.commands import TO, named
from pairs.process import Ended, Process, import_all, in_fork
from pairs.state import States, left_overs

if TYPE_CHECKING:
    from pathlib import Path

    from pairs.commands import Command

FIRST, SECOND = "first", "second"

BUSY: Final = re.compile(r"(is in use by|is being read by) .*process \d+")
"""What whoever has to give way is told: who is in the way."""

_VOLATILE: Final = (
    re.compile(r"^the lake is being read: the old files of .*\n", re.MULTILINE),
    re.compile(r"(?<=process )\d+"),
)
"""What a command says of the moment in which it ran, and not of the lake."""


@dataclass(frozen=True, slots=True)
class Did:
    """What a command did as its user sees it: exit code, words, and the files that it wrote outside the lake."""

    code: int
    out: str
    err: str
    files: str

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
        self._known: dict[tuple[str, ...], tuple[list[Did], dict[str, str]]] = {}
        self.call_counts: dict[tuple[str, str], int] = {}
        import_all()
        for kind, change in lakes.KINDS.items():
            template = directory / kind

            def make(template: Path = template, change: object = change) -> None:
                template.mkdir()
                lakes.make(template)
                change(template)  # type: ignore[operator]

            if not template.exists():
                assert in_fork(make), f"the lake {kind} cannot be made"

    def points(self, kind: str, first: Command, count: int, random: Random) -> list[int]:
        """Draw calls of a command at which another begins; there may be fewer."""
        self._in_turn(kind, (first.name, FIRST))
        last = self.call_counts[kind, first.name]
        return sorted(random.sample(range(1, last + 1), min(count, last)))

    def judge(self, kind: str, first: Command, second: Command, point: int) -> Outcome:
        """Begin the second command when the first is at a point, and say what comes of it."""
        self._restore(kind)
        try:
            one = self._start(first, FIRST, point)
            one.run_on()
            while not (one.is_stopped or one.has_ended):
                one.run_on()
            two = self._start(second, SECOND)
            two.run_on()
            ended_two = two.end() if two.has_ended else None
            ended_one = one.end()
            ended_two = ended_two or two.end()
        except TimeoutError as error:
            return Outcome((first.name, second.name), kind, point, "hung", str(error))
        together = Together(self._did(FIRST, ended_one), self._did(SECOND, ended_two), self._state())
        refused = [did for did in (together.first, together.second) if did.is_refused]
        how = "refused" if refused else "waited" if two.has_waited or one.has_waited else "ran"
        problem = self._wrong_with(kind, first, second, together)
        return Outcome((first.name, second.name), kind, point, how, problem)

    def _wrong_with(self, kind: str, first: Command, second: Command, together: Together) -> str | None:
        if found := left_overs(self._work / "lake"):
            return f"left over: {', '.join(found)}"
        defects = [did.err for did in (together.first, together.second) if did.code == 4 or did.code > 128 or did.code < 0]
        if defects:
            return f"a defect: {defects[0][-1200:]}"
        one, two = (first.name, FIRST), (second.name, SECOND)
        if together.first.is_refused and together.second.is_refused:
            return f"both gave way: {together.first.err}{together.second.err}"
        if together.first.is_refused or together.second.is_refused:
            gave_way, other = (one, two) if together.first.is_refused else (two, one)
            return self._wrong_after_refusal(kind, gave_way, other, together)
        orders = []
        for order in ((one, two), (two, one)):
            done, state = self._in_turn(kind, *order)
            by_role = {role: did for (_, role), did in zip(order, done, strict=True)}
            orders.append(Together(by_role[FIRST], by_role[SECOND], state))
        if together in orders:
            return None
        return "\n".join(
            f"unlike {words} first: {_difference(together, order)}"
            for (words, order) in zip((one[0], two[0]), orders, strict=True)
        )

    def _wrong_after_refusal(
        self, kind: str, gave_way: tuple[str, str], other: tuple[str, str], together: Together
    ) -> str | None:
        done, state = self._in_turn(kind, other)
        kept = together.second if other[1] == SECOND else together.first
        alone = Together(done[0], done[0], state)
        if (kept, together.state) != (alone.first, alone.state):
            return f"not as {other[0]} alone: {_difference(Together(kept, kept, together.state), alone)}"
        again = self._did(gave_way[1], self._start(named(gave_way[0]), gave_way[1]).end())
        done, state = self._in_turn(kind, other, gave_way)
        expected = Together(done[1], done[1], state)
        found = Together(again, again, self._state())
        return None if found == expected else f"again, it differs: {_difference(found, expected)}"

    def _in_turn(self, kind: str, *order: tuple[str, str]) -> tuple[list[Did], dict[str, str]]:
        """Run commands one after the other, as they are told apart by name and role."""
        key = (kind, *(f"{name}|{role}" for name, role in order))
        if key not in self._known:
            saved = self._directory / f"after-{hashlib.sha256(repr(key[:-1]).encode()).hexdigest()[:16]}"
            if len(order) > 1:
                done = list(self._in_turn(kind, *order[:-1])[0])
                lakes.restore(saved, self._work)
            else:
                done = []
                self._restore(kind)
            name, role = order[-1]
            ended = self._start(named(name), role).end()
            self.call_counts[kind, name] = ended.call_count
            state = self._state()
            self._known[key] = ([*done, self._did(role, ended)], state)
            if len(order) == 1:
                place = self._directory / f"after-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}"
                lakes.restore(self._work, place)
        return self._known[key]

    def _restore(self, kind: str) -> None:
        lakes.restore(self._directory / kind, self._work)

    def _state(self) -> dict[str, str]:
        return self._states.of(self._work / "lake")

    def _start(self, command: Command, role: str, point: int | None = None) -> Process:
        to = self._work / f"to-{role}"
        to.mkdir(exist_ok=True)
        record = (self._work / "record").read_text(encoding="ascii")
        words = tuple(word.replace(TO, str(to / "given.csv")).replace("{record}", record) for word in command.words)
        now = lakes.NOW + timedelta(seconds=role == SECOND)
        return Process(words, self._work, role, now, point)

    def _did(self, role: str, ended: Ended) -> Did:
        files = {
            str(path.relative_to(self._work)): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            for path in sorted((self._work / f"to-{role}").rglob("*"))
            if path.is_file()
        }
        out, err = ended.out, ended.err
        for volatile in _VOLATILE:
            out, err = volatile.sub("", out), volatile.sub("0", err)
        return Did(ended.code, out, err, repr(files))


def _difference(found: Together, expected: Together) -> str:
    """Say what differs between two results, the shortest way that helps."""
    told = []
    for name in ("first", "second"):
        one, two = getattr(found, name), getattr(expected, name)
        for what in ("code", "out", "err", "files"):
            if getattr(one, what) != getattr(two, what):
                told.append(f"{name} {what}: {_lines(getattr(one, what), getattr(two, what))}")
    keys = {key for key in found.state.keys() | expected.state.keys() if found.state.get(key) != expected.state.get(key)}
    return "; ".join([*told, *(f"state of {key}" for key in sorted(keys))])


def _lines(found: object, expected: object) -> str:
    one, two = str(found).splitlines(), str(expected).splitlines()
    different = [(a, b) for a, b in zip([*one, *[""] * len(two)], [*two, *[""] * len(one)], strict=False) if a != b]
    return " / ".join(f"{a[:300]!r} for {b[:300]!r}" for a, b in different[:2])
