"""Whatever is stored, goes or is compacted between builds: what they keep of days that are over changes no record."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import MINUTE, a_run, new_lake, sample

from ioledger.lake import layout
from ioledger.lake.compaction import compact
from ioledger.lake.writer import write_run
from reports.usage.build import build
from reports.usage.edges import STATE, Edges, EdgesOfDays

FEW = settings(max_examples=settings().max_examples // 8)
START = datetime.fromisoformat("2025-11-20T00:00:00Z")
DAY = timedelta(days=1)
DAYS = 4
END = START + DAYS * DAY


class Stored(NamedTuple):
    """A run of one of two sources that samples one of three guests."""

    source: str
    vm_id: str
    at: datetime
    volume_id: str

    def store(self, lake: Path) -> None:
        rows = sample(self.vm_id, self.at, volume_id=self.volume_id)
        write_run(lake, a_run(rows, source=self.source, at=self.at))


class Gone(NamedTuple):
    """All runs of a source on a day go."""

    source: str
    day: date

    def store(self, lake: Path) -> None:
        for path in layout.files_of_partition(lake, "collection_run", self.day, self.source):
            path.unlink()


class Compacted(NamedTuple):
    """The lake is compacted at a moment."""

    at: datetime

    def store(self, lake: Path) -> None:
        compact(lake, self.at)


class Built(NamedTuple):
    """Usage is built up to a moment."""

    end: datetime

    def store(self, lake: Path) -> None:
        build(lake, START, self.end)


SOURCES = st.sampled_from(("kvm-01", "kvm-02"))
MOMENTS = st.integers(0, DAYS * 4 - 1).map(lambda number: START + timedelta(hours=6 * number) + 7 * MINUTE)
STORED = st.builds(Stored, SOURCES, st.sampled_from(("vm-1", "vm-2", "vm-3")), MOMENTS, st.sampled_from(("v-1", "v-2")))
DONE = st.one_of(
    st.builds(Gone, SOURCES, st.integers(0, DAYS - 1).map(lambda day: (START + day * DAY).date())),
    st.builds(Compacted, st.integers(1, DAYS + 2).map(lambda day: START + day * DAY)),
    st.builds(Built, st.integers(1, DAYS).map(lambda day: START + day * DAY)),
)


@FEW
@given(st.lists(STORED, min_size=6, max_size=16), st.lists(st.one_of(STORED, DONE), max_size=4))
def test_builds_that_go_on_end_where_one_build_ends(first: list[Stored], then: list[Stored | Gone | Compacted]) -> None:
    with TemporaryDirectory() as directory:
        lake, fresh = new_lake(Path(directory)), Path(directory, "fresh")
        for each in [*first, Built(END), *then, Built(END)]:
            each.store(lake)
        copytree(lake, fresh, ignore=ignore_patterns(STATE, "usage_record"))
        build(fresh, START, END)
        made = [
            {path.relative_to(each): path.read_bytes() for path in layout.files(each, "usage_record")}
            for each in (lake, fresh)
        ]
        assert made[0] == made[1]
        assert build(lake, START, END).made == []


@given(
    st.dictionaries(st.integers(0, 20), st.none() | st.integers(-5, 21)),
    st.sets(st.integers(0, 20)),
    st.integers(0, 21),
)
def test_the_days_that_are_reached_into_are_found(
    reached_from: dict[int, int | None], asked: set[int], moment: int
) -> None:
    first = START.date()
    in_order = [Edges(first + timedelta(days=day), Path(), reached_from[day], None) for day in sorted(reached_from)]
    edges = EdgesOfDays(in_order)
    days = sorted(first + timedelta(days=day) for day in asked)
    assert edges.of(days) == [each for each in in_order if each.day in days]
    after = first + timedelta(days=moment)
    assert edges.reached_from_before(moment, after) == [
        each
        for each in in_order
        if each.day > after and each.reaches_from_us is not None and each.reaches_from_us < moment
    ]
