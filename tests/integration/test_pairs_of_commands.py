"""Any two commands at once on one lake: what comes of it is what comes of one after the other.

A few pairs, at one point each; `make pairs` tries all of them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pairs.commands import ALL, WITHOUT_FORMATS, WITHOUT_LAKE, leaves
from pairs.running import Pair, all_pairs, judged

from reports.exports import formats

if TYPE_CHECKING:
    from pathlib import Path

FEW = (
    Pair("collect", "lake compact"),
    Pair("lake compact", "collect"),
    Pair("usage show", "lake compact"),
)
"""Pairs of commands that are quick, with a writer in each."""


def test_every_command_has_its_place_in_the_matrix() -> None:
    known = {" ".join(command.words) for command in ALL} | set(WITHOUT_LAKE)
    missing = [leaf for leaf in leaves() if not any(f"{words} ".startswith(f"{leaf} ") for words in known)]
    assert missing == [], "add them to tests/support/pairs/commands.py"
    exported = {command.words[command.words.index("--as") + 1] for command in ALL if "--as" in command.words}
    assert exported | set(WITHOUT_FORMATS) == set(formats.names())


def test_the_matrix_has_every_ordered_pair_once() -> None:
    assert len(set(all_pairs())) == len(all_pairs()) == (len(ALL) - 1) * len(ALL)


def test_two_commands_at_once_do_what_they_do_in_turn(tmp_path: Path) -> None:
    outcomes = list(judged(tmp_path, FEW, 1))
    assert {outcome.pair for outcome in outcomes} == set(FEW)
    assert [outcome for outcome in outcomes if outcome.problem] == []


@pytest.mark.long
def test_each_pair_with_a_writer_does_at_a_drawn_point(tmp_path: Path) -> None:
    writers = {command.name for command in ALL if command.writes}
    pairs = [pair for pair in all_pairs() if writers & set(pair)]
    wrong = [outcome for outcome in judged(tmp_path, pairs, 1) if outcome.problem]
    assert wrong == [], json.dumps([outcome.problem for outcome in wrong], indent=1)
