"""Services whose certificate is of an authority that nobody knows: refused, unless settings say otherwise."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from certificates import Authority
from http_proxy import proxied
from source_site import all_rigs, class_of

from collectors.beat import Beat
from collectors.remote.settings import RemoteSettings
from collectors.runner import collect_one
from ioledger.clock import SystemClock
from ioledger.config import validated
from ioledger.errors import IoledgerError
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from source_site import Rig

    from collectors.runner import Outcome

PATIENCE_SECONDS = 10


RIGS = {name: rig for name, rig in all_rigs().items() if issubclass(class_of(rig).Settings, RemoteSettings)}


class Service:
    """A service with TLS, and the settings of a source that reads it, but for those about trust."""

    def __init__(self, rig: Rig, settings: dict[str, object], ca_file: str) -> None:
        self._class = class_of(rig)
        self._settings = {**settings, "timeout_seconds": PATIENCE_SECONDS}
        self.ca_file = ca_file

    def _source(self, **trust: object) -> Any:  # noqa: ANN401 - any source
        return self._class(validated(self._class.Settings, {**self._settings, **trust}, "sources.tried"))

    def collect(self, lake: Path, **trust: object) -> Outcome:
        layout.create(lake)
        source = self._source(**trust)
        try:
            return collect_one(lake, "tried", source, Beat(lake, SystemClock(), ["tried"]))
        finally:
            source.close()

    def examined(self, **trust: object) -> list[str]:
        """Return what `doctor` says is to be mended."""
        source = self._source(**trust)
        try:
            return [check.mend for check in source.examine(SystemClock()) if check.mend is not None]
        except IoledgerError as error:
            return [str(error)]
        finally:
            source.close()


@pytest.fixture(scope="module", params=sorted(RIGS))
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Have the site of each source, behind a proxy with TLS where it has none itself."""
    rig = RIGS[request.param]
    with rig.running(3) as site, ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in site.environment.items():
            patch.setenv(name, value)
        settings = dict(site.settings)
        ca_file = settings.pop("ca_file", None)
        if ca_file is None:
            authority = Authority(tmp_path_factory.mktemp("tls") / "authority").make()
            ca_file = authority.file
            (key,) = (key for key, value in settings.items() if str(value).startswith("http://"))
            url = str(settings[key])
            proxy = stack.enter_context(proxied(url, tls=authority.server_context()))
            settings[key] = f"{proxy.url}{urlsplit(url).path}"
        yield Service(rig, settings, str(ca_file))


def test_an_unknown_authority_is_refused_and_the_sentence_says_how_to_mend_it(service: Service, tmp_path: Path) -> None:
    outcome = service.collect(tmp_path / "lake")
    assert (outcome.status, outcome.is_defect) == ("failed", False)
    assert "\n" not in str(outcome.error)
    assert "certificate" in str(outcome.error)
    told, _, mend = str(outcome.error).rpartition("; ")
    assert told
    assert "ca_file" in mend
    assert any("ca_file" in mend for mend in service.examined())


def test_an_authority_in_ca_file_is_trusted(service: Service, tmp_path: Path) -> None:
    outcome = service.collect(tmp_path / "lake", ca_file=service.ca_file)
    assert (outcome.status, outcome.error) == ("ok", None)
    assert service.examined(ca_file=service.ca_file) == []


def test_another_authority_in_ca_file_is_not(service: Service, tmp_path: Path) -> None:
    another = Authority(tmp_path / "authority").make()
    outcome = service.collect(tmp_path / "lake", ca_file=str(another.file))
    assert outcome.status == "failed"
    assert "certificate" in str(outcome.error)


def test_nobody_is_asked_for_a_certificate_that_is_trusted_where_verify_tls_is_off(
    service: Service, tmp_path: Path
) -> None:
    outcome = service.collect(tmp_path / "lake", verify_tls=False)
    assert (outcome.status, outcome.error) == ("ok", None)
