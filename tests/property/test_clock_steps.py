"""Whatever is done to the wall clock: operations are billed once, and nothing looks faster than it was."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from clocks import OPS_PER_SECOND, CountingSource, HeldClock
from hypothesis import event, given
from hypothesis import strategies as st

from collectors.beat import Beat
from collectors.runner import collect_one
from ioledger.lake import layout, reader

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

STEP_SECONDS = 0.1
"""What is less is no step, docs/metering.md says."""


class Happening(NamedTuple):
    """What befalls the clocks, in this order; 0 is nothing."""

    passes: float = 0
    step: float = 0

    def to(self, clock: HeldClock) -> None:
        clock.let_pass(self.passes)
        clock.step(self.step)


class Turn(NamedTuple):
    """What happens, and then a run of some sources, in the middle of which there may be one of another process."""

    first: Happening
    boots_with: float | None
    forgets: bool
    sources: tuple[str, ...]
    before: Happening
    after: Happening
    is_overlapped: bool


_STEPS = st.one_of(
    st.sampled_from([0.0, 0.0, -0.05, -0.5, -5.0, -55.0, -500.0, -3600.0, 0.05, 0.5, 60.0, 86400.0]),
    st.integers(-1000, 1000).map(float),
)
_AMID = st.builds(Happening, st.sampled_from([0.0, 0.01, 1.0, 20.0]), st.one_of(st.just(0.0), st.just(0.0), _STEPS))
_TURNS = st.builds(
    Turn,
    first=st.builds(Happening, st.sampled_from([0.01, 1.0, 60.0, 60.0, 60.0, 1000.0, 5000.0]), _STEPS),
    boots_with=st.sampled_from([None, None, None, None, None, 30.0, -30.0, -3000.0]),
    forgets=st.sampled_from([False, False, False, False, True]),
    sources=st.sampled_from([("kvm-a",), ("kvm-b",), ("kvm-a", "kvm-b"), ("kvm-b", "kvm-a")]),
    before=_AMID,
    after=_AMID,
    is_overlapped=st.booleans(),
)


@given(turns=st.lists(_TURNS, min_size=4, max_size=10))
def test_operations_are_billed_once_and_no_faster_than_they_were(
    tmp_path_factory: pytest.TempPathFactory, turns: list[Turn]
) -> None:
    lake, clock = tmp_path_factory.mktemp("site") / "lake", HeldClock()
    layout.create(lake)
    try:
        for turn in turns:
            _take(turn, lake, clock)
        # How long the machine was down is known by the wall clock alone.
        _check(lake, rates=all(turn.boots_with is None for turn in turns))
    finally:
        shutil.rmtree(lake)


def _take(turn: Turn, lake: Path, clock: HeldClock) -> None:
    turn.first.to(clock)
    if turn.boots_with is not None:
        clock.reboot(30, turn.boots_with)
    if turn.forgets:
        with suppress(FileNotFoundError):
            shutil.rmtree(lake / layout.MEMORY)
    beat = Beat(lake, clock, ["kvm-a", "kvm-b"])

    def before() -> None:
        turn.before.to(clock)
        if turn.is_overlapped and turn.sources == ("kvm-a",):
            other = CountingSource(clock, after=lambda: clock.let_pass(0.2))
            collect_one(lake, "kvm-b", other, Beat(lake, clock, ["kvm-a", "kvm-b"]))

    for name in turn.sources:
        collect_one(lake, name, CountingSource(clock, before, lambda: turn.after.to(clock)), beat)


def _check(lake: Path, *, rates: bool) -> None:
    with reader.connect(lake) as connection:
        counters = connection.execute("SELECT read_ops FROM disk_io_stat ORDER BY sampled_at, run_id").fetchall()
        intervals = connection.execute("SELECT read_ops, duration_us, is_gap, resets FROM interval").fetchall()
    event(f"rows stored: {min(len(counters), 4)}")
    assert counters == sorted(counters)
    assert sum(ops for ops, *_ in intervals) == (counters[-1][0] - counters[0][0] if counters else 0)
    assert sum(resets for *_, resets in intervals) == 0
    for ops, duration_us, is_gap, _ in intervals:
        assert is_gap or not rates or ops <= OPS_PER_SECOND * (duration_us / 990_000 + STEP_SECONDS + 0.001)
