"""Parsers take what they are given for what it says, or refuse it in a sentence; a bounded part of `make fuzz`."""

from __future__ import annotations

import resource
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from fuzzing import judging, of_libvirt, of_settings, of_times, targets
from fuzzing.campaign import run
from fuzzing.inputs import CORPUS, kept, made
from fuzzing.judging import MOST_SECONDS, judge, judged, watch
from fuzzing.mutation import TEXT
from fuzzing.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = 2000
SEED = 1


def test_no_parser_breaks_on_what_is_kept_or_on_new_inputs() -> None:
    results = run(list(targets.TARGETS.values()), FEW, SEED)
    findings = [finding for each in results.values() for finding in each.findings]
    told = [f"{each.target} at {each.where}: {each.how} {each.data[:200]!r}" for each in findings]
    assert not told, "\n".join(told)
    assert sum(each.inputs for each in results.values()) >= FEW
    never_taken = [each.target for each in results.values() if not each.taken]
    assert not never_taken
    assert [each.target for each in results.values() if not each.refused and each.target != "audit-log"] == []


def test_inputs_are_made_again_by_their_numbers() -> None:
    for target in targets.TARGETS.values():
        some = [made(target, SEED, number) for number in range(20)]
        assert some == [made(target, SEED, number) for number in range(20)]
        assert len(set(some)) > 1


def test_the_corpus_is_small_and_of_known_parsers() -> None:
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == set(targets.TARGETS)
    assert sum(path.stat().st_size for path in files) < 1_000_000


def loops(_data: bytes) -> None:
    while True:
        pass


def grows(_data: bytes) -> None:
    most_ever_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    bytearray(most_ever_bytes + 400 * 2**20)


def divides(_data: bytes) -> None:
    raise ZeroDivisionError


def says_two_lines(_data: bytes) -> None:
    raise of_times.ConfigurationError("no\nsentence")


@pytest.mark.parametrize(
    ("read", "how"),
    [
        (loops, f"it hangs: more than {MOST_SECONDS} s"),
        (divides, "ZeroDivisionError"),
        (says_two_lines, "WrongError: it is refused by what is no sentence"),
    ],
)
def test_a_parser_that_breaks_is_found(read: Callable[[bytes], None], how: str) -> None:
    watch()
    finding, is_taken = judge(Target("breaks", read, TEXT, ()), b"x")
    assert finding is not None
    assert not is_taken
    assert finding.how.startswith(how)


def test_a_parser_that_takes_much_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MOST_SECONDS", 60)  # which is time enough to fill memory on a busy machine
    watch()
    finding, _ = judge(Target("breaks", grows, TEXT, ()), b"x")
    assert finding is not None
    assert finding.how.startswith("it takes ")


def one_second_more(monkeypatch: pytest.MonkeyPatch) -> str:
    right = of_times.parse_duration
    monkeypatch.setattr(of_times, "parse_duration", lambda text: right(text) + timedelta(seconds=1))
    return "duration"


def dearer(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(of_settings.card_file, "_item", _dearer(of_settings.card_file._item))  # noqa: SLF001 - a mistake on purpose
    return "rate-cards"


def _dearer(right: Callable[..., of_settings.card_file.Item]) -> Callable[..., of_settings.card_file.Item]:
    def item(*arguments: object) -> of_settings.card_file.Item:
        found = right(*arguments)
        return replace(found, tiers=tuple(replace(tier, price=tier.price * 2) for tier in found.tiers))

    return item


def burst_for_cap(monkeypatch: pytest.MonkeyPatch) -> str:
    right = of_libvirt.disks_of

    def wrong(xml: str) -> list[object]:
        return [replace(disk, facts={**disk.facts, "cap_total_iops": 7}) for disk in right(xml)]

    monkeypatch.setattr(of_libvirt, "disks_of", wrong)
    return "domain-xml"


@pytest.mark.parametrize("mistake", [one_second_more, dearer, burst_for_cap])
def test_a_wrong_amount_is_found(mistake: Callable[[pytest.MonkeyPatch], str], monkeypatch: pytest.MonkeyPatch) -> None:
    watch()
    target = targets.TARGETS[mistake(monkeypatch)]
    assert any("WrongError" in finding.how for finding in judged(target, kept(target.name)).findings)
