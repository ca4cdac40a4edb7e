"""The settings of the vSphere source, and the example of its page."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from collectors.hypervisors.vsphere import VsphereSettings
from collectors.volume_rules import first_match
from ioledger.config import validated
from ioledger.errors import ConfigurationError

PAGE = Path(__file__).parents[2] / "docs" / "vsphere.md"
VALID = {"url": "https://vcenter.example.org", "username": "reader", "password": {"env": "PASSWORD"}}


def test_the_example_of_the_page_is_valid_and_names_a_volume() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    table = tomllib.loads(example)["sources"]["vcenter"]
    assert table.pop("type") == "vsphere"
    rules = validated(VsphereSettings, table, "sources.vcenter").volume_id
    volume = "2f9d1a7c-3b1e-4f4e-9a55-6d1f6a0c7e11"
    found = first_match(rules, {"path": f"[gold-01] vm-7/volume-{volume}.vmdk"})
    assert found is not None
    assert found.volume_id == volume


def test_the_pages_pattern_for_a_mapped_lun_finds_its_naa_id() -> None:
    (pattern,) = re.findall(r"`'(02.+?)'`", PAGE.read_text(encoding="utf-8"))
    found = re.fullmatch(pattern, "020000000060060160a62a2f00e4b3c1d2e3f4a5b6524149442035")
    assert found is not None
    assert found["naa"] == "60060160a62a2f00e4b3c1d2e3f4a5b6"


@pytest.mark.parametrize(
    "url", ["vcenter.example.org", "ftp://vcenter.example.org", "https://", "https://vcenter.example.org/sdk?wsdl"]
)
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"https://vcenter\.example\.org"):
        validated(VsphereSettings, {**VALID, "url": url}, "sources.vcenter")


def test_credentials_do_not_belong_into_an_address_and_are_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="username and password") as told:
        validated(VsphereSettings, {**VALID, "url": "https://reader:s3cret@vcenter"}, "sources.vcenter")
    assert "s3cret" not in str(told.value)
