"""The `check` command, and the `rules` commands that explain and test the rules."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ioledger import completion
from ioledger.cli import EXIT_FINDINGS, EXIT_WRONG_USE
from ioledger.delivery import deliver, require_place, to_option
from ioledger.errors import ConfigurationError, DataError, did_you_mean, one_of
from ioledger.examples import examples
from ioledger.lake import layout
from ioledger.terminal import format_choice, format_option, show
from policies import ask, cases, documentation, engine, exemptions, outputs, over_period
from policies.own_rules import load_own_rules
from policies.rule import SEVERITIES, shipped_rules
from policies.sandbox import Sandbox

if TYPE_CHECKING:
    from ioledger.app import App
    from policies.rule import Rule, Severity

_log = logging.getLogger(__name__)

own_rules_option = click.option(
    "--rules",
    "own_rules",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A directory with rules of your own, beside the shipped ones.",
)


@click.command(
    epilog=examples(
        "check",
        "check --new --fail-on critical",
        "check --at yesterday",
        "check --period last-month --format markdown --to findings.md",
    )
)
@click.option(
    "--at",
    "at",
    metavar="TIME",
    shell_complete=completion.moments,
    help="The moment to judge, such as yesterday or -2h [default: now].",
)
@click.option(
    "--period",
    metavar="PERIOD",
    shell_complete=completion.periods,
    help="A month or day to judge, such as 2026-11, last-month or yesterday.",
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="high",
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
@click.option("--new", "only_new", is_flag=True, help="Give only what no earlier check found; so does the exit code.")
@own_rules_option
@format_choice(outputs.FORMATS)
@to_option
@click.pass_obj
def check(  # noqa: PLR0913 - one argument for each option
    app: App,
    at: str | None,
    period: str | None,
    fail_on: Severity,
    own_rules: Path | None,
    *,
    only_new: bool,
    output_format: str,
    to: Path | None,
) -> int:
    """Judge by rules what is in force, or was over a period.

    Findings are printed and kept in the lake. A finding is a violation, or unknown where data is
    missing. The exit code is 1 if there are findings, of either kind, as severe as --fail-on or
    more, which no entry of exemptions.toml covers. It is 2 if a rule could not be run, which is a
    finding too; the other rules are not concerned. With --new it is 1 only for what the check before
    did not find, so that an alert comes once.

    Over a period each finding is given with every interval in which it held, and with the operations
    and IOPS-hours of the usage records that it touches. TIME and PERIOD are of the lake's billing time
    zone; docs/times.md lists how they are written.
    """
    if period is None:
        asked = partial(ask.at_moment, at=at, only_new=only_new)
    elif at or only_new or output_format not in over_period.FORMATS:
        other = "--at" if at else "--new" if only_new else f"--format {output_format}"
        raise ConfigurationError(f"{other} is about one moment and --period about many; leave one of them out")
    else:
        asked = partial(ask.over_period, period=period)
    if to:
        require_place(to)
    rules = _all_rules(own_rules)
    configuration = app.configuration()
    question = ask.Question(
        lake=layout.require(app.lake()),
        rules=rules,
        limits=configuration.check,
        thresholds=engine.thresholds(rules, configuration.rules),
        exempting=exemptions.load(app.directory / exemptions.FILE, [rule.code for rule in rules]),
        now=app.clock.now(),
        deliver=lambda write: deliver(
            lambda stream: write(output_format, stream), to, kept=" (the findings are in the lake)"
        ),
    )
    shown = asked(question)
    if any(finding.status == "error" for finding in shown):
        return EXIT_WRONG_USE
    failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return EXIT_FINDINGS if any(finding.severity in failing for finding in shown) else 0


def _all_rules(own_rules: Path | None) -> list[Rule]:
    return [*shipped_rules(), *load_own_rules(own_rules)]


@click.group(
    invoke_without_command=True, epilog=examples("rules", "rules explain QOS201", "rules test --rules my-rules")
)
@own_rules_option
@format_option
@click.pass_context
def rules(ctx: click.Context, own_rules: Path | None, output_format: str) -> None:
    """List the policy rules, explain one, or test them all."""
    if ctx.invoked_subcommand is not None:
        if own_rules:
            ctx.fail(f"--rules stands before {ctx.invoked_subcommand!r}; write it after")
        return
    listed = [
        {"code": rule.code, "severity": rule.severity, "title": rule.title, "parameters": _parameters(rule)}
        for rule in _all_rules(own_rules)
    ]
    show(listed, ("code", "severity", "title", "parameters"), output_format)


def _parameters(rule: Rule) -> str | None:
    return ", ".join(f"{name} = {default}" for name, default in rule.defaults.items()) or None


def _codes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [rule.code for rule in shipped_rules() if rule.code.startswith(incomplete.upper())]


@rules.command(epilog=examples("rules explain QOS201"))
@click.argument("code", shell_complete=_codes)
@own_rules_option
def explain(code: str, own_rules: Path | None) -> None:
    """Say what rule CODE finds, why it matters and how to mend it."""
    known = {rule.code: rule for rule in _all_rules(own_rules)}
    wanted = code.upper()
    if wanted not in known:
        raise ConfigurationError(f"there is no rule {code!r}{did_you_mean(wanted, known)}; valid are {one_of(known)}")
    click.echo(documentation.page(known[wanted]), nl=False)


@rules.command(epilog=examples("rules test", "rules test --rules my-rules"))
@own_rules_option
@click.pass_obj
def test(app: App, own_rules: Path | None) -> None:
    """Run every rule on the rows that its own file holds."""
    loaded = _all_rules(own_rules)
    with Sandbox(app.configuration().check) as sandbox:
        run = {True: sandbox.failures, False: cases.failures}
        failures = [failure for rule in loaded for failure in run[rule.is_own](rule)]
    for failure in failures:
        _log.error("%s", failure)
    count = sum(len(rule.cases) for rule in loaded)
    if failures:
        raise DataError(f"{len(failures)} of {count} cases of the rules came out differently; correct rule or rows")
    click.echo(f"{len(loaded)} rules, {count} cases: all came out as their files say")
