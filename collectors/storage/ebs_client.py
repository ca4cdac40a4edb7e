"""How AWS is asked: the clients, what goes wrong, and lists in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, PaginationError, SSLError
from botocore.parsers import ResponseParserError

from collectors.remote import unverified
from collectors.remote.calls import Calls
from collectors.remote.certificates import MEND_UNTRUSTED
from collectors.remote.unread import shortened, without_secrets
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from collectors.storage.ebs_settings import EbsSettings

FAILURES: Final = (BotoCoreError, ClientError, ResponseParserError)
"""What boto3 raises when a request fails: no answer, a refusal, or an answer that is none of AWS's."""

_ATTEMPTS: Final = 3
"""Of botocore's standard mode, which asks again after throttling, errors of the server and of the network."""

_REFUSED: Final = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
}
"""Codes of "Common error codes" of the Amazon EC2 and CloudWatch API references that asking again does not change."""

PAGE_ITEMS: Final = 500
"""The most that DescribeVolumes and DescribeVolumesModifications put on a page (MaxResults)."""


_ODD: Final = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What botocore's parsers raise where a member has a value of another type than the service's model says."""


class OddAnswerError(BotoCoreError):  # type: ignore[misc] # botocore has no types
    """An answer holds what AWS does not write."""

    fmt = "the answer is none of AWS's ({error})"


class Aws:
    """The clients of one account and region, made with credentials as they are now."""

    def __init__(self, settings: EbsSettings) -> None:
        keys: dict[str, str] = {}
        if settings.access_key_id is not None and settings.secret_access_key is not None:
            keys = {
                "aws_access_key_id": settings.access_key_id.reveal().get_secret_value(),
                "aws_secret_access_key": settings.secret_access_key.reveal().get_secret_value(),
            }
        self._secrets = tuple(keys.values())
        # botocore itself repeats what fails, but for what it cannot read, such as the error page of a proxy.
        self._calls = Calls(
            settings.requests_per_second, is_passing=lambda error: isinstance(error, ResponseParserError)
        )
        unverified.accept(settings.verify)
        options = {
            "endpoint_url": settings.endpoint_url,
            "verify": settings.verify,
            "config": Config(
                connect_timeout=settings.timeout_seconds,
                read_timeout=settings.timeout_seconds,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            ),
        }
        try:
            session = boto3.session.Session(
                region_name=settings.region, profile_name=settings.profile if not keys else None, **keys
            )
            self.ec2, self.cloudwatch, self.sts = (
                session.client(service, **options) for service in ("ec2", "cloudwatch", "sts")
            )
        except (*FAILURES, ValueError) as error:
            raise SourceError(f"AWS cannot be asked: {self.reason(error)}; correct the source's settings") from error

    def reason(self, error: Exception) -> str:
        """Say why a request failed, on one line and without secrets."""
        if isinstance(error, ClientError):
            told = error.response.get("Error", {})
            text = f"{told.get('Code', 'an error without a code')}: {told.get('Message') or 'AWS says no more'}"
        elif isinstance(error, ResponseParserError):
            text = f"the answer is none of AWS's ({error})"
        else:
            text = str(error) or type(error).__name__
        return shortened(without_secrets(text, self._secrets))

    def mend(self, error: Exception) -> str:
        """Say what to do where nothing can be listed."""
        return MEND_UNTRUSTED if isinstance(error, SSLError) else "`ioledger doctor` tells what is wrong"

    def begin(self, run_seconds: int) -> None:
        """Begin a run, which may take so long; then requests raise SourceError."""
        self._calls.begin(run_seconds)

    def ask(self, request: Callable[..., Any], **parameters: object) -> Any:  # noqa: ANN401 - boto3 has no types
        """Make one request; raises one of ``FAILURES``."""
        try:
            return self._calls.make(lambda: request(**parameters))
        except _ODD as error:
            raise OddAnswerError(error=f"{type(error).__name__}: {error}") from error

    def pages(self, request: Callable[..., Any], **parameters: object) -> Iterator[Mapping[str, Any]]:
        """Give a list's pages one by one; raises one of ``FAILURES``, after which the rest is not known."""
        token: str | None = None
        while True:
            page = self.ask(request, **parameters, **({"NextToken": token} if token else {}))
            yield page
            last, token = token, page.get("NextToken")
            if not token:
                return
            if token == last:
                raise PaginationError(message=f"the token {token!r} leads to itself")

    def close(self) -> None:
        """Let go of the connections."""
        for client in (self.ec2, self.cloudwatch, self.sts):
            client.close()


def is_refused(error: BaseException | None) -> bool:
    """Tell whether AWS refused who asks, or what is asked for."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _REFUSED
