"""A rule's page, in Markdown, made from what its file says; and the list of all rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policies.rule import Rule


def page(rule: Rule) -> str:
    """Return the page of one rule, under the headings that every rule has."""
    sections = (
        ("What it finds", rule.what.strip()),
        ("Why it matters", rule.why.strip()),
        ("An example", rule.example.strip()),
        ("How to mend it", rule.mend.strip()),
        ("Parameters", _parameters(rule)),
        ("Where the idea comes from", rule.origin.strip()),
    )
    title = f"# {rule.code}: {rule.title}\n\nSeverity: {rule.severity}\n"
    return title + "".join(f"\n## {heading}\n\n{text}\n" for heading, text in sections)


def _parameters(rule: Rule) -> str:
    if not rule.parameters:
        return "None."
    listed = "\n".join(
        f"- `{parameter.name}` ({parameter.unit}, default {parameter.default}): {parameter.meaning}"
        for parameter in rule.parameters
    )
    example = "\n".join(f"{parameter.name} = {parameter.default}" for parameter in rule.parameters)
    return f"{listed}\n\nSet in ioledger.toml:\n\n```toml\n[rules.{rule.code}]\n{example}\n```"


def index(rules: Iterable[Rule]) -> str:
    """Return the page that lists the rules."""
    rows = "\n".join(f"| [{rule.code}]({rule.code}.md) | {rule.severity} | {rule.title} |" for rule in rules)
    return (
        "# The policy rules\n\n"
        "`ioledger check` applies them to a moment, and `check --period` to a whole month or day. A finding is\n"
        "a `violation`, or `unknown` where data is missing; a rule that could not be run is an `error`, and the\n"
        "others still run.\n"
        "`ioledger rules explain CODE` prints the page of a rule. How findings are exempted, printed and watched\n"
        "is in [checks.md](../checks.md). You can add [rules of your own](own-rules.md).\n\n"
        f"| code | severity | finds |\n|---|---|---|\n{rows}\n"
    )


def pages(rules: Iterable[Rule]) -> dict[str, str]:
    """Return every page by the name of its file."""
    listed = list(rules)
    return {"README.md": index(listed), **{f"{rule.code}.md": page(rule) for rule in listed}}
