"""What the kernel tells of its clock: adjtimex(2), asked without changing anything."""

from __future__ import annotations

import ctypes
from typing import Final, NamedTuple

_STA_UNSYNC: Final = 0x0040
"""linux/timex.h: nobody has kept the clock for so long that its error is unknown."""

_TIME_ERROR: Final = 5


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex`` of linux/timex.h, and room for its rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


class KernelClock(NamedTuple):
    """Whether a daemon keeps the clock, and how wrong it is at most, which grows while nobody sets it."""

    is_kept: bool
    most_error_milliseconds: int


def kernel_clock() -> KernelClock | None:
    """Ask the kernel; None where this process may not."""
    told = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(told))
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    is_kept = state != _TIME_ERROR and not told.status & _STA_UNSYNC
    return KernelClock(is_kept, told.maxerror // 1000)
