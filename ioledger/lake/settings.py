"""The settings that change amounts: they live in the lake, with the time from which each holds."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from ioledger.clock import utc_text
from ioledger.config import StrictModel, validated
from ioledger.errors import UNREADABLE, ConfigurationError, one_of, unreadable_toml
from ioledger.lake import layout
from ioledger.model.when import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ioledger.model.period import ZoneSpan

BEGINNING_OF_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)
END_OF_TIME: Final = datetime(9999, 12, 31, tzinfo=UTC)

POLICY_MODES: Final = ("either_or", "storage_wins", "hypervisor_wins")
"""Which side counts where storage and hypervisor both limit a disk: both do, which is a conflict, or one of them."""

_Seconds = Annotated[int, Field(gt=0, le=100 * 366 * 86_400)]
"""A length of time; a hundred years and a moment added up are still a moment that DuckDB can hold."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"received {name!r}, which is no time zone; valid are names such as UTC or Europe/Berlin"
        ) from error
    return name


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(
            f"received {moment.isoformat()}, which is out of range; write a time of this century"
        ) from error


def _known_mode(mode: str) -> str:
    if mode not in POLICY_MODES:
        raise ValueError(f"received {mode!r}, which is no policy mode; valid are {one_of(POLICY_MODES)}")
    return mode


_PolicyMode = Annotated[str, AfterValidator(_known_mode)]
_Name = Annotated[str, Field(min_length=1)]


class PolicyMode(StrictModel):
    """The policy mode of what has all the names that are given; without any, of everything."""

    mode: _PolicyMode
    offering_id: _Name | None = None
    pool_id: _Name | None = None
    account_id: _Name | None = None


class PolicyException(PolicyMode):
    """One ``[[settings.policy_modes]]`` table: it has to name something."""

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.offering_id is self.pool_id is self.account_id is None:
            raise ValueError(
                "an exception without offering_id, pool_id and account_id would hold for everything; "
                "give one of them, or set policy_mode instead"
            )
        return self


class SettingsTable(StrictModel):
    """One ``[[settings]]`` table of ``settings.toml``; a key left out keeps its earlier value."""

    valid_from: Annotated[AwareDatetime, AfterValidator(_in_utc)]
    billing_time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    max_gap_seconds: _Seconds | None = None
    max_allocation_age_seconds: _Seconds | None = None
    precedence: list[str] | None = None
    retired: list[str] | None = None
    correction_look_back_days: Annotated[int, Field(gt=0, le=100 * 366)] | None = None
    policy_mode: _PolicyMode | None = None
    policy_modes: list[PolicyException] | None = None


class _SettingsFile(StrictModel):
    settings: Annotated[list[SettingsTable], Field(default_factory=list)]


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds from ``valid_from`` (inclusive) to ``valid_to`` (exclusive), with the contract's defaults.

    ``precedence``: storage and control-plane sources, the most trusted first. ``retired``: sources
    that will not report again, so that no window waits for them. ``correction_look_back_days``: how far
    back late data can still correct what was billed; facts of that time cannot be pruned.
    ``policy_modes``: exceptions from ``policy_mode``, of which the first that matches counts.
    """

    valid_from: datetime = BEGINNING_OF_TIME
    valid_to: datetime = END_OF_TIME
    billing_time_zone: str = "UTC"
    max_gap_seconds: int = 900
    max_allocation_age_seconds: int = 86_400
    precedence: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    correction_look_back_days: int = 40
    policy_mode: str = POLICY_MODES[0]
    policy_modes: tuple[PolicyException, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """Return the billing time zone."""
        return ZoneInfo(self.billing_time_zone)

    @property
    def modes(self) -> tuple[PolicyMode, ...]:
        """Return all policy modes, of which the first that matches counts; the last matches everything."""
        return (*self.policy_modes, PolicyMode(mode=self.policy_mode))


Timeline = tuple[Settings, ...]
"""All settings a lake ever had, in order, without a gap between them."""


def timeline(tables: Iterable[Mapping[str, Any]], where: str = "settings") -> Timeline:
    """Order ``[[settings]]`` tables in time and carry over what each leaves out.

    Raises ConfigurationError, naming ``where``, for an unknown key, a bad value or two tables with
    one ``valid_from``.
    """
    given = sorted(validated(_SettingsFile, {"settings": list(tables)}, where).settings, key=lambda t: t.valid_from)
    for table, following in pairwise(given):
        if table.valid_from == following.valid_from:
            raise ConfigurationError(
                f"{where}: two [[settings]] tables have valid_from {utc_text(table.valid_from)}; merge them"
            )
    line = [Settings()]
    for table in given:
        line.append(_following(line[-1], table, table.valid_from.astimezone(UTC)))
    return tuple(
        Settings(
            valid_from=current.valid_from,
            valid_to=following.valid_from if following else END_OF_TIME,
            billing_time_zone=current.billing_time_zone,
            max_gap_seconds=current.max_gap_seconds,
            max_allocation_age_seconds=current.max_allocation_age_seconds,
            precedence=current.precedence,
            retired=current.retired,
            correction_look_back_days=current.correction_look_back_days,
            policy_mode=current.policy_mode,
            policy_modes=current.policy_modes,
        )
        for current, following in zip(line, [*line[1:], None], strict=True)
    )


def _following(before: Settings, table: SettingsTable, start: datetime) -> Settings:
    def kept(value: Any, earlier: Any) -> Any:  # noqa: ANN401 - whatever type the key has
        return earlier if value is None else value

    return Settings(
        valid_from=start,
        billing_time_zone=kept(table.billing_time_zone, before.billing_time_zone),
        max_gap_seconds=kept(table.max_gap_seconds, before.max_gap_seconds),
        max_allocation_age_seconds=kept(table.max_allocation_age_seconds, before.max_allocation_age_seconds),
        precedence=tuple(kept(table.precedence, before.precedence)),
        retired=tuple(kept(table.retired, before.retired)),
        correction_look_back_days=kept(table.correction_look_back_days, before.correction_look_back_days),
        policy_mode=kept(table.policy_mode, before.policy_mode),
        policy_modes=tuple(kept(table.policy_modes, before.policy_modes)),
    )


def load(lake: Path) -> Timeline:
    """Read ``settings.toml`` of a lake; without the file the contract's defaults hold.

    Raises ConfigurationError for a file that is malformed or holds a bad key or value.
    """
    path = lake / layout.SETTINGS
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return timeline(())
    except UNREADABLE as error:
        raise ConfigurationError(unreadable_toml(path, error)) from error
    tables = validated(_SettingsFile, values, str(path)).settings
    return timeline([table.model_dump(exclude_none=True) for table in tables], str(path))


def at(line: Timeline, moment: datetime) -> Settings:
    """Return the settings in force at a moment."""
    return next(settings for settings in line if settings.valid_from <= moment < settings.valid_to)


def metering_values(settings: Settings) -> tuple[object, ...]:
    """Return what metering rests on: the values that say how, and not what is final or kept."""
    return (
        settings.billing_time_zone,
        settings.max_gap_seconds,
        settings.max_allocation_age_seconds,
        settings.precedence,
        settings.policy_mode,
        settings.policy_modes,
    )


def zone_spans(line: Timeline) -> list[ZoneSpan]:
    """List the billing time zones in order, each with the whole time for which it holds."""
    spans: list[ZoneSpan] = []
    for settings in line:
        if spans and spans[-1][2].key == settings.billing_time_zone:
            spans[-1] = (spans[-1][0], settings.valid_to, spans[-1][2])
        else:
            spans.append((settings.valid_from, settings.valid_to, settings.zone))
    return spans


def calendar(lake: Path, now: datetime) -> Calendar:
    """Return what the times of one command are read by; raises ConfigurationError as ``load`` does."""
    return Calendar(now, zone_spans(load(lake)))
