"""Wrong versions of a SELECT, each with one small mistake, to prove that tests would notice it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\$?\w+|<=|>=|<>|::|:=|//|\|\||\s+|.")

SWAPS = {
    "<": (">=", "<="),
    "<=": (">", "<"),
    ">": ("<=", ">="),
    ">=": ("<", ">"),
    "=": ("<>",),
    "<>": ("=",),
    "AND": ("OR",),
    "OR": ("AND",),
    "greatest": ("least",),
    "least": ("greatest",),
    "LEFT": ("",),
    "ANTI": ("SEMI", "LEFT"),
    "SEMI": ("ANTI",),
    "'violation'": ("'unknown'",),
    "'unknown'": ("'violation'",),
    "NOT": ("",),
}

BEGINS_CONDITION = {"WHERE": "TRUE", "ON": "TRUE", "AND": "TRUE", "OR": "FALSE", "WHEN": "FALSE", "HAVING": "TRUE"}
ENDS_CONDITION = {
    "AND", "OR", "THEN", "GROUP", "HAVING", "QUALIFY", "WINDOW", "ORDER", "UNION", "WHERE", "ON", "LEFT", "JOIN",
    "CROSS", "ANTI", "SEMI", "ASOF", ",", ")",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A statement with one mistake, and in words which."""

    mistake: str
    statement: str


def mutants(statement: str) -> Iterator[Mutant]:
    """Make every mistake that a slip of the hand makes: a word swapped, a number off by one, a condition lost."""
    tokens = [token for token in TOKEN.findall(statement) if not token.startswith("--")]
    for place, token in enumerate(tokens):
        for swapped in _swaps(tokens, place):
            yield _mutant(tokens, place, place + 1, swapped)
        if token in BEGINS_CONDITION:
            yield _mutant(tokens, place + 1, _end_of_condition(tokens, place + 1), f" {BEGINS_CONDITION[token]} ")


def _swaps(tokens: list[str], place: int) -> tuple[str, ...]:
    word = tokens[place]
    if word.isdigit():
        return (str(int(word) + 1),)
    if word == "NULL" and "".join(tokens[:place]).split()[-1:] == ["IS"]:
        return ("NOT NULL",)
    return SWAPS.get(word, ())


def _end_of_condition(tokens: list[str], start: int) -> int:
    depth = 0
    for place in range(start, len(tokens)):
        token = tokens[place]
        if depth == 0 and token in ENDS_CONDITION:
            return place
        depth += {"(": 1, ")": -1, "CASE": 1, "END": -1}.get(token, 0)
    return len(tokens)


def _mutant(tokens: list[str], start: int, end: int, replacement: str) -> Mutant:
    line = "".join(tokens[:start]).count("\n") + 1
    wrong = "".join(tokens[start:end]).strip()
    statement = "".join([*tokens[:start], replacement, *tokens[end:]])
    return Mutant(f"line {line}: {wrong!r} became {replacement.strip()!r}", statement)
