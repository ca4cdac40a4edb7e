"""What hypothesis draws is worth metering: everything that can happen to guests and inventories does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from behaviours import behaviours
from hypothesis import Phase, given, settings
from sightings import coherent_fleets

if TYPE_CHECKING:
    from fleet_parts import Fleet

EXAMPLES = 200
COMMONLY, RARELY = 20, 5  # examples in which each has to happen

COMMON = {
    "clock put back",
    "entitlement changes",
    "entitlement expires",
    "entitlement is missing in a partial run",
    "entitlement is told again",
    "entitlement overlaps with another source's",
    "entitlement vanishes from a complete run",
    "guest that cannot be listed",
    "migration that both hosts report",
    "one moment from two sources",
    "one moment in two runs",
    "provisioned_iops changes",
    "provisioned_iops expires",
    "provisioned_iops is missing in a partial run",
    "provisioned_iops is told again",
    "provisioned_iops overlaps with another source's",
    "provisioned_iops vanishes from a complete run",
    "restart",
    "run failed",
    "run lost",
    "run partial",
    "sample at midnight",
    "sample on the hour",
    "several days",
    "silent and back",
    "silent reset",
    "timeout",
    "two sources read one epoch",
}
RARE = {
    "cap changed",
    "clone",
    "gap of more than a day",
    "hot-unplug",
    "hot-unplug and back",
    "migration",
    "reset that only a time shows",
    "silent for more than a day",
    "stop and start",
}


def test_everything_happens_in_coherent_lives_and_often_enough() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, phases=[Phase.generate])
    @given(coherent_fleets())
    def look(fleet: Fleet) -> None:
        seen.update(behaviours(fleet))

    look()
    assert {behaviour for behaviour in COMMON if seen[behaviour] < COMMONLY} == set(), dict(seen)
    assert {behaviour for behaviour in RARE if seen[behaviour] < RARELY} == set(), dict(seen)
