"""Text that tells whether it still is what was written, for footers of files, of which Parquet keeps no checksum."""

from __future__ import annotations

import hashlib


def sealed(text: str) -> str:
    """Put the SHA-256 of a text, in hex, and a space before it."""
    return f"{_digest(text)} {text}"


def unsealed(stored: bytes) -> str | None:
    """Return a text that ``sealed`` gave, as it is stored in UTF-8; None if it is another by now."""
    digest, _, text = stored.decode(errors="replace").partition(" ")
    return text if digest == _digest(text) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
