"""The units that `init --systemd` writes: systemd knows every word of them, and calls the services confined."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from command import SCRIPT
from lakes import content
from scheduled import command_of, cron_lines, settings

from ioledger.cli import run
from ioledger.schedule.files import Installation, files

MOST_EXPOSED = 20
"""Tenths of systemd's exposure level; it calls 2.0 and less OK, and an unconfined service has 96."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, a lake and units, under a name that needs every kind of quoting."""
    directory = tmp_path_factory.mktemp("units") / '100% "of" $HOME and \\more'
    directory.mkdir()
    assert run(["--config", str(directory / "ioledger.toml"), "init", "--systemd"]) == 0
    return directory


def units(site: Path, suffix: str = "*") -> list[Path]:
    found = sorted((site / "systemd").glob(f"*.{suffix}"))
    assert found
    return [path for path in found if path.suffix in {".service", ".timer"}]


def verify(*paths: Path) -> str:
    """Give all that systemd has to say against units; it ends with 0 also where it does not know a word."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, check=False
    )
    return done.stderr + ("" if done.returncode == 0 else f"ended with {done.returncode}")


def test_systemd_has_nothing_to_say_against_them(site: Path) -> None:
    assert len(units(site)) == 9
    assert verify(*units(site)) == ""


@pytest.mark.parametrize(
    ("unit", "right", "wrong"),
    [
        ("ioledger-collect.service", "ProtectSystem=", "ProtectSystm="),
        ("ioledger-check.service", "SystemCallFilter=@system-service", "SystemCallFilter=@system-servce"),
        ("ioledger-usage.timer", "*-*-* *:05:00", "*-*-* *:65:00"),
    ],
)
def test_a_misspelt_word_does_not_pass(site: Path, tmp_path: Path, unit: str, right: str, wrong: str) -> None:
    shutil.copytree(site / "systemd", tmp_path / "systemd")
    path = tmp_path / "systemd" / unit
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong))
    assert verify(path) != ""


def test_services_are_confined(site: Path) -> None:
    for unit in units(site, "service"):
        words = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        told = settings(unit)
        assert (told["NoNewPrivileges"], told["ProtectSystem"], told["User"]) == ("true", "strict", "ioledger")
        assert told["UMask"] == "0027"
        lake = str(site / "lake").replace("\\", r"\\").replace('"', r"\"").replace("%", "%%")
        assert told["ReadWritePaths"] == f'"{lake}"'
    assert {unit.name for unit in units(site, "service") if "PrivateNetwork" not in settings(unit)} == {
        "ioledger-collect.service"
    }


def test_commands_name_this_program_and_its_configuration(site: Path) -> None:
    for unit in units(site, "service"):
        assert command_of(unit)[:3] == [str(SCRIPT), "--config", str(site / "ioledger.toml")]


def words_in(command: str) -> tuple[str, ...]:
    """Give the words that the shell makes of a command, from the ioledger command on."""
    words = ["/bin/sh", "-c", f"printf '%s\\0' {command}"]
    return tuple(subprocess.check_output(words, text=True).split("\0")[3:-1])


def test_cron_runs_what_timers_run_at_the_same_minute(site: Path) -> None:
    lines = cron_lines(site / "systemd" / "ioledger.cron")
    assert {user for _, user, _ in lines} == {"ioledger"}
    by_timer = {
        (settings(timer)["OnCalendar"], tuple(command_of(timer.with_suffix(".service"))[3:]))
        for timer in units(site, "timer")
    }
    by_cron = {(when, words_in(command)) for when, _, command in lines}
    assert {words for when, words in by_cron if when == "* * * * *"} == {("collect",)}
    minutes = {(re.search(r":(\d\d):", when)[1].lstrip("0"), words) for when, words in by_timer}  # type: ignore[index]
    assert minutes == {(when.split()[0], words) for when, words in by_cron if words != ("collect",)}


def test_what_is_written_is_written_once(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = content(site)
    assert run(["--config", str(site / "ioledger.toml"), "init", "--systemd"]) == 0
    out, err = capsys.readouterr()
    assert "wrote 0 files to " in err
    assert out.splitlines()[-1].startswith("systemctl enable --now ioledger-collect.service ioledger-usage.timer")
    assert content(site) == before


def test_a_file_that_somebody_changed_stays_as_it_is(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "ioledger-check.timer"
    changed.write_text("[Timer]\nOnCalendar=daily\n")
    assert run(["--config", str(site / "ioledger.toml"), "init", "--systemd", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"ioledger: {changed} holds something else than would be written, and stays as it is; move it away, or name "
        "another directory with --systemd\n"
    )
    assert content(tmp_path) == {"ioledger-check.timer": b"[Timer]\nOnCalendar=daily\n"}


def test_a_path_that_no_unit_can_hold_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "two\nlines"
    directory.mkdir()
    assert run(["--config", str(directory / "ioledger.toml"), "init", "--systemd"]) == 2
    assert (
        "holds a control character, which no unit of systemd can hold; choose another path" in capsys.readouterr().err
    )
    assert not (directory / "systemd").exists()


def test_a_lake_at_home_can_be_seen(tmp_path: Path) -> None:
    configuration = tmp_path / "ioledger.toml"
    configuration.write_text('lake = "/home/somebody/lake"\n')
    assert run(["--config", str(configuration), "--lake", str(tmp_path / "lake"), "init", "--systemd"]) == 0
    told = settings(tmp_path / "systemd" / "ioledger-usage.service")
    assert (told["ProtectHome"], told["ReadWritePaths"]) == ("read-only", '"/home/somebody/lake"')


@pytest.mark.parametrize("at_home", ["python", "lake"])
def test_what_links_lead_to_at_home_can_be_seen(tmp_path: Path, at_home: str) -> None:
    (tmp_path / "lake").symlink_to("/home/somebody/lake" if at_home == "lake" else tmp_path / "other")
    python = Path("/home/somebody/python" if at_home == "python" else "/usr")
    of = Installation(Path("/usr/bin/ioledger"), python, Path("/etc/ioledger.toml"), tmp_path / "lake")
    assert "\nProtectHome=read-only\n" in files(of)["ioledger-collect.service"]


@pytest.mark.skipif(os.geteuid() != 0, reason="making a user takes root")
def test_the_user_and_directories_are_made(site: Path, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    root = f"--root={tmp_path}"
    subprocess.run(["systemd-sysusers", root, site / "systemd" / "ioledger.sysusers"], check=True, capture_output=True)
    user = next(line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("ioledger:"))
    _, _, uid, *_, home, shell = user.split(":")
    assert home == "/var/lib/ioledger"
    assert shell.endswith("nologin")
    words = ["systemd-tmpfiles", root, "--create", site / "systemd" / "ioledger.tmpfiles"]
    subprocess.run(words, check=True, capture_output=True)
    for made in (tmp_path / "var/lib/ioledger", Path(f"{tmp_path}{site}") / "lake"):
        assert (made.stat().st_uid, made.stat().st_mode & 0o777) == (int(uid), 0o750)
