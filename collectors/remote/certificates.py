"""By which certificates a server is known."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from ioledger.errors import ConfigurationError

if TYPE_CHECKING:
    from collectors.remote.settings import RemoteSettings

MEND_UNTRUSTED: Final = (
    "name the authority that signed the certificate in ca_file, or trust whoever answers with verify_tls = false"
)
"""What to do where a certificate is not trusted."""


def tls_context(settings: RemoteSettings) -> ssl.SSLContext:
    """Return how TLS is spoken, as the settings say; ConfigurationError for a ``ca_file`` that is none."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # ssl.SSLError is one
        reason = "it holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(
            f"the ca_file {settings.ca_file} cannot be used: {reason}; name a readable file of certificates in PEM"
        ) from error
    if not settings.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
