"""The files that `ioledger init --systemd` writes, and the commands that install them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ioledger.schedule.jobs import COLLECT_CRON, JOBS
from ioledger.schedule.quoting import cron_command, fit_for_units, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ioledger.schedule.jobs import Job

USER: Final = "ioledger"

_NAME: Final = re.compile("@([A-Z]+)@")

_HOMES: Final = (Path("/home"), Path("/root"), Path("/run/user"))
"""What ProtectHome= hides (systemd.exec(5))."""


_NETWORK: Final = {
    False: "PrivateNetwork=true\nIPAddressDeny=any\nRestrictAddressFamilies=AF_UNIX",
    True: "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
}
"""What jobs may reach: nothing, or, with a lake in an object store, that store."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where program, its Python, configuration and lake of one installation are, as absolute paths.

    Of a lake in an object store, which ``is_in_store``, ``lake`` is the working copy.
    """

    program: Path
    python: Path
    config_file: Path
    lake: Path
    is_in_store: bool = False


def files(of: Installation) -> dict[str, str]:
    """Return the content of every file by its name; ConfigurationError for a path that no unit can hold."""
    values = _values(of)
    found = {"ioledger-collect.service": _filled("collect.service", values)}
    for job in JOBS:
        own = {**values, **_of_job(job)}
        found[f"ioledger-{job.name}.service"] = _filled("job.service", own)
        found[f"ioledger-{job.name}.timer"] = _filled("job.timer", own)
    found["ioledger.sysusers"] = _filled("ioledger.sysusers", values)
    found["ioledger.tmpfiles"] = _filled("ioledger.tmpfiles", values)
    found["ioledger.cron"] = _crontab(of)
    return found


def _values(of: Installation) -> dict[str, str]:
    paths = [fit_for_units(path) for path in (of.program, of.config_file, of.lake)]
    seen = [*paths, of.python, *(path.resolve() for path in paths)]  # links lead to where they point
    is_at_home = any(path.is_relative_to(home) for path in seen for home in _HOMES)
    values = {
        "PROGRAM": word(of.program),
        "CONFIG": word(of.config_file),
        "LAKE": word(of.lake),
        "HOME": "read-only" if is_at_home else "true",
        "NETWORK": _NETWORK[of.is_in_store],
    }
    return {"SANDBOX": _filled("sandbox.conf", values), **values}


def _of_job(job: Job) -> dict[str, str]:
    return {
        "TITLE": job.title,
        "WORDS": " ".join(job.words),
        "CALENDAR": job.calendar,
        "DELAY": job.delay,
        "AFTER": "" if job.after is None else f" ioledger-{job.after}.service",
        "SUCCESS": "" if job.success is None else f"SuccessExitStatus={job.success}\n",
    }


def _filled(template: str, values: Mapping[str, str]) -> str:
    text = resources.files("ioledger.schedule").joinpath("templates", template).read_text(encoding="utf-8")
    # In one go, for a path may hold what looks like a name.
    return _NAME.sub(lambda name: values[name[1]], text)


def _crontab(of: Installation) -> str:
    """Return lines for /etc/cron.d, where the user stands before the command."""
    program = [str(of.program), "--config", str(of.config_file)]
    lines = [(COLLECT_CRON, ("collect",)), *((job.cron, job.words) for job in JOBS)]
    head = (
        "# Written by `ioledger init --systemd`, for /etc/cron.d/ioledger where there is no systemd.\nSHELL=/bin/sh\n"
    )
    return head + "".join(f"{when} {USER} {cron_command([*program, *words])}\n" for when, words in lines)


def commands(directory: Path, of: Installation) -> list[str]:
    """Return the commands that install the files of a directory, for root."""
    at = shlex.quote(str(directory))
    units = " ".join(["ioledger-collect.service", *(f"ioledger-{job.name}.timer" for job in JOBS)])
    return [
        f"install -m 644 {at}/*.service {at}/*.timer /etc/systemd/system/",
        f"install -D -m 644 {at}/ioledger.sysusers /etc/sysusers.d/ioledger.conf",
        f"install -D -m 644 {at}/ioledger.tmpfiles /etc/tmpfiles.d/ioledger.conf",
        "systemd-sysusers ioledger.conf",
        "systemd-tmpfiles --create ioledger.conf",
        f"chown -R {USER}:{USER} {shlex.quote(str(of.lake))}",
        "systemctl daemon-reload",
        f"systemctl enable --now {units}",
    ]
