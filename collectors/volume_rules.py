"""Rules by which what a system calls a volume becomes the ``volume_id`` that all of them share.

No hypervisor knows an array and no array a hypervisor, so what connects them is configuration: an
ordered list of rules, of which the first that matches gives the identity. A kind of source says what
its rules may look at, in a class of its own.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, Self

from pydantic import Field, model_validator

from ioledger.config import StrictModel
from ioledger.errors import did_you_mean, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SPELLINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower,
    "single_dashes": lambda name: name.replace("--", "-"),
}
"""How a group can be written, by the word that stands behind its name, such as ``{wwn:lower}``.

WWNs come in capitals and not, by who writes them; device mapper doubles the dashes in the names of LVM.
"""


class VolumeRule(StrictModel):
    """One rule: where to look, what the whole value must look like, and what it then means.

    ``pattern`` is a regular expression that must match from the first to the last character;
    without it any value matches. ``volume_id`` may quote the pattern's groups by name or number,
    ``{name}`` or ``{1}``, and the whole value as ``{0}``, which is also the default. ``{name:lower}``
    and ``{name:single_dashes}`` write a group by one of ``SPELLINGS``.
    """

    looks_at: Annotated[str, Field(alias="from")]
    pattern: str | None = None
    volume_id: str = "{0}"

    @model_validator(mode="after")
    def _groups_exist(self) -> Self:
        try:
            expression = re.compile(self.pattern or "")
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"the pattern {self.pattern!r} is no regular expression: {error}; correct it") from error
        known = {str(number) for number in range(expression.groups + 1)} | set(expression.groupindex)
        for group in self._quoted_groups():
            if group not in known:
                raise ValueError(
                    f"volume_id {self.volume_id!r} quotes the group {group!r}, which the pattern does not have; "
                    f"it has {', '.join(sorted(known))} (0 is the whole value)"
                )
        return self

    def _quoted_groups(self) -> list[str]:
        try:
            parts = list(Formatter().parse(self.volume_id))
        except ValueError as error:
            raise ValueError(
                f"volume_id {self.volume_id!r} is no template: {error}; write groups as {{name}} or {{1}}"
            ) from error
        for _, group, spelling, conversion in parts:
            if conversion:
                raise ValueError(
                    f"volume_id {self.volume_id!r} formats the group {group!r}; write groups as {{name}} or {{1}}"
                )
            if spelling and spelling not in SPELLINGS:
                raise ValueError(
                    f"volume_id {self.volume_id!r} spells the group {group!r} {spelling!r}"
                    f"{did_you_mean(spelling, SPELLINGS)}; valid are {one_of(SPELLINGS)}, as in {{{group}:lower}}"
                )
        return [group for _, group, _, _ in parts if group is not None]

    def match(self, value: str) -> str | None:
        """Return what ``value`` means by this rule; None where it does not match, or to nothing."""
        found = re.fullmatch(self.pattern or "(?s:.*)", value)
        if found is None:
            return None
        text = ""
        for literal, group, spelling, _ in Formatter().parse(self.volume_id):
            text += literal
            if group is not None:
                quoted = found[int(group) if group.isdecimal() else group] or ""
                text += SPELLINGS[spelling](quoted) if spelling else quoted
        return text or None


class Match(NamedTuple):
    """What the rules say of a volume: the identity, and the rule that gave it, with its place from 1."""

    volume_id: str
    number: int
    rule: VolumeRule


def first_match(rules: Iterable[VolumeRule], names: Mapping[str, object]) -> Match | None:
    """Return what the first rule that matches makes of a volume's names, None without one.

    ``names`` has a text, or None, for whatever the rules may look at.
    """
    for number, rule in enumerate(rules, start=1):
        value = names.get(rule.looks_at)
        if isinstance(value, str) and (identity := rule.match(value)) is not None:
            return Match(identity, number, rule)
    return None
