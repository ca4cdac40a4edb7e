"""How Cinder and Keystone are asked: the login, single requests, and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from keystoneauth1 import exceptions
from keystoneauth1.adapter import Adapter
from openstack.config.loader import OpenStackConfig
from openstack.exceptions import ConfigException

from collectors.remote import unverified
from collectors.remote.calls import Calls, seconds_after
from collectors.remote.certificates import MEND_UNTRUSTED
from collectors.remote.unread import shortened, without_secrets
from ioledger.errors import SourceError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keystoneauth1.session import Session
    from openstack.config.cloud_region import CloudRegion
    from requests import Response

    from collectors.controlplanes.cinder_settings import CinderSettings

_PASSING: Final = frozenset((408, 429, 500, 502, 503, 504))
NOT_FOUND: Final = 404
_REFUSED: Final = (401, 403)

_SECRETS: Final = ("password", "token", "application_credential_secret", "passcode")
"""The keys of ``auth`` in clouds.yaml that hold one."""


class CinderError(Exception):
    """A request that failed for good: why, on one line and without secrets; ``status`` where there was an answer.

    ``mend`` is what to do where there was none.
    """

    def __init__(
        self,
        reason: str,
        status: int | None = None,
        mend: str = "see that it can be reached from here, and what its log says",
    ) -> None:
        super().__init__(reason)
        self.status = status
        self._mend = mend

    @property
    def is_refused(self) -> bool:
        """Tell whether it is who asks that is not let in, or not allowed to ask this."""
        return self.status in _REFUSED

    def sentence(self) -> str:
        """Say what the whole run failed by, and what to do."""
        match self.status:
            case 401:
                return f"Keystone does not know who asks: {self}; correct the user, the password or the token"
            case 403:
                return f"Cinder does not allow what a run reads: {self}; give the role `admin` to who asks"
        return f"Cinder cannot be read: {self}; {self._mend}"


class _BadStatusError(Exception):
    """An answer that says that the request failed."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"HTTP {response.status_code}: {response.text or response.reason or 'no more is said'}")
        self.response = response


class Cinder:
    """One login, for one run: it ends with it."""

    def __init__(self, settings: CinderSettings) -> None:
        unverified.accept(settings.verify)
        try:
            region = _region(settings)
        except (ConfigException, exceptions.ClientException) as error:
            reason = shortened(str(error))
            raise SourceError(f"OpenStack cannot be asked: {reason}; correct the source's settings") from error
        auth: Mapping[str, object] = region.config.get("auth") or {}
        self._secrets = [str(auth[key]) for key in _SECRETS if auth.get(key)]
        self._calls = Calls(settings.requests_per_second, _is_passing, _retry_after_seconds)
        self._calls.begin(settings.run_seconds)
        session = self._session = region.get_session()
        # A token that was not made at a Keystone comes without a catalog: its endpoint is taken as it is.
        has_catalog = settings.endpoint is None
        self._block_storage = _adapter(session, region, "block-storage", "3" if has_catalog else None)
        self._identity = _adapter(session, region, "identity", "3") if has_catalog else None

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask Cinder for something, and return the object that it answers; raises CinderError."""
        return self._object(self.response(path, query), path)

    def projects(self) -> list[dict[str, Any]]:
        """Return the projects that Keystone lists; raises CinderError, as where no Keystone is known."""
        if self._identity is None:
            raise CinderError("no Keystone is named")
        projects = self._object(self._response(self._identity, "/projects", {}), "/projects").get("projects")
        if not isinstance(projects, list) or not all(isinstance(each, dict) and each.get("id") for each in projects):
            raise CinderError("the answer to /projects has no list of projects")
        return projects

    def response(self, path: str, query: Mapping[str, str] | None = None, microversion: str | None = None) -> Response:
        """Ask Cinder for something, and return all of the answer; raises CinderError."""
        return self._response(self._block_storage, path, query or {}, microversion)

    def close(self) -> None:
        """Let go of the connections."""
        self._session.session.close()

    def _response(
        self, adapter: Adapter, path: str, query: Mapping[str, str], microversion: str | None = None
    ) -> Response:
        def ask() -> Response:
            response: Response = adapter.get(
                path, params=dict(query), microversion=microversion, headers={"Accept": "application/json"},
                raise_exc=False,
            )  # fmt: skip
            if not response.ok:
                raise _BadStatusError(response)
            return response

        try:
            return self._calls.make(ask)
        except _BadStatusError as error:
            raise CinderError(self._reason(error), error.response.status_code) from error
        except exceptions.SSLError as error:
            raise CinderError(self._reason(error), mend=MEND_UNTRUSTED) from error
        except exceptions.ClientException as error:
            raise CinderError(self._reason(error), getattr(error, "http_status", None)) from error
        except UnicodeEncodeError as error:  # an id of its own answer
            reason = f"the next page of {path} would begin after {shown(error.object)}, which is no id"
            raise CinderError(reason) from error

    def _object(self, response: Response, path: str) -> dict[str, Any]:
        try:
            answer = response.json()
        except (ValueError, RecursionError) as error:
            raise CinderError(f"the answer to {path} is no JSON; is this a proxy's page?") from error
        if not isinstance(answer, dict):
            raise CinderError(f"the answer to {path} is no object of JSON")
        return answer

    def _reason(self, error: Exception) -> str:
        return shortened(without_secrets(str(error) or type(error).__name__, self._secrets))


def _region(settings: CinderSettings) -> CloudRegion:
    how: dict[str, Any] = {"api_timeout": settings.timeout_seconds, "region_name": settings.region}
    if settings.verify is not True:
        how |= {"verify": bool(settings.verify), "cacert": settings.verify or None}
    if settings.cloud is not None:
        files = None if settings.clouds_file is None else [str(settings.clouds_file)]
        # Variables of the environment would override what the file says, for whoever happens to have them.
        return OpenStackConfig(config_files=files, load_envvars=False).get_one(cloud=settings.cloud, **how)
    if settings.endpoint is not None and settings.token is not None:
        # Some endpoints lose their last part where another path is joined to one without a slash.
        endpoint = f"{settings.endpoint.rstrip('/')}/"
        auth = {"endpoint": endpoint, "token": settings.token.reveal().get_secret_value()}
        how |= {"auth_type": "admin_token"}
    else:
        auth = {
            "auth_url": settings.auth_url or "",
            "username": settings.username or "",
            "password": settings.password.reveal().get_secret_value() if settings.password else "",
            "project_name": settings.project or "",
            "user_domain_name": settings.user_domain,
            "project_domain_name": settings.project_domain,
        }
        how |= {"auth_type": "v3password"}
    return OpenStackConfig(load_yaml_config=False, load_envvars=False).get_one(auth=auth, **how)


def _adapter(session: Session, region: CloudRegion, service: str, version: str | None) -> Adapter:
    return Adapter(
        session,
        service_type=service,
        version=version,
        interface=region.get_interface(service),
        region_name=region.get_region_name(service),
        endpoint_override=region.get_endpoint(service),
    )


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, _BadStatusError):
        return error.response.status_code in _PASSING
    status = getattr(error, "http_status", None)
    return isinstance(error, exceptions.RetriableConnectionFailure) or status in _PASSING


def _retry_after_seconds(error: BaseException) -> float | None:
    response = getattr(error, "response", None)
    return seconds_after(response.headers.get("Retry-After")) if response is not None else None
