"""A PostgreSQL of its own for tests: made anew, on a socket and a port of the loopback, ended by its own pid.

No service is started or needed. Started by root, it runs as ``nobody``, for PostgreSQL refuses root.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from adbc_driver_postgresql import dbapi
from components import lacking
from live_guests import PATIENCE_SECONDS, SYSTEM_PATH, free_port, ordinary_user, short_directory, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST = 15

# On the socket everybody is who they say they are; over TCP they need their password.
ACCESS = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"

SETTINGS = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{directory}'
password_encryption = 'scram-sha-256'
fsync = off
"""


@dataclass(frozen=True)
class Database:
    """A database of a server, as any of its roles reaches it."""

    directory: Path
    port: int
    name: str

    def uri(self, role: str = "postgres") -> str:
        """Return how a role reaches it on this machine, without a password."""
        return f"postgresql://{role}@/{self.name}?host={quote(str(self.directory), safe='')}&port={self.port}"

    def tcp_uri(self, role: str) -> str:
        """Return how a role reaches it over TCP, where the server asks for a password."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{self.name}"

    def rows(self, sql: str, role: str = "postgres") -> list[tuple[Any, ...]]:
        """Ask as a role, on a connection of its own."""
        with closing(dbapi.connect(self.uri(role))) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def execute(self, script: str, role: str = "postgres") -> None:
        """Execute the statements of a script as a role, all or none."""
        with closing(dbapi.connect(self.uri(role), autocommit=True)) as connection, connection.cursor() as cursor:
            cursor.executescript(script)


@contextmanager
def running_server() -> Iterator[Database]:
    """Have a server run, and its database ``postgres`` at hand; without PostgreSQL the tests are skipped, but in CI."""
    programs = _programs()
    with short_directory() as directory:
        user = ordinary_user(directory)
        data = directory / "data"
        how: dict[str, Any] = {"cwd": directory, "env": {"PATH": SYSTEM_PATH, "LC_ALL": "C"}, **user}
        subprocess.run(
            [programs / "initdb", "--pgdata", data, "--username", "postgres", "--encoding", "UTF8", "--no-sync"],
            check=True, capture_output=True, **how,
        )  # fmt: skip
        server = Database(directory, free_port(), "postgres")
        (data / "pg_hba.conf").write_text(ACCESS, encoding="utf-8")
        with (data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(SETTINGS.format(port=server.port, directory=directory))
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen([programs / "postgres", "-D", data], stdout=log, stderr=log, **how)
        try:
            wait_until(lambda: _answers(server) or process.poll() is not None, "PostgreSQL")
            if process.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended at once: {(directory / 'log').read_text(encoding='utf-8')}")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # it ends its connections, too
            process.wait(PATIENCE_SECONDS)


def _programs() -> Path:
    """Find the programs of the newest PostgreSQL; Debian keeps them off the PATH."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, SYSTEM_PATH.split(":"))]
    versions = {_version(directory): directory for directory in found if shutil.which("initdb", path=directory)}
    if not versions or max(versions) < OLDEST:
        lacking(f"there is no PostgreSQL {OLDEST} or later; install it with `.ci/system-packages test`")
    return versions[max(versions)]


def _version(directory: Path) -> int:
    told = subprocess.run([directory / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    number = re.search(r"[0-9]+", told)
    return int(number[0]) if number else 0


def _answers(server: Database) -> bool:
    try:
        return server.rows("SELECT 1::bigint") == [(1,)]
    except dbapi.Error:
        return False
