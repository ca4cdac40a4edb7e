"""A real Keystone for tests, and what is arranged in it: ``shared("keystone_server:running")``."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import requests
from cinder_programs import PASSWORD, SOURCES, VENV, configured, copied, process, require_cinder
from live_guests import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def running(directory: Path) -> Iterator[dict[str, str]]:
    """Have a Keystone run in an empty directory; yields its ``url``, which ends in /v3."""
    require_cinder()
    port = free_port()
    copied(directory, "keystone.db", "fernet", "credential")
    configuration = configured(directory, "keystone", {})
    environment = {**os.environ, "OS_KEYSTONE_CONFIG_FILES": str(configuration), "PYTHONWARNINGS": "ignore"}
    command = [str(VENV / "bin" / "python"), str(SOURCES / "keystone_api.py"), str(port)]
    url = f"http://127.0.0.1:{port}/v3"
    with process(command, directory / "keystone.log", environment) as keystone:
        wait_until(lambda: keystone.answers(url), "Keystone's API")
        mine = Keystone(url)
        mine.ask("PUT", "/regions/internal", {"region": {}})
        mine.endpoint("identity", "internal", "internal", url)  # where Cinder asks whose a token is
        yield {"url": url}


@dataclass(frozen=True)
class Keystone:
    """A Keystone as its administrator has it."""

    url: str

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.headers["X-Auth-Token"] = self.token("admin", PASSWORD, "admin")
        return session

    def token(self, user: str, password: str, project: str) -> str:
        """Log somebody in."""
        domain = {"id": "default"}
        identity = {
            "methods": ["password"],
            "password": {"user": {"name": user, "password": password, "domain": domain}},
        }
        body = {"auth": {"identity": identity, "scope": {"project": {"name": project, "domain": domain}}}}
        answer = requests.post(f"{self.url}/auth/tokens", json=body, timeout=60)
        answer.raise_for_status()
        return answer.headers["X-Subject-Token"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Make a request as the administrator."""
        answer = self._session.request(method, f"{self.url}{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def project(self, name: str) -> str:
        """Return the id of a project, which is made unless it is there."""
        found = self.ask("GET", f"/projects?name={name}")["projects"]
        return str((found or [self.ask("POST", "/projects", {"project": {"name": name}})["project"]])[0]["id"])

    def user(self, name: str, password: str, project: str, role: str) -> str:
        """Make a user with a role in a project, and return the user's id."""
        made: str = self.ask("POST", "/users", {"user": {"name": name, "password": password}})["user"]["id"]
        self.allow(made, project, role)
        return made

    def allow(self, user_id: str, project: str, role: str) -> None:
        """Give a user a role in a project."""
        role_id = self.ask("GET", f"/roles?name={role}")["roles"][0]["id"]
        self.ask("PUT", f"/projects/{self.project(project)}/users/{user_id}/roles/{role_id}")

    def administrator_of(self, project: str) -> str:
        """Return a token of the administrator in a project, which is made unless it is there."""
        me = self.ask("GET", "/users?name=admin")["users"][0]["id"]
        self.allow(me, project, "admin")
        return self.token("admin", PASSWORD, project)

    def region(self, name: str, cinder_url: str, keystone_url: str | None = None) -> None:
        """Name a region's Cinder, by its URL before the version, and its Keystone in the catalog."""
        self.ask("PUT", f"/regions/{name}", {"region": {}})
        self.endpoint("block-storage", name, "public", f"{cinder_url}/v3/%(project_id)s")
        self.endpoint("identity", name, "public", keystone_url or self.url)

    def endpoint(self, service: str, region: str, interface: str, url: str) -> None:
        """Name an endpoint of a service, which is made unless it is there."""
        found = self.ask("GET", f"/services?type={service}")["services"]
        made = found or [self.ask("POST", "/services", {"service": {"type": service, "name": service}})["service"]]
        body = {"service_id": made[0]["id"], "region_id": region, "interface": interface, "url": url}
        self.ask("POST", "/endpoints", {"endpoint": body})
