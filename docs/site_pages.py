"""Makes pages of the site that are no files of docs/, and links that lead to them; a hook of MkDocs.

In a checkout or on a forge, pages link to the files that they talk about, such as ``../tests/golden``. The
site carries a page of each such file or directory, so that it needs no forge. A notebook, which a forge shows and a
browser does not, is a page as well.
"""

from __future__ import annotations

import functools
import json
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = Path(__file__).parent

_LINK: Final = re.compile(r"(?<=\]\()(\.\./[^)#\s]+)(?=[)#])")
_NOTEBOOK: Final = re.compile(r"(?<=\]\()([\w./-]+)\.ipynb(?=\))")
_LANGUAGES: Final = {".py": "python", ".sql": "sql", ".toml": "toml"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the files that match in the place of a pattern in the nav."""
    config.nav = list(_expanded(config.nav or []))
    return config


def _expanded(items: list[object]) -> Iterator[object]:
    for item in items:
        if isinstance(item, dict):
            yield {title: list(_expanded(part)) if isinstance(part, list) else part for title, part in item.items()}
        elif isinstance(item, str) and "*" in item:
            yield from (str(path.relative_to(DOCS)) for path in sorted(DOCS.glob(item)))
        else:
            yield item


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and for each file or directory outside docs/ that a page links to."""
    for notebook in sorted(DOCS.rglob("*.ipynb")):
        page = str(notebook.relative_to(DOCS).with_suffix(".md"))
        files.append(File.generated(config, page, content=_notebook_page(notebook)))
    for target in sorted({target for file in files.documentation_pages() for target in _sources(file)}):
        files.append(File.generated(config, _page_of(target), content=_source_page(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - MkDocs' signature
    """Lead links to notebooks, and those that leave docs/, to the pages of what they name."""
    return _NOTEBOOK.sub(r"\1.md", _LINK.sub(functools.partial(_relinked, page.file), markdown))


def _sources(file: File) -> Iterator[str]:
    for link in _LINK.findall(file.content_string):
        target = _outside(file, link)
        if target is not None:
            yield target


def _outside(file: File, link: str) -> str | None:
    """Return the path from the root of what a link names, if it exists and is not in docs/."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(file.src_uri), link))
    return None if path.startswith(("docs/", "..")) or not (ROOT / path).exists() else path


def _relinked(file: File, link: re.Match[str]) -> str:
    target = _outside(file, link[0])
    return link[0] if target is None else posixpath.relpath(_page_of(target), posixpath.dirname(file.src_uri))


def _page_of(target: str) -> str:
    return f"source/{target}" if target.endswith(".md") else f"source/{target}.md"


def _source_page(path: Path) -> str:
    name = path.relative_to(ROOT)
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8").replace("](docs/", f"]({'../' * len(name.parts)}")
    shown = sorted(path.iterdir()) if path.is_dir() else [path]
    parts = [_shown(each, heading="##" if path.is_dir() else None) for each in shown if each.suffix in _LANGUAGES]
    return f"---\ntitle: {name}\nsearch:\n  exclude: true\n---\n\n# `{name}`\n\n" + "\n".join(parts)


def _notebook_page(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in _cell(cell)) + "\n"


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield text
        return
    yield f"~~~~~~~~ python\n{text}\n~~~~~~~~"
    for output in cell["outputs"]:
        shown = output.get("data", {"text/plain": output.get("text", "")})
        picture = shown.get("image/svg+xml") or shown.get("text/html")
        if picture:
            yield f"<div>\n{''.join(picture)}\n</div>"
        else:
            yield f"~~~~~~~~ text\n{''.join(shown['text/plain'])}\n~~~~~~~~"


def _shown(path: Path, heading: str | None) -> str:
    fence = "~" * 8
    title = f"{heading} `{path.name}`\n\n" if heading else ""
    return f"{title}{fence} {_LANGUAGES[path.suffix]}\n{path.read_text(encoding='utf-8')}{fence}\n"
