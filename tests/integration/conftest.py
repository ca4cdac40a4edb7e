"""A PostgreSQL of the tests' own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from postgres_server import Database, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Database]:
    """Have a PostgreSQL run for all tests of a process."""
    with running_server() as server:
        yield server


@pytest.fixture
def database(postgres_server: Database) -> Database:
    """Return an empty database."""
    own = replace(postgres_server, name=f"test_{uuid4().hex}")
    postgres_server.execute(f"CREATE DATABASE {own.name}")
    return own
