"""What the hypervisor sources share."""

from __future__ import annotations


class UnreadableGuestError(Exception):
    """One guest, or one part of it, could not be read; the others go on.

    The message is the reason, worded so that it can follow the guest's name and a colon. It never
    leaves the area: the source turns it into rows of state ``error`` and a partial run.
    """


def unreadable_guests(failures: dict[str, str], guests: int) -> str | None:
    """Say in one sentence how many of ``guests`` could not be read, and why the first could not.

    ``failures`` holds the reason by guest, in the order in which they were met; None without any.
    """
    if not failures:
        return None
    name, reason = next(iter(failures.items()))
    which = "the first is" if len(failures) > 1 else "it is"
    return f"{len(failures)} of {guests} guests could not be read in full; {which} {name}: {reason}"
