"""The page of a report: one HTML file that needs nothing else, to read, to search and to print."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from markupsafe import Markup

from ioledger.errors import counted
from ioledger.model.tables import CHARGE_KINDS, OPERATION_CLASSES
from ioledger.numbers import grouped, plain
from reports.exports.totals import exactly
from reports.html import data, tables
from reports.html.tables import MOST_VOLUMES, SEVERITIES
from reports.pages import text
from reports.pages.classes import segments
from reports.pages.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reports.exports.totals import CurrencyTotals
    from reports.html.tables import Group, Kept
    from reports.html.values import Report, Usage, Volume

_SIGNS: Final = {
    "critical": "M6 0L12 6L6 12L0 6Z",
    "high": "M6 0L12 11H0Z",
    "medium": "M1 1H11V11H1Z",
    "low": "M6 1A5 5 0 1 1 6 11A5 5 0 1 1 6 1Z",
}
"""A shape for each severity, so that it is not told by colour alone."""

_MOST_CORRECTIONS: Final = 500

_KIND_NAMES: Final = {
    "usage": "usage",
    "free": "free of charge",
    "minimum": "up to a minimum",
    "credit": "credits",
    "held": "held, not billed yet",
    "unpriced": "without a price, not billed",
}

_CHART_HEIGHT: Final = 80
_CHART_TOP: Final = 14
_DAY_WIDTH: Final = 26


class ChargeLine(NamedTuple):
    """A row of the table of charges; ``amount`` is None where nothing of it has a price."""

    currency: str | None
    what: str
    line_count: int
    amount: Decimal | None
    is_total: bool


class Compared(NamedTuple):
    """A control total beside what the report adds up to."""

    what: str
    expected: str
    found: str

    @property
    def agrees(self) -> bool:
        """Tell whether both are the same."""
        return self.expected == self.found


def render(report: Report, provider: str) -> str:
    """Return the report as HTML; equal input gives equal text."""
    style = _packaged("reports.pages", "base.css") + _packaged("reports.html", "report.css")
    script = _packaged("reports.html", "report.js")
    total = tables.total(report.volumes)
    accounts = tables.accounts(report)
    template = environment(__package__ or "").get_template("report.html")
    return template.render(
        report=report,
        provider=provider,
        span=f"{text.moment(report.start, report.zone)} to {text.moment(report.end, report.zone)}",
        sampling=_sampling(report),
        notes=list(_notes(report)),
        total=total,
        segments=segments(total.classes),
        segments_of=segments,
        currencies=data.currencies(report),
        accounts={"kept": accounts, "total_count": _account_count(report)},
        offerings=tables.offerings(report),
        busiest=tables.busiest(report.volumes),
        throttled=tables.most_throttled(report.volumes),
        rules=tables.rules(report.checks.findings),
        open_by_severity=tables.open_by_severity(report.checks.findings),
        history=_history(report),
        charge_lines=list(_charge_lines(report)),
        corrected=report.bill.corrected[:_MOST_CORRECTIONS] if report.bill else (),
        reconciled=list(_reconciled(report, accounts, total)),
        data=data.as_json(report),
        style=Markup(style),  # noqa: S704 - our own file
        style_hash=_hash(style),
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=_hash(script),
        SIGNS=_SIGNS,
        SEVERITIES=SEVERITIES,
        MOST_FINDINGS=data.MOST_FINDINGS,
        MOST_VOLUMES=MOST_VOLUMES,
        moment=lambda each: text.moment(each, report.zone),
        lasting=text.lasting,
        size=text.size,
        exact=plain,
        share=_share,
        peak=data.peak,
        cap_of=_cap_of,
    )


def _packaged(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _account_count(report: Report) -> int:
    return len({volume.account_id for volume in report.volumes} - {None})


def _sampling(report: Report) -> str:
    """Say on which sampling the split of operations rests, which is its resolution."""
    usual = [source.usual_seconds for source in report.sources if source.kind == "hypervisor" and source.usual_seconds]
    if not usual:
        return ""
    least, most = text.lasting(min(usual)), text.lasting(max(usual))
    span = least if least == most else f"{least} to {most}"
    return f"Disks were read every {span}; in between their rates count as even."


def _notes(report: Report) -> Iterator[str]:
    """Say what a reader has to know before any number."""
    if report.status == "open":
        hours = report.provisional_hours
        still = f" {counted(hours, 'hour')} with readings can still change." if hours else ""
        yield f"This month is not closed: usage and amounts can still change.{still}"
    if report.bill and not report.bill.is_current:
        yield (
            "The charges are of usage records or settings that have changed since: "
            f"ioledger rate --period {report.period} makes them again."
        )
    if report.withheld:
        yield "Some usage is quarantined and missing from all sums; see Charges."


def _history(report: Report) -> dict[str, Any]:
    """Lay out the open findings of each day as bars, the worst severity at the bottom."""
    most = max((sum(counts.values()) for _, counts in report.checks.by_day), default=0)
    days = []
    for moment, counts in report.checks.by_day:
        local = moment.astimezone(report.zone)
        done = 0
        parts = []
        bottom = _CHART_TOP + _CHART_HEIGHT
        for severity in SEVERITIES:
            before = done * _CHART_HEIGHT // most if most else 0
            done += counts.get(severity, 0)
            height = (done * _CHART_HEIGHT // most if most else 0) - before
            if height:
                parts.append({"severity": severity, "y": bottom - before - height, "height": height})
        top = bottom - (done * _CHART_HEIGHT // most if most else 0)
        x = (local.day - 1) * _DAY_WIDTH + 3
        told = {"label": local.day, "date": f"{local:%Y-%m-%d}"}
        days.append({"x": x, "parts": parts, "count": done, "top": top, **told})
    return {
        "days": days,
        "width": len(report.days) * _DAY_WIDTH,
        "bar": _DAY_WIDTH - 6,
        "told": ", ".join(f"{day['count']} on {day['date']}" for day in days),
    }


def _charge_lines(report: Report) -> Iterator[ChargeLine]:
    """Tell charges by currency and kind, corrections apart, and after those of a currency its total."""
    if not report.bill:
        return
    for totals in report.bill.totals.currencies:
        of_currency = [each for each in report.bill.charged if each.currency == totals.currency]
        for kind in CHARGE_KINDS:
            rows = [each for each in of_currency if each.charge_kind == kind and each.correction is None]
            if rows:
                yield ChargeLine(totals.currency, _KIND_NAMES[kind], *_summed(rows), is_total=False)
        for correction, name in (("reversal", "corrections: taken back"), ("replacement", "corrections: billed anew")):
            rows = [each for each in of_currency if each.correction == correction]
            if rows:
                yield ChargeLine(totals.currency, name, *_summed(rows), is_total=False)
        if totals.currency:
            yield ChargeLine(totals.currency, "total", totals.row_count, totals.amount, is_total=True)


def _summed(rows: Sequence[Any]) -> tuple[int, Decimal | None]:
    known = [row.amount for row in rows if row.amount is not None]
    with exactly():
        return sum(row.line_count for row in rows), sum(known, Decimal(0)) if known else None


def _reconciled(report: Report, accounts: Kept, total: Usage) -> Iterator[Compared]:
    """Compare control totals with what the table of accounts adds up to."""
    amounts = report.records.amounts
    used = accounts.total.usage
    pairs: list[tuple[str, int | Decimal, int | Decimal]] = [
        ("Reads", amounts["read_ops"], used.read_ops),
        ("Writes", amounts["write_ops"], used.write_ops),
        *(
            (f"Operations, {each.name.lower()}", amounts[name], each.operations)
            for name, each in zip(OPERATION_CLASSES, segments(used.classes), strict=True)
        ),
        ("Reads and writes, and all classes together", used.operations, sum(total.classes)),
        ("Bytes read", amounts["read_bytes"], used.read_bytes),
        ("Bytes written", amounts["write_bytes"], used.write_bytes),
        ("Sold, IOPS-seconds", amounts["sold_iops_seconds"], used.sold),
        ("Observed, seconds", amounts["observed_seconds"], used.observed_seconds),
        ("In gaps, seconds", amounts["gap_seconds"], used.gap_seconds),
    ]
    yield from (Compared(what, grouped(expected), grouped(found)) for what, expected, found in pairs)
    for each in report.bill.totals.currencies if report.bill else ():
        if each.currency and each.amount is not None:
            yield _amounts_compared(each, accounts.total)


def _amounts_compared(totals: CurrencyTotals, found: Group) -> Compared:
    currency = totals.currency or ""
    owed = found.amounts.get(currency, Decimal(0))
    expected = totals.amount or Decimal(0)
    return Compared(f"Charges, {currency}", text.money(expected, currency), text.money(owed, currency))


def _share(part: Decimal, whole: Decimal) -> int:
    """Return a share in millionths, to sort by."""
    return int(Decimal(part) * 1_000_000 // Decimal(whole)) if whole else -1


def _cap_of(volume: Volume) -> str:
    if volume.side is None or volume.side.caps is None:
        return text.NONE
    return volume.side.caps
