"""How much memory a process has had."""

from pathlib import Path


def peak_bytes(process: int | str = "self") -> int:
    """Return the most memory that this process has had, or the one of a process id."""
    # Unlike getrusage, this does not remember what the process was before it became Python.
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kilobytes) * 1024
