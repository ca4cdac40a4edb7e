"""Exemptions: findings that somebody answers for until a date, from exemptions.toml beside ioledger.toml."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase, translate
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from ioledger.config import StrictModel, validated
from ioledger.errors import UNREADABLE, ConfigurationError, did_you_mean, one_of, unreadable_toml
from ioledger.lake import audit
from ioledger.model.period import utc_day
from ioledger.toml_lines import header_lines, line_of_key, place
from policies.rule import PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from policies.finding import Finding

FILE: Final = "exemptions.toml"


def _plain_date(value: object) -> object:
    # A time of day would say in which zone the day ends, and an exemption's day ends in UTC.
    if type(value) is not date:
        raise ValueError(f"received {str(value)!r}; valid is a date without quotes and without a time: 2026-12-31")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Entry(StrictModel):
    """One ``[[exemptions]]`` table; ``rule`` and ``resource`` are shell patterns, in which case counts."""

    rule: Text
    resource: Text
    reason: Text
    owner: Text
    expires: Annotated[date, BeforeValidator(_plain_date)]


class _File(StrictModel):
    exemptions: list[dict[str, Any]] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Exemption:
    """What ``owner`` answers for, to the end of the day ``expires`` in UTC. ``where`` is its place, for messages."""

    rule: str
    resource: str
    reason: str
    owner: str
    expires: date
    where: str

    def counts_at(self, moment: datetime) -> bool:
        """Tell whether it has not expired at a moment."""
        return utc_day(moment) <= self.expires

    def __str__(self) -> str:
        """Return what a finding says of the exemption that covers it."""
        return f"{self.owner}, until {self.expires}: {' '.join(self.reason.split())}"


@dataclass(frozen=True, slots=True)
class Leftover:
    """An exemption that covers nothing, either expired or without a finding that it matches."""

    exemption: Exemption
    kind: Literal["expired", "unmatched"]
    matches: int

    def __str__(self) -> str:
        """Say in a sentence what is left over and what to do about it."""
        exemption = self.exemption
        named = f"{exemption.where}: the exemption of {exemption.rule} on {exemption.resource} by {exemption.owner}"
        if self.kind == "unmatched":
            return f"{named} matches nothing; remove it if its problem is mended, or correct its patterns"
        expired = f"{named} expired with {exemption.expires}"
        if not self.matches:
            return f"{expired}; remove it"
        findings = "the finding" if self.matches == 1 else f"the {self.matches} findings"
        return f"{expired} and no longer covers {findings} that it matches; mend the problem, or agree on a new date"


def load(path: Path, codes: Collection[str]) -> list[Exemption]:
    """Read the exemptions of a file, in its order; without the file there are none.

    ``codes`` are those of all rules. Raises ConfigurationError, which names the file and the line,
    for a file that is malformed, an unknown key, a missing or bad value, and an unknown rule.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        return []
    except UNREADABLE as error:
        raise ConfigurationError(unreadable_toml(path, error)) from error
    mistaken = next((key for key in values if key != "exemptions"), "exemptions")
    entries = validated(_File, values, place(path, line_of_key(text, mistaken))).exemptions
    lines = [line for _, line in header_lines(text, "exemptions")]
    # Headers can be written in other ways: as an array in one value, or with quotes.
    places = [place(path, line) for line in lines] if len(lines) == len(entries) else None
    return [
        _exemption(entry, places[n] if places else f"{path}: exemption number {n + 1}", codes)
        for n, entry in enumerate(entries)
    ]


def _exemption(entry: dict[str, Any], where: str, codes: Collection[str]) -> Exemption:
    valid = validated(_Entry, entry, where)
    if not any(fnmatchcase(code, valid.rule) for code in codes):
        own = "" if valid.rule.startswith(PREFIX) else "; a rule of your own is there with --rules DIR"
        raise ConfigurationError(
            f"{where}: key 'rule': there is no rule {valid.rule!r}{did_you_mean(valid.rule, codes)}; "
            f"valid are {one_of(codes)} and patterns of them such as QOS1*{own}"
        )
    return Exemption(**dict(valid), where=where)


def note(lake: Path, exemptions: Sequence[Exemption], now: datetime) -> None:
    """Let the audit log have the exemptions of a check if they are not those of the check before; raises LakeError."""
    told = [
        {
            "rule": each.rule,
            "resource": each.resource,
            "reason": each.reason,
            "owner": each.owner,
            "expires": each.expires.isoformat(),
        }
        for each in exemptions
    ]
    content = json.dumps(told, ensure_ascii=False).encode() if told else b""
    audit.record_change(lake, "exemptions", content, {"exemptions": told}, now)


def applied(
    findings: Iterable[Finding], exemptions: Sequence[Exemption], moment: datetime
) -> tuple[list[Finding], list[Leftover]]:
    """Mark the findings of the check at ``moment`` that an exemption covers; return what covers nothing as well.

    Of several exemptions that have not expired the first in the file is named. A rule that failed is
    exempted by nobody, and what it would have found is not known to match nothing. Order stays.
    """
    patterns = [re.compile(translate(exemption.resource)) for exemption in exemptions]
    of_rule: dict[str, list[int]] = defaultdict(list)
    matches = [0] * len(exemptions)
    may_match: set[int] = set()
    marked = []
    for finding in findings:
        if finding.code not in of_rule:
            of_rule[finding.code] = [n for n, it in enumerate(exemptions) if fnmatchcase(finding.code, it.rule)]
        if finding.status == "error":
            may_match.update(of_rule[finding.code])
            marked.append(finding)
            continue
        matching = [n for n in of_rule[finding.code] if patterns[n].match(finding.resource_id)]
        for n in matching:
            matches[n] += 1
        covering = next((exemptions[n] for n in matching if exemptions[n].counts_at(moment)), None)
        marked.append(replace(finding, exempted_by=str(covering)) if covering else finding)
    leftovers = []
    for n, exemption in enumerate(exemptions):
        if not exemption.counts_at(moment):
            leftovers.append(Leftover(exemption, "expired", matches[n]))
        elif not matches[n] and n not in may_match:
            leftovers.append(Leftover(exemption, "unmatched", 0))
    return marked, leftovers
