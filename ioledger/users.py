"""Names of the users of this machine."""

from __future__ import annotations

import pwd


def name_of(uid: int) -> str:
    """Return the name of a user; of one whom the machine does not know, the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
