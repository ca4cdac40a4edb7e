"""The connection to a vCenter or an ESXi host: one session, kept between runs, and faults as sentences."""

from __future__ import annotations

import ssl
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, TypeVar
from xml.parsers.expat import ExpatError

from pyVmomi import SoapStubAdapter, vim, vmodl
from pyVmomi.VmomiSupport import versionMap

from collectors.remote.calls import Calls
from collectors.remote.certificates import MEND_UNTRUSTED, tls_context
from collectors.remote.unread import shortened, without_secrets
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from collectors.hypervisors.vsphere import VsphereSettings

API_VERSION: Final = "vim25/6.5"
"""The first version that tells of first class disks and of NVMe controllers; newer servers speak it too."""

READ_ONLY: Final = "give the user the role Read-only on the root folder, with propagation to children"

T = TypeVar("T")


class NoAnswerError(SourceError):
    """One request brought nothing; what else the server has may still be read.

    ``reason`` is worded to follow what was asked for and a colon. ``is_silent``: the server itself could
    not be reached, so the next request will hardly do better.
    """

    def __init__(self, reason: str, mend: str, *, is_silent: bool) -> None:
        super().__init__(f"{reason}; {mend}")
        self.reason = reason
        self.is_silent = is_silent


class Server:
    """A vCenter or host, for one thread at a time; every run begins with ``begin``."""

    def __init__(self, settings: VsphereSettings) -> None:
        self._settings = settings
        self._calls = Calls(settings.requests_per_second, _is_passing)
        self._instance: Any = None
        self._secrets: list[str] = []
        self._counters: list[Any] | None = None
        self.content: Any = None

    def begin(self) -> datetime:
        """Begin a run: log in, unless the session of an earlier run is still good; return the server's time.

        Raises SourceError where the server is not reached or refuses the login.
        """
        self._calls.begin(self._settings.run_seconds)
        if self._instance is not None:
            try:
                return self._now()
            except vim.fault.NotAuthenticated:  # the session was idle for too long, or the server started anew
                self._forget()
            except Exception as error:
                raise self._no_answer(error) from error
        try:
            self._log_in()
            return self._now()
        except vim.fault.InvalidLogin as error:
            raise SourceError(
                f"{self._settings.url} refuses the user name {self._settings.username!r} or its password; correct "
                "username or password"
            ) from error
        except Exception as error:
            raise self._no_answer(error) from error

    def ask(self, request: Callable[[], T]) -> T:
        """Make a request, up to three times where that may help; raises NoAnswerError.

        Raises SourceError where the run has had its time.
        """
        try:
            return self._calls.make(request)
        except Exception as error:
            raise self._no_answer(error) from error

    def counters(self) -> list[Any]:
        """Return what the server counts (``PerfCounterInfo``), asked for once per session; raises as ``ask``."""
        if self._counters is None:
            self._counters = self.property_of(self.content.perfManager, "perfCounter")
        return self._counters

    def property_of(self, thing: Any, name: str) -> Any:  # noqa: ANN401 - any managed object, any property
        """Return one property of one managed object; raises as ``ask``."""
        query = vmodl.query.PropertyCollector
        wanted = query.FilterSpec(
            objectSet=[query.ObjectSpec(obj=thing)],
            propSet=[query.PropertySpec(type=type(thing), pathSet=[name])],
        )
        collector = self.content.propertyCollector
        found = self.ask(lambda: collector.RetrievePropertiesEx([wanted], query.RetrieveOptions()))
        told = {each.name: each.val for content in found.objects for each in content.propSet}
        if name not in told:
            raise NoAnswerError(
                f"{self._settings.url} does not let {self._settings.username!r} read {name}",
                READ_ONLY,
                is_silent=False,
            )
        return told[name]

    def close(self) -> None:
        """Log out, as far as the server still answers."""
        if self._instance is not None:
            with suppress(Exception):
                self.content.sessionManager.Logout()
            self._forget()

    def _now(self) -> datetime:
        now: datetime = self._calls.make(self._instance.CurrentTime)
        return now

    def _log_in(self) -> None:
        settings = self._settings
        password = settings.password.reveal().get_secret_value()
        self._secrets = [password]
        stub = SoapStubAdapter(
            url=settings.url,
            version=versionMap[API_VERSION],
            sslContext=tls_context(settings) if settings.url.startswith("https") else None,
            httpConnectionTimeout=settings.timeout_seconds,
            connectionPoolTimeout=settings.run_seconds,
        )
        instance = vim.ServiceInstance("ServiceInstance", stub)
        try:
            self.content = self._calls.make(instance.RetrieveContent)
            self._calls.make(lambda: self.content.sessionManager.Login(settings.username, password))
        except Exception:
            stub.DropConnections()
            raise
        self._instance = instance
        self._secrets = [password, stub.GetSessionId() or ""]

    def _forget(self) -> None:
        if self._instance is not None:
            self._instance._stub.DropConnections()  # noqa: SLF001 - the vendor's own Disconnect does the same
        self._instance = self.content = self._counters = None

    def _no_answer(self, error: Exception) -> SourceError:
        """Say what a failed request means; an error that is a sentence already stays as it is."""
        if isinstance(error, SourceError):
            return error
        url = self._settings.url
        if isinstance(error, ssl.SSLCertVerificationError):
            return SourceError(
                f"{url} shows a certificate that is not trusted ({error.verify_message}); {MEND_UNTRUSTED}"
            )
        reason, mend = self._of_fault(error) if isinstance(error, vmodl.MethodFault) else self._of_silence(error)
        return NoAnswerError(f"{url} {reason}", mend, is_silent=not isinstance(error, vmodl.MethodFault))

    def _of_fault(self, fault: Any) -> tuple[str, str]:  # noqa: ANN401 - pyvmomi makes its classes
        user = self._settings.username
        if isinstance(fault, vim.fault.NotAuthenticated):
            return f"ended the session of {user!r}", "the next run logs in again"
        if isinstance(fault, vim.fault.NoPermission):
            return f"does not allow {user!r} what takes the privilege {fault.privilegeId}", READ_ONLY
        return f"answers {type(fault).__name__.rpartition('.')[2]}{self._quoted(fault.msg)}", "see the server's log"

    def _of_silence(self, error: Exception) -> tuple[str, str]:
        """Say the same of what is no fault; what is neither is a defect, and raised again."""
        if isinstance(error, TimeoutError):
            return f"does not answer within {self._settings.timeout_seconds} s", "see whether it is up"
        if _is_passing(error):
            return f"cannot be read{self._quoted(str(error) or type(error).__name__)}", "see whether it is up"
        raise error

    def _quoted(self, text: str | None) -> str:
        return f" ({shortened(without_secrets(text, self._secrets))})" if text else ""


def _is_passing(error: BaseException) -> bool:
    """Tell what a second request may help against: what happened on the way, not what the server decided."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return False
    return isinstance(error, OSError | HTTPException | ExpatError)
