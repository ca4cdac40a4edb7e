"""The two sources that read inventory files, as a configuration names them."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pytest

from collectors.controlplanes.inventory_file import ControlPlaneInventory
from collectors.source import Occasion
from collectors.storage.inventory_file import StorageInventory
from ioledger.clock import SystemClock
from ioledger.config import validated
from ioledger.errors import ConfigurationError, DataError
from ioledger.model.records import Reading
from ioledger.model.tables import FACTS, READ_BY

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {"storage-inventory": StorageInventory, "controlplane-inventory": ControlPlaneInventory}


def read(type_: str, settings: dict[str, Any], directory: Path) -> Reading:
    """Read as a run does: settings from the configuration in ``directory``, class by its entry point."""
    (entry_point,) = entry_points(group="ioledger.sources", name=type_)
    source = entry_point.load()
    checked = validated(source.Settings, settings, "ioledger.toml [sources.files]", {"directory": directory})
    reading = source(checked).read(Occasion(SystemClock()))
    assert isinstance(reading, Reading)
    return reading


def test_storage_files_are_read_from_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "volumes.csv").write_text("volume_id,min_iops\nv1,500\n")
    (tmp_path / "pools.toml").write_text('[[storage_pool]]\npool_id = "p1"\nshared = true\n')
    reading = read(
        "storage-inventory",
        {"provisioned_iops": "files/volumes.csv", "storage_pool": str(tmp_path / "pools.toml")},
        tmp_path,
    )
    assert reading.tables == {
        "provisioned_iops": [{"volume_id": "v1", "min_iops": 500}],
        "storage_pool": [{"pool_id": "p1", "shared": True}],
    }
    assert reading.error is None


def test_control_plane_files_are_read_from_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "sold.csv").write_text("volume_id,sold_min_iops,account_name\nv1,500,Größe & Söhne\n", "utf-8")
    reading = read("controlplane-inventory", {"entitlement": "sold.csv"}, tmp_path)
    assert reading.tables == {
        "entitlement": [{"volume_id": "v1", "sold_min_iops": 500, "account_name": "Größe & Söhne"}]
    }


def test_the_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "POOLS.CSV").write_text("pool_id\np1\n")
    assert read("storage-inventory", {"storage_pool": "POOLS.CSV"}, tmp_path).tables == {
        "storage_pool": [{"pool_id": "p1"}]
    }


@pytest.mark.parametrize("source", SOURCES.values())
def test_the_settings_name_exactly_the_tables_of_what_the_kind_is_set_to(
    source: type[StorageInventory | ControlPlaneInventory],
) -> None:
    no_counters = tuple(name for name in READ_BY[source.kind] if FACTS[name].time == "observed_at")
    assert tuple(source.Settings.model_fields) == no_counters


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {},
            "no inventory file is named; set at least one of provisioned_iops, storage_pool, volume_alias",
        ),
        (
            {"provisioned_iops": "volumes.xlsx"},
            (
                "key 'provisioned_iops': an inventory file's name ends in one of .csv, .parquet, .toml; "
                "'volumes.xlsx' does not"
            ),
        ),
        (
            {"provisioned_iops": 7},
            "key 'provisioned_iops': a path is text, in quotes (received 7)",
        ),
        (
            {"provisioned_iop": "volumes.csv"},
            (
                "unknown key 'provisioned_iop' (did you mean 'provisioned_iops'?); "
                "valid keys are provisioned_iops, storage_pool, volume_alias"
            ),
        ),
    ],
)
def test_a_wrong_setting_gets_its_sentence(settings: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("storage-inventory", settings, tmp_path)
    assert str(caught.value) == f"ioledger.toml [sources.files]: {sentence}"


def test_a_missing_file_fails_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read("storage-inventory", {"provisioned_iops": "volumes.csv"}, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/volumes.csv cannot be read: No such file or directory; "
        "put the file there, readable for who collects"
    )


def test_a_directory_by_the_name_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "volumes.csv").mkdir()
    with pytest.raises(DataError, match=r"volumes\.csv cannot be read: Is a directory"):
        read("storage-inventory", {"provisioned_iops": "volumes.csv"}, tmp_path)


def test_one_bad_row_fails_the_run_though_another_file_is_good(tmp_path: Path) -> None:
    (tmp_path / "volumes.csv").write_text("volume_id\nv1\n")
    (tmp_path / "pools.csv").write_text("pool_id,shared\np1,true\np2,yes\n")
    with pytest.raises(DataError, match=r"pools\.csv line 3: column shared holds 'yes', but takes true or false"):
        read("storage-inventory", {"provisioned_iops": "volumes.csv", "storage_pool": "pools.csv"}, tmp_path)
