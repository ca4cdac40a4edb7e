"""The pages of docs/ make a site: strictly, completely, and without anything from elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src")}
"""What a browser fetches by itself to show a page."""


def build(site: Path, configuration: Path = ROOT / "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    """Build as `make docs-site` does, with a proxy that nobody answers; with --quiet, warnings would not count."""
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--config-file", configuration, "--site-dir", site],
        cwd=ROOT, env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    done = build(directory)
    assert done.returncode == 0, done.stderr
    return directory


class Loaded(HTMLParser):
    """Collects what a page loads, and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads_to: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (tag, name) in LOADED:
                self.loads.append(value)
            if value and (tag, name) == ("a", "href"):
                self.leads_to.append(value)


def read(page: Path) -> Loaded:
    parser = Loaded()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def test_every_page_is_in_the_site(site: Path) -> None:
    sources = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    expected = {path.with_name("index.html") if path.name == "README.html" else path for path in sources}

    assert [str(path) for path in expected if not (site / path).is_file()] == []


def test_other_pages_lead_to_every_page_and_not_the_menu_alone() -> None:
    pages = {path.resolve() for path in [*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")]}
    linked = {
        target
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if (target := (page.parent / link).resolve()) != page
    }  # fmt: skip

    assert sorted(str(page.relative_to(DOCS)) for page in pages - linked) == ["index.md"]


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    elsewhere = {
        address
        for page in site.rglob("*.html")
        for address in read(page).loads
        if re.match(r"(?:https?:)?//", address)
    }  # fmt: skip
    styles = [sheet.read_text(encoding="utf-8") for sheet in site.rglob("*.css")]

    assert elsewhere == set()
    assert [style for style in styles if re.search(r"url\([\"']?(?:https?:)?//", style)] == []


def test_links_to_files_outside_docs_lead_to_pages_of_what_they_hold(site: Path) -> None:
    metering = read(site / "metering.html")
    (golden,) = {address for address in metering.leads_to if "tests/golden" in address}
    page = (site / golden).read_text(encoding="utf-8")

    for case in (ROOT / "tests" / "golden").glob("*.toml"):
        assert case.name in page
    reader = Loaded()
    reader.feed((site / "how-to" / "administrator.html").read_text(encoding="utf-8"))
    assert "../source/CHANGELOG.html" in reader.leads_to


def test_a_notebook_is_a_page_with_what_its_cells_show(site: Path) -> None:
    page = (site / "notebooks" / "throttled_disk.html").read_text(encoding="utf-8")
    notebook = json.loads((DOCS / "notebooks" / "throttled_disk.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    tables = [output for output in outputs if "text/html" in output.get("data", {})]

    assert tables
    assert page.count('class="dataframe"') == len(tables)
    assert 'role="img"' in page
    assert "QOS102 (critical)" in page
    for linking in ("index.html", "library.html"):
        assert "notebooks/throttled_disk.html" in read(site / linking).leads_to


def test_search_finds_words_of_pages(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {entry["location"] for entry in index["docs"] if "quarantined" in entry["text"]}

    assert any(location.startswith("metering.html") for location in found)


def test_a_broken_link_or_anchor_or_a_page_that_is_in_no_menu_breaks_the_build(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text("# Home\n\n[gone](gone.md) [nowhere](#nowhere)\n", encoding="utf-8")
    (docs / "lonely.md").write_text("# Lonely\n", encoding="utf-8")
    rules = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("strict:")[2].partition("theme:")[0]
    (tmp_path / "mkdocs.yml").write_text(f"site_name: t\nnav: [index.md]\nstrict:{rules}", encoding="utf-8")

    done = build(tmp_path / "site", tmp_path / "mkdocs.yml")

    assert done.returncode == 1
    for wrong in ("gone.md", "#nowhere", "lonely.md"):
        assert wrong in done.stderr
