"""100,000 volumes of the CloudStack that the tests have, which serves them from a process of its own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cloudstack_site

from benchmarks.measure import WrongResultError
from benchmarks.sources.measure import Collected, collect

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_SIZE: Final = 500
"""What CloudStack allows unless configured (default.page.size)."""


def measure(volume_count: int, place: Path) -> Iterator[Collected]:
    """Collect the volumes of accounts and projects; raises WrongResultError where some are missing."""
    with _served(volume_count) as url:
        table = (
            f'type = "cloudstack"\nendpoint = "{url}"\npage_size = {PAGE_SIZE}\n'
            'api_key = { env = "CLOUDSTACK_SITE_KEY" }\nsecret_key = { env = "CLOUDSTACK_SITE_SECRET" }'
        )
        expected = {"*": volume_count, "project_id": volume_count // cloudstack_site.PROJECTS_SHARE}
        yield collect("CloudStack", place / "cloudstack", table, cloudstack_site.ENVIRONMENT, expected)


@contextmanager
def _served(volume_count: int) -> Iterator[str]:
    """Have the server in a process of its own; yields its URL."""
    command = [sys.executable, str(cloudstack_site.__file__), str(volume_count)]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(cloudstack_site.__file__).parents[2]
    ) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                msg = "the tests' CloudStack server did not start"
                raise WrongResultError(msg)
            yield url
        finally:
            process.communicate()  # it ends when nobody can tell it anything any more
