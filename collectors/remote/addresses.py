"""Addresses of services as settings give them; what is wrong with one is a ValueError, as pydantic wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def parts_of(url: str) -> SplitResult | None:
    """Take a URL apart; None for what names no host, or a port that cannot be."""
    try:
        parts = urlsplit(url)
        is_url = parts.hostname is not None and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if is_url else None


def host_address(url: str, what: str, example: str, *, with_path: bool) -> str:
    """Return the URL of a host that is asked by username and password; ValueError for what is none."""
    if "@" in url:  # before anything that quotes it
        raise ValueError("an address with credentials in it would be shown; give username and password as such")
    parts = parts_of(url)
    if (
        parts is None
        or parts.scheme not in ("https", "http")
        or parts.query
        or parts.fragment
        or (parts.path.strip("/") and not with_path)
    ):
        raise ValueError(f"{url!r} is no address of {what}; write it like {example}")
    return url
