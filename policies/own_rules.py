"""Users' own rules: a directory of files in the form of the shipped ones, with codes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.errors import ConfigurationError, DataError
from policies.rule import PREFIX, load_rules

if TYPE_CHECKING:
    from pathlib import Path

    from policies.rule import Rule


def load_own_rules(directory: Path | None) -> list[Rule]:
    """Read every rule of a user's directory, in the order of their codes; none without a directory.

    Raises ConfigurationError if there is no such directory or no rule in it, DataError for a file
    that breaks the form and for a code that is used twice or belongs to the shipped rules.
    """
    if directory is None:
        return []
    if not directory.is_dir():
        raise ConfigurationError(f"--rules {directory}: there is no such directory; name one that holds rules")
    rules = load_rules(directory)
    if not rules:
        raise ConfigurationError(f"--rules {directory}: there is no .sql file in it; name a directory that holds rules")
    for rule in rules:
        if not rule.is_own:
            raise DataError(
                f"{rule.file}: the code {rule.code} begins with {PREFIX}, as those of ioledger's own rules do; "
                "begin it with letters of your own"
            )
    return rules
