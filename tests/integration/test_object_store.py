"""A lake in a real object store: the same as in a directory, with collectors that do without the store for a while."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import month_end
import obstore
import pytest
from command import SCRIPT
from components import shared
from lakes import content, read
from live_guests import wait_until
from month_end import END, HOUR
from obstore.store import S3Store
from policy_lake import StoppedClock
from rate_cards import write
from s3_server import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server, configured

import ioledger as ioledger_library
from ioledger.app import App
from ioledger.cli import run
from ioledger.clock import SystemClock
from ioledger.config import ObjectStoreTable, Secret
from ioledger.lake import journal, layout
from ioledger.lake.remote.base import DIRECTORY as BASE
from ioledger.lake.remote.commits import DIRECTORY as COMMITS
from ioledger.lake.remote.location import location
from ioledger.lake.remote.pushing import ConflictError
from ioledger.lake.remote.store import open_store
from ioledger.lake.remote.working_copy import WorkingCopy

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.clock import Clock


NOW = END + 3 * HOUR
PATIENCE_SECONDS = 120

MONTH = (
    ["lake", "compact"],
    ["usage", "build"],
    ["check", "--fail-on", "critical"],
    ["rate", "--period", "2026-10", "--rate-card", "rates.toml"],
    ["close", "2026-10", "--despite", "findings", "--because", "the test looks at bytes"],
    ["lake", "verify"],
)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_ACCESS_KEY", ACCESS_KEY)
    monkeypatch.setenv("STORE_SECRET_KEY", SECRET_KEY)


@pytest.fixture
def endpoint() -> str:
    return str(shared("s3_server:running")["endpoint"])


def ioledger(configuration: Path, *words: str, clock: Clock = StoppedClock(NOW)) -> int:  # noqa: B008 - it stands still
    app = App(clock=clock, config_file=configuration, config_named=True)
    return run(list(words), app)


def objects(endpoint: str, prefix: str) -> dict[str, bytes]:
    """Read what lies in the store, without the product."""
    client = S3Store(
        BUCKET, prefix=prefix, endpoint=endpoint, region="us-east-1", access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY, client_options={"allow_http": True},
    )  # fmt: skip
    names = [each["path"] for batch in obstore.list(client) for each in batch]
    return {name: bytes(obstore.get(client, name).bytes()) for name in names if not name.startswith(COMMITS)}


def of_lake(directory: Path) -> dict[str, bytes]:
    """Give the files of a directory that belong to the lake."""
    own = (BASE, journal.DIRECTORY, layout.MEMORY)
    return {name: data for name, data in content(directory).items() if not name.startswith(own)}


def test_a_month_is_the_same_in_a_store_as_in_a_directory(
    tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, month_end.PRICED)
    stored = configured(tmp_path / "stored", endpoint, "month")
    assert ioledger(stored, "init") == 0
    directory = tmp_path / "plain" / "lake"
    layout.create(directory)
    plain = tmp_path / "plain" / "ioledger.toml"
    plain.write_text('lake = "lake"\n', encoding="utf-8")
    for lake in (tmp_path / "stored" / "copy", directory):
        (lake / layout.SETTINGS).write_text(month_end.SETTINGS, encoding="utf-8")
        month_end.collect(lake)

    for words in MONTH:
        assert [ioledger(each, *words) for each in (stored, plain)] == [0, 0], words

    there = objects(endpoint, "month")
    assert there == of_lake(directory)
    assert any(name.startswith("charge/") for name in there)
    assert any("merged~" in name for name in there)
    for name, value in {
        "AWS_ENDPOINT": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "XDG_STATE_HOME": str(tmp_path / "state"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with ioledger_library.open(f"s3://{BUCKET}/month") as library, ioledger_library.open(directory) as beside:
        assert library.usage("2026-10").fetchall() == beside.usage("2026-10").fetchall() != []
    # Another machine has the same lake, and finds it whole.
    other = configured(tmp_path / "other", endpoint, "month")
    assert ioledger(other, "close", "--verify", "2026-10") == 0
    assert of_lake(tmp_path / "other" / "copy") == there


def test_collectors_go_on_while_the_store_is_away_and_send_all_of_it_once(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    server = S3Server(tmp_path / "server")
    server.start()
    configuration = configured(tmp_path, server.endpoint, "away")
    try:
        assert ioledger(configuration, "init") == 0
        copy = tmp_path / "copy"
        with collecting(configuration) as log:
            wait_until(lambda: len(runs_in(copy)) >= 2, "the first runs")
            server.kill()
            before = len(runs_in(copy))
            wait_until(lambda: len(runs_in(copy)) >= before + 3, "runs that the store does not get")
            server.start()
            wait_until(lambda: b"has taken all that was kept" in log.read_bytes(), "what was kept to be sent")
            after = len(runs_in(copy))
            wait_until(lambda: len(runs_in(copy)) >= after + 1, "one more run")
        # What the end of the service has left is sent.
        assert ioledger(configuration, "collect", clock=SystemClock()) == 0
        collected = runs_in(copy)
        fresh = configured(tmp_path / "fresh", server.endpoint, "away")
        assert ioledger(fresh, "lake", "verify", clock=SystemClock()) == 0
    finally:
        server.kill()
    rows = read(tmp_path / "fresh" / "copy", "SELECT run_id, row_count FROM collection_run ORDER BY ALL")
    acknowledged = re.findall(r"^try-out: \d+ rows$", (tmp_path / "log").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(acknowledged) + 1
    assert [run_id for run_id, _ in rows][-len(collected) :] == collected
    samples = read(tmp_path / "fresh" / "copy", "SELECT run_id, count(*) FROM disk_io_stat GROUP BY ALL ORDER BY ALL")
    assert samples == [(run_id, 1) for run_id, _ in rows]
    assert b"is away" in (tmp_path / "log").read_bytes()


class collecting:  # noqa: N801 - a context manager
    """Have ``collect --every 1s`` run as a service does, and end by SIGTERM; gives its log."""

    def __init__(self, configuration: Path) -> None:
        self._words = [str(SCRIPT), "--config", str(configuration), "collect", "--every", "1s"]
        self._log = configuration.parent / "log"

    def __enter__(self) -> Path:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self._log

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(PATIENCE_SECONDS) == 0, self._log.read_text(encoding="utf-8")


def runs_in(copy: Path) -> list[str]:
    """List the runs that a spool holds."""
    return sorted(path.stem for path in copy.glob("collection_run/*/*/*.parquet"))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (SECRET_KEY, "there is no lake at s3://lakes/none; make one with `ioledger init`"),
        ("wrong", "s3://lakes/none does not let this user look at lake.toml; give the credentials"),
    ],
)
def test_what_keeps_a_lake_from_being_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], key: str, words: str
) -> None:
    monkeypatch.setenv("STORE_SECRET_KEY", key)
    endpoint = str(shared("s3_server:running")["endpoint"])
    assert ioledger(configured(tmp_path, endpoint, "none"), "usage", "show") == 2
    assert words in capfd.readouterr().err


def test_two_who_write_at_once_never_overwrite_each_other(tmp_path: Path, endpoint: str) -> None:
    first, second = (opened(tmp_path / name, endpoint, "race") for name in ("first", "second"))
    first.create()
    first.bring_up_to_date()
    written: list[str] = []

    def add_lines(copy: WorkingCopy, name: str) -> None:
        for number in range(3):
            while True:
                copy.bring_up_to_date()
                path = copy.path / ".usage" / "lines"
                path.parent.mkdir(exist_ok=True)
                lines = path.read_text(encoding="utf-8") if path.exists() else ""
                path.write_text(f"{lines}{name} {number}\n", encoding="utf-8")
                try:
                    copy.put_back()
                except ConflictError:
                    continue
                written.append(f"{name} {number}")
                break

    others = [threading.Thread(target=add_lines, args=(copy, copy.path.name)) for copy in (first, second)]
    for each in others:
        each.start()
    for each in others:
        each.join(PATIENCE_SECONDS)
        assert not each.is_alive()
    lines = objects(endpoint, "race")[".usage/lines"].decode().splitlines()
    assert sorted(lines) == sorted(written)
    assert len(lines) == 6


def opened(directory: Path, endpoint: str, prefix: str) -> WorkingCopy:
    address = location(f"s3://{BUCKET}/{prefix}")
    table = ObjectStoreTable(
        endpoint=endpoint, region="us-east-1", access_key=Secret(env="STORE_ACCESS_KEY"),
        secret_key=Secret(env="STORE_SECRET_KEY"),
    )  # fmt: skip
    return WorkingCopy(directory, open_store(address, table))
