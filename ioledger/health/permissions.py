"""Who may write and read what lies in a lake, and the configuration."""

from __future__ import annotations

import os
import stat
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ioledger.errors import counted
from ioledger.health.check import Check
from ioledger.lake import layout
from ioledger.users import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ioledger.app import App


def checks(app: App) -> Iterator[Check]:
    """Check who owns and may write the lake, and who may write the configuration."""
    if app.config_file.exists():
        yield configuration(app.config_file, app.config_file.stat().st_mode)
    lake = layout.require(app.lake())
    owners = owners_in(lake)
    yield access(lake, owners, _is_free_to_use)
    yield one_owner(lake, owners)
    yield closed(lake, owners)


def configuration(path: Path, mode: int) -> Check:
    """Tell whether others may change the configuration, and so what is read and with whose rights."""
    if mode & stat.S_IWOTH:
        return Check("configuration", f"every user of this machine may write {path}", f"run `chmod o-w {path}`")
    return Check("configuration", f"{path} can be read, and not written by everybody")


def owners_in(lake: Path) -> dict[Path, tuple[int, int]]:
    """Return owner and mode of everything in a lake; what this user may not list, or is gone, is left out."""
    found = {}
    for directory, _, names in os.walk(lake):
        for path in (Path(directory), *(Path(directory, name) for name in names)):
            try:
                state = path.stat()
            except OSError:
                continue
            found[path] = (state.st_uid, state.st_mode)
    return found


def _is_free_to_use(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK | os.X_OK)


def access(lake: Path, owners: Mapping[Path, tuple[int, int]], is_free: Callable[[Path], bool]) -> Check:
    """Tell whether this user can list and write every directory of a lake."""
    directories = [path for path, (_, mode) in owners.items() if stat.S_ISDIR(mode)]
    refused = [path for path in directories if not is_free(path)]
    user = name_of(os.geteuid())
    if refused:
        return Check(
            "lake access",
            f"{user} cannot read and write {counted(len(refused), 'place')} in the lake, such as {refused[0]}",
            f"run doctor as the user who collects, or run `chown -R {user}: {lake}`",
        )
    return Check("lake access", f"{user} can read and write all of {counted(len(directories), 'place')}")


def one_owner(lake: Path, owners: Mapping[Path, tuple[int, int]]) -> Check:
    """Tell whether files belong to several users, as where somebody collected once as root."""
    by_owner = Counter(uid for uid, _ in owners.values())
    if len(by_owner) < 2:  # noqa: PLR2004 - more than one
        return Check("lake owner", f"all of it belongs to {name_of(owners[lake][0])}")
    shares = ", ".join(f"{count:,} to {name_of(uid)}" for uid, count in by_owner.most_common())
    owner = name_of(owners[lake][0])
    return Check(
        "lake owner",
        f"of its files and directories belong {shares}: what one makes, the others cannot replace",
        f"run `chown -R {owner}: {lake}`, and every job as {owner}",
    )


def closed(lake: Path, owners: Mapping[Path, tuple[int, int]]) -> Check:
    """Tell whether anybody may write the lake, and so what is billed, or look into it, and so at names and bills."""
    is_open = [path for path, (_, mode) in owners.items() if mode & stat.S_IWOTH]
    if is_open:
        return Check(
            "lake permissions",
            f"every user of this machine may write {counted(len(is_open), 'place')} in the lake, such as {is_open[0]}",
            f"run `chmod -R o-w {lake}`",
        )
    if _is_reached_by_all(lake):
        return Check(
            "lake permissions",
            f"every user of this machine may look into {lake}, and so at names and bills",
            f"run `chmod o-rwx {lake}`",
        )
    return Check("lake permissions", "nobody but its owner and group may write it or look into it")


def _is_reached_by_all(lake: Path) -> bool:
    """Tell whether no directory on the way to a lake, nor its own, keeps others out."""
    path = lake.resolve()
    return all(each.stat().st_mode & stat.S_IXOTH for each in (path, *path.parents))
