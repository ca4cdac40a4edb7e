"""docs/cloudstack.md says what the source does: its example, the commands it needs, states and providers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from cloudstack_reading import Reader, keys_in_environment
from cloudstack_server import serving
from cloudstack_site import cloud_of

from collectors.controlplanes.cloudstack import CloudStackSource
from collectors.controlplanes.cloudstack_pools import PROVIDERS
from collectors.controlplanes.cloudstack_volumes import NOT_SOLD
from ioledger.config import validated

PAGE = (Path(__file__).parents[2] / "docs" / "cloudstack.md").read_text(encoding="utf-8")


def test_the_examples_are_valid_settings() -> None:
    source, rules = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    settings = {**tomllib.loads(source + rules)["sources"]["cloud"]}
    assert settings.pop("type") == "cloudstack"
    (rule,) = validated(CloudStackSource.Settings, settings, "sources.cloud").volume_id
    assert rule.match("/iqn.2010-01.com.solidfire:3p53.data-118.41/0") == "iqn.2010-01.com.solidfire:3p53.data-118.41"


def test_a_role_needs_the_commands_that_the_page_names_and_no_other() -> None:
    (listed,) = re.findall(r"^```\n(list[\w ]+)\n```", PAGE, re.MULTILINE)
    with serving(cloud_of(1)) as server, keys_in_environment():
        Reader(server).read()
        Reader(server).checks()
        asked = {request["command"] for request in server.cloud.requests}
    assert asked == set(listed.split())


def test_the_page_names_the_states_without_a_row() -> None:
    section = PAGE.split("### Which states are sold")[1].split("###")[0]
    lines = [line for line in section.splitlines() if line.startswith("- `")]
    assert {state for line in lines for state in re.findall(r"`(\w+)`", line)} == NOT_SOLD


def test_the_page_names_what_providers_can() -> None:
    rows = re.findall(
        r"^\| ([\w, ]+?)(?: \(.*?\))? \| (yes|no).*? \| (yes|no).*? \| (yes|no).*? \| (yes|no) \|$", PAGE, re.MULTILINE
    )
    told = {
        provider: tuple(flag == "yes" for flag in flags)
        for providers, *flags in rows
        for provider in providers.split(", ")
    }
    assert told == {name: tuple(limits) for name, limits in PROVIDERS.items()}
