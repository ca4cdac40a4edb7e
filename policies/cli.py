"""The `check` command, and the `rules` commands that explain and test the rules."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ioledger.cli import EXIT_FINDINGS
from ioledger.errors import ConfigurationError, DataError, did_you_mean, one_of
from ioledger.lake import layout, reader, settings
from ioledger.model.period import parse_moment
from ioledger.terminal import format_choice, format_option, show
from policies import cases, documentation, engine, exemptions, outputs, store
from policies.rule import SEVERITIES, load_rules

if TYPE_CHECKING:
    from ioledger.app import App
    from policies.rule import Rule, Severity

_log = logging.getLogger(__name__)


@click.command()
@click.option("--at", "at", metavar="TIME", help="The moment to judge [default: now].")
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="high",
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
@format_choice(outputs.FORMATS)
@click.option(
    "--to",
    "to",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to a file, whole or not at all [default: stdout].",
)
@click.pass_obj
def check(app: App, at: str | None, fail_on: Severity, output_format: str, to: Path | None) -> int:
    """Judge by the policy rules what is in force at a moment.

    Findings are printed and kept in the lake. A finding is a violation, or unknown where data is
    missing. The exit code is 1 if there are findings, of either kind, as severe as --fail-on or
    more, which no entry of exemptions.toml covers. TIME is ISO 8601; without an offset it is meant
    in the lake's billing time zone.
    """
    if to:
        outputs.require_place(to)
    rules = load_rules()
    thresholds = engine.thresholds(rules, app.configuration().rules)
    exempting = exemptions.load(app.directory / exemptions.FILE, [rule.code for rule in rules])
    lake = layout.require(app.lake())
    now = app.clock.now()
    moment = parse_moment(at, settings.at(settings.load(lake), now).zone) if at else now
    with reader.connect(lake) as connection:
        found = engine.check(connection, rules, moment, thresholds)
    seen = store.carried_over(found, store.first_seen_before(lake, moment))
    findings, leftovers = exemptions.applied(seen, exempting, moment)
    report = outputs.Report(moment, rules, findings, leftovers)
    # Kept first: a reader of stdout that leaves early ends the command.
    store.store(lake, findings, moment)
    outputs.deliver(report, output_format, to)
    for leftover in leftovers:
        _log.warning("%s", leftover)
    _log.info("%s", _summary(report))
    failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return EXIT_FINDINGS if any(finding.severity in failing for finding in report.counted) else 0


def _summary(report: outputs.Report) -> str:
    hint = "; `ioledger rules explain CODE` says why a finding matters and how to mend it" if report.counted else ""
    return outputs.tally(report) + hint


@click.group(invoke_without_command=True)
@format_option
@click.pass_context
def rules(ctx: click.Context, output_format: str) -> None:
    """List the policy rules, explain one, or test them all."""
    if ctx.invoked_subcommand is None:
        listed = [
            {"code": rule.code, "severity": rule.severity, "title": rule.title, "parameters": _parameters(rule)}
            for rule in load_rules()
        ]
        show(listed, ("code", "severity", "title", "parameters"), output_format)


def _parameters(rule: Rule) -> str | None:
    return ", ".join(f"{name} = {default}" for name, default in rule.defaults.items()) or None


@rules.command()
@click.argument("code")
def explain(code: str) -> None:
    """Say what rule CODE finds, why it matters and how to mend it."""
    known = {rule.code: rule for rule in load_rules()}
    wanted = code.upper()
    if wanted not in known:
        raise ConfigurationError(f"there is no rule {code!r}{did_you_mean(wanted, known)}; valid are {one_of(known)}")
    click.echo(documentation.page(known[wanted]), nl=False)


@rules.command()
def test() -> None:
    """Run every rule on the rows that its own file holds."""
    loaded = load_rules()
    failures = [failure for rule in loaded for failure in cases.failures(rule)]
    for failure in failures:
        _log.error("%s", failure)
    count = sum(len(rule.cases) for rule in loaded)
    if failures:
        raise DataError(f"{len(failures)} of {count} cases of the rules came out differently; correct rule or rows")
    click.echo(f"{len(loaded)} rules, {count} cases: all came out as their files say")
