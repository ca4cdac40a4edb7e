"""Values as the Element API writes them, and what becomes of those that it should not write."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ioledger.errors import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST: Final = 2**63 - 1
"""The greatest BIGINT, which is what the lake counts in."""


class OddValueError(Exception):
    """An answer holds something else than the API reference says."""


def count(holder: Mapping[str, Any], name: str) -> int | None:
    """Return a whole number from 0 on, written as a number or as text; None where it is null or left out."""
    value = holder.get(name)
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    if type(value) is not int or not 0 <= value <= _MOST:
        raise OddValueError(f"{name} is {shown(value)}, which is no whole number from 0 to {_MOST}")
    return value


def text(holder: Mapping[str, Any], name: str) -> str | None:
    """Return a text; None where it is null, left out or empty."""
    value = holder.get(name)
    if value is not None and not isinstance(value, str):
        raise OddValueError(f"{name} is {shown(value)}, which is no text")
    return value or None


def moment(holder: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time; those without an offset are UTC, as "About the API" says. None where there is none."""
    value = text(holder, name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter where UTC is beyond the calendar
        raise OddValueError(f"{name} is {shown(value)}, which is no time in ISO 8601") from None


def table(holder: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return an object; None where it is null or left out."""
    value = holder.get(name)
    if value is not None and not isinstance(value, dict):
        raise OddValueError(f"{name} is {shown(value)}, which is no object")
    return value
