"""Reads workbooks as they are stored, without a spreadsheet: which cells there are, and of what type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LETTERS = re.compile(r"[A-Z]+")
_ESCAPED = re.compile(r"_x([0-9A-F]{4})_")


class Cell(NamedTuple):
    """A cell: ``kind`` is s (text), n (number or time) or b (true or false); ``text`` is what is stored."""

    kind: str
    text: str


def part(path: Path, name: str) -> Element:
    """Return a part of a workbook, such as ``xl/worksheets/sheet1.xml``."""
    with ZipFile(path) as packed:
        root: Element = fromstring(packed.read(name))
        return root


def sheet_names(path: Path) -> list[str]:
    """List the sheets in their order."""
    return [sheet.attrib["name"] for sheet in part(path, "xl/workbook.xml").iter(f"{_MAIN}sheet")]


def sheet(path: Path, name: str) -> list[list[Cell | None]]:
    """Return the cells of a sheet by row; None is an empty one."""
    root = part(path, f"xl/worksheets/sheet{sheet_names(path).index(name) + 1}.xml")
    return [_cells(row) for row in root.iter(f"{_MAIN}row")]


def rows(path: Path, name: str) -> list[dict[str, Cell | None]]:
    """Return the rows of a sheet below its heading, by heading."""
    heading, *others = sheet(path, name)
    names = [cell.text for cell in heading if cell]
    return [dict(zip(names, [*row, *[None] * len(names)], strict=False)) for row in others]


def _cells(row: Element) -> list[Cell | None]:
    found: dict[int, Cell] = {}
    for cell in row.iter(f"{_MAIN}c"):
        value = "".join(text.text or "" for text in cell.iter() if text.tag in {f"{_MAIN}t", f"{_MAIN}v"})
        kind = {"inlineStr": "s", "b": "b"}.get(cell.attrib.get("t", "n"), "n")
        found[_place(cell.attrib["r"])] = Cell(kind, _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value))
        assert not [formula for formula in cell if formula.tag == f"{_MAIN}f"], "no cell is a formula"
    return [found.get(place) for place in range(max(found, default=-1) + 1)]


def _place(reference: str) -> int:
    letters = _LETTERS.match(reference)
    assert letters
    place = 0
    for letter in letters[0]:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1
