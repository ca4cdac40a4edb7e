"""A real Cinder 29 for tests: ``shared("cinder_server:running", …)``, or one's own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from cinder_programs import PASSWORD, SOURCES, VENV, configured, copied, process, require_cinder
from live_guests import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROJECT = "a" * 32
"""The project of who arranges things where no Keystone is asked; Cinder takes any that is hexadecimal."""

FAKE: Mapping[str, Mapping[str, str]] = {
    "fake1": {"volume_driver": "cinder.tests.fake_driver.FakeLoggingVolumeDriver", "volume_backend_name": "fake1"}
}
"""The driver of Cinder's own tests, which stores nothing."""


@contextmanager
def running(
    directory: Path,
    backends: Mapping[str, Mapping[str, str]] | None = None,
    python_path: str | None = None,
    keystone: str | None = None,
    page_items: int = 1000,
) -> Iterator[dict[str, str]]:
    """Have a Cinder run in an empty directory; yields its ``url``, which ends before the version, and ``database``.

    ``backends`` are sections of cinder.conf by name, and ``python_path`` has modules that their drivers
    import. ``keystone`` is the URL of one that tells who asks; without it Cinder believes the token
    ``admin:PROJECT``. A page has ``page_items`` at most.
    """
    require_cinder()
    copied(directory, "cinder.db")
    port = free_port()
    sections = {name: dict(section) for name, section in (backends or FAKE).items()}
    values = {
        "PORT": str(port),
        "BACKENDS": ",".join(sections),
        "STRATEGY": "noauth" if keystone is None else "keystone",
        "KEYSTONE": keystone or "",
        "PASSWORD": PASSWORD,
        "PAGE_ITEMS": str(page_items),
    }
    lines = [line for name, section in sections.items() for line in (f"\n[{name}]", *map(" = ".join, section.items()))]
    configuration = configured(directory, "cinder", values, "\n".join(lines) + "\n")
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    if python_path is not None:
        environment["PYTHONPATH"] = python_path
    command = [str(VENV / "bin" / "python"), str(SOURCES / "cinder_aio.py"), "--config-file", str(configuration)]
    url = f"http://127.0.0.1:{port}"
    with process(command, directory / "cinder.log", environment) as cinder:
        wait_until(lambda: cinder.answers(f"{url}/"), "Cinder's API")
        yield {"url": url, "database": str(directory / "cinder.db")}


@dataclass(frozen=True)
class CinderApi:
    """A Cinder as an administrator has it, in one project."""

    url: str
    project: str = PROJECT
    token: str = f"admin:{PROJECT}"

    @property
    def endpoint(self) -> str:
        """Return the URL of the API in this project."""
        return f"{self.url}/v3/{self.project}"

    def ask(self, method: str, path: str, body: Any = None, version: str = "3.0") -> Any:  # noqa: ANN401 - JSON
        """Make a request."""
        headers = {"X-Auth-Token": self.token, "OpenStack-API-Version": f"volume {version}"}
        answer = requests.request(method, f"{self.endpoint}{path}", json=body, headers=headers, timeout=120)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def spec(self, name: str, consumer: str, **keys: object) -> str:
        """Make a QoS spec, and return its id."""
        body = {"qos_specs": {"name": name, "consumer": consumer, **{key: str(value) for key, value in keys.items()}}}
        return str(self.ask("POST", "/qos-specs", body)["qos_specs"]["id"])

    def change_spec(self, spec_id: str, **keys: object) -> None:
        """Set keys of a QoS spec."""
        body = {"qos_specs": {key: str(value) for key, value in keys.items()}}
        self.ask("PUT", f"/qos-specs/{spec_id}", body)

    def type(self, name: str, spec_id: str | None = None, **extra_specs: str) -> str:
        """Make a volume type, and return its id."""
        body = {"volume_type": {"name": name, "extra_specs": extra_specs}}
        made = str(self.ask("POST", "/types", body)["volume_type"]["id"])
        if spec_id is not None:
            self.ask("GET", f"/qos-specs/{spec_id}/associate?vol_type_id={made}")
        return made

    def volume(self, name: str, type_name: str | None = None, size_gib: int = 1, **more: object) -> str:
        """Make a volume, and return its id when it is there."""
        body = {"volume": {"name": name, "size": size_gib, "volume_type": type_name, **more}}
        made = str(self.ask("POST", "/volumes", body)["volume"]["id"])
        self.wait_for(made, "available")
        return made

    def wait_for(self, volume_id: str, status: str) -> None:
        """Wait until a volume has a status."""

        def has_it() -> bool:
            found = self.ask("GET", f"/volumes/{volume_id}")["volume"]["status"]
            if found.startswith("error"):
                raise RuntimeError(f"volume {volume_id} is {found} and not {status}")
            return bool(found == status)

        wait_until(has_it, f"volume {volume_id} to be {status}")

    def attach(self, volume_id: str, server_id: str) -> dict[str, Any]:
        """Attach a volume to a guest as Nova does, and return what Nova is told of the connection."""
        connector = {"initiator": "iqn.2026-01.org.example:host", "host": "kvm-01", "ip": "127.0.0.1"}
        body = {"attachment": {"volume_uuid": volume_id, "instance_uuid": server_id, "connector": connector}}
        made = self.ask("POST", "/attachments", body, "3.44")["attachment"]
        self.ask("POST", f"/attachments/{made['id']}/action", {"os-complete": {}}, "3.44")
        told: dict[str, Any] = made["connection_info"]
        return told

    def delete(self, volume_id: str) -> None:
        """Delete a volume, and wait until it is gone."""
        self.ask("DELETE", f"/volumes/{volume_id}")
        wait_until(lambda: self._is_gone(volume_id), f"volume {volume_id} to be gone")

    def _is_gone(self, volume_id: str) -> bool:
        headers = {"X-Auth-Token": self.token}
        return requests.get(f"{self.endpoint}/volumes/{volume_id}", headers=headers, timeout=120).status_code == 404
