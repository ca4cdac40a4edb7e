"""Rules by which a disk, as its hypervisor knows it, gets the storage side's ``volume_id``.

No hypervisor knows an array and no array a hypervisor, so what connects them is configuration: an
ordered list of rules, of which the first that matches gives the identity. Where a list of names is
easier to come by than a rule, the ``volume_alias`` table does the same and outranks what is found here.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from ioledger.config import StrictModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMN_OF: Final = {"serial": "disk_serial", "wwn": "disk_wwn", "source_path": "source_path"}
"""What a rule may look at, and the column of ``disk_io_stat`` that holds it."""


class VolumeRule(StrictModel):
    """One rule: where to look, what the whole value must look like, and what it then means.

    ``pattern`` is a regular expression that must match from the first to the last character;
    without it any value matches. ``volume_id`` may quote the pattern's groups by name or number,
    ``{name}`` or ``{1}``, and the whole value as ``{0}``, which is also the default.
    """

    looks_at: Annotated[Literal["serial", "wwn", "source_path"], Field(alias="from")]
    pattern: str | None = None
    volume_id: str = "{0}"

    @model_validator(mode="after")
    def _groups_exist(self) -> Self:
        try:
            expression = re.compile(self.pattern or "")
        except re.error as error:
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
        for _, group, form, conversion in parts:
            if form or conversion:
                raise ValueError(
                    f"volume_id {self.volume_id!r} formats the group {group!r}; write groups as {{name}} or {{1}}"
                )
        return [group for _, group, _, _ in parts if group is not None]

    def match(self, value: str) -> str | None:
        """Return what ``value`` means by this rule; None where it does not match, or to nothing."""
        found = re.fullmatch(self.pattern or "(?s:.*)", value)
        if found is None:
            return None
        text = ""
        for literal, group, _, _ in Formatter().parse(self.volume_id):
            text += literal
            if group is not None:
                text += found[int(group) if group.isdecimal() else group] or ""
        return text or None


def volume_id(rules: Iterable[VolumeRule], disk: Mapping[str, object]) -> str | None:
    """Return the ``volume_id`` that the first matching rule gives a disk's row, None without one."""
    for rule in rules:
        value = disk.get(COLUMN_OF[rule.looks_at])
        if isinstance(value, str) and (identity := rule.match(value)) is not None:
            return identity
    return None
