"""The reference of ioledger.toml and of a lake's settings, in Markdown, made from the models that check them."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from ioledger.config import CheckTable, Configuration, ExportTable, ObjectStoreTable, Secret
from ioledger.lake.settings import Settings, SettingsTable
from ioledger.reference.markdown import code, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

_PAGES: Final = {
    "storage-inventory": "inventory-files.md",
    "controlplane-inventory": "inventory-files.md",
    "synthetic": "sources.md",
}
"""The pages of types of sources that have no page of their own name."""

_HEADER: Final = ("key", "value", "if left out")


def configuration_page() -> str:
    """Return docs/reference/configuration.md: every key with what it takes and what holds without it."""
    return (
        "# Configuration\n\n"
        "Made from the code by `make docs`. `ioledger init` writes a commented `ioledger.toml`; a key that is not\n"
        "known is an error that names the valid ones. Relative paths start from the directory of the file.\n\n"
        "## ioledger.toml\n\n"
        f"{_keys(Configuration, leave_out=('sources', 'rules', 'check', 'export', 'object_store'))}\n"
        "| table | is |\n|---|---|\n"
        "| `[sources.NAME]` | one place that facts are read from; `type` names one of [the types below](#sources) |\n"
        "| `[rules.CODE]` | thresholds of a rule, in whole numbers: [the page of the rule](../rules/README.md) |\n"
        "| `[check]` | below |\n"
        "| `[export]` | below |\n"
        "| `[object_store]` | below |\n\n"
        f"### [check]\n\n{prose(CheckTable.__doc__)}\n\n{_keys(CheckTable)}\n"
        f"### [export]\n\n{prose(ExportTable.__doc__)}\n\n{_keys(ExportTable)}\n"
        f"### [object_store]\n\n{prose(ObjectStoreTable.__doc__)} [More](../object-stores.md).\n\n"
        f"{_keys(ObjectStoreTable)}\n"
        f"## Secrets\n\n{prose(Secret.__doc__)} A secret itself never stands in ioledger.toml.\n\n{_keys(Secret)}\n"
        "## Sources\n\n"
        "Beside `type`, a source takes the keys of its type. What they are for, with examples, is on its page.\n\n"
        + "\n".join(_sources())
        + "\n## The lake's settings\n\n"
        "What changes amounts lies in `settings.toml` in the lake, as `[[settings]]` tables.\n\n"
        f"{prose(SettingsTable.__doc__)} What they do is in [metering.md](../metering.md#the-lake).\n\n"
        f"{_keys(SettingsTable, defaults=asdict(Settings()) | {'valid_from': None})}"
    )


def _sources() -> Iterator[str]:
    for entry_point in sorted(entry_points(group="ioledger.sources"), key=lambda found: found.name):
        model = entry_point.load().Settings
        page = _PAGES.get(entry_point.name, f"{entry_point.name}.md")
        yield f"### {entry_point.name}\n\n[Its page](../{page}). {prose(model.__doc__)}\n\n{_keys(model)}"


def _keys(model: type[BaseModel], leave_out: tuple[str, ...] = (), defaults: Mapping[str, object] | None = None) -> str:
    schema = model.model_json_schema()
    found = _rows(schema, schema.get("$defs", {}), defaults or {})
    return table(_HEADER, ((code(name), value, default) for name, value, default in found if name not in leave_out))


def _rows(
    schema: Mapping[str, Any], defined: Mapping[str, Any], defaults: Mapping[str, object], within: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Give each key, and after one that holds tables their keys, as ``volume_id[].from``."""
    for name, field in schema.get("properties", {}).items():
        choices = [choice for choice in field.get("anyOf", (field,)) if choice.get("type") != "null"]
        default = "required" if name in schema.get("required", ()) else _default(field, defaults.get(name))
        yield f"{within}{name}", ", or ".join(map(_kind, choices)), default
        for choice in choices:
            inner = defined.get(choice.get("items", {}).get("$ref", "").rpartition("/")[2])
            if inner is not None:
                yield from _rows(inner, defined, {}, f"{within}{name}[].")


def _default(field: Mapping[str, Any], default: object) -> str:
    value = field.get("default") if default is None else default
    return "not set" if value is None else code(json.dumps(value, ensure_ascii=False))


def _kind(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return "[secret](#secrets)" if name == Secret.__name__ else "table"
    if "enum" in field:
        return "one of " + ", ".join(code(json.dumps(value)) for value in field["enum"])
    kind: str = field.get("type", "any")
    if kind == "array":
        return f"list of {_kind(field['items'])}s"
    return _NAMES.get((kind, field.get("format")), _NAMES.get((kind, None), kind)) + _bounds(field)


_NAMES: Final = {
    ("string", None): "text",
    ("string", "path"): "path",
    ("string", "date-time"): "time with its offset",
    ("integer", None): "whole number",
    ("boolean", None): "`true` or `false`",
    ("object", None): "table",
}


def _bounds(field: Mapping[str, Any]) -> str:
    least = field.get("minimum", field["exclusiveMinimum"] + 1 if "exclusiveMinimum" in field else None)
    most = field.get("maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" from {least}"
    return f" like {code(field['pattern'])}" if "pattern" in field else ""
