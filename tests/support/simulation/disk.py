"""What a disk holds when the power fails: a model beside the real files, which libraries need to read.

A file has the content that was flushed last, and writes since. A directory has the names that were
flushed last, and changes since. Only flushing makes anything last: that of a file its content, that of a
directory its names. What was not flushed survives a power cut in part, as a seed chooses, in any order:
POSIX promises no more.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

SECTOR_BYTES: Final = 512
"""A write is torn where one sector ends and another begins."""

KEPT_APART: Final = ".locks"
"""A directory whose names and content mean nothing after a power cut: locks are held by processes."""


@dataclass(eq=False)
class File:
    """A file: its content now, the content that was flushed last, and the writes and truncations since."""

    now: bytearray = field(default_factory=bytearray)
    flushed: bytes = b""
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def write(self, offset: int, content: bytes) -> None:
        _write(self.now, offset, content)
        self.since.append((offset, content))

    def truncate(self, length: int) -> None:
        _truncate(self.now, length)
        self.since.append((length, None))

    def flush(self) -> None:
        self.flushed = bytes(self.now)
        self.since.clear()

    def left(self, random: Random) -> bytes:
        """Choose what a power cut leaves of the content."""
        content = bytearray(self.flushed)
        share = random.choice((0.0, 0.5, 1.0))
        for offset, written in self.since:
            if random.random() >= share:
                continue
            if written is None:
                _truncate(content, offset)
            else:
                sectors = len(written) // SECTOR_BYTES
                is_torn = random.random() < 0.3
                _write(content, offset, written[: random.randint(0, sectors) * SECTOR_BYTES] if is_torn else written)
        return bytes(content)


@dataclass(eq=False)
class Directory:
    """A directory: its names now, and those that were flushed last."""

    now: dict[str, Node] = field(default_factory=dict)
    flushed: dict[str, Node] = field(default_factory=dict)


Node = File | Directory


@dataclass(eq=False)
class _Change:
    """A change of names in one directory that was not flushed; None where a name goes."""

    directory: Directory
    names: dict[str, Node | None]


class Disk:
    """The files below one real directory, and what would be left of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tree = Directory()
        self._since: list[_Change] = []
        self._read(root, self._tree)

    def file(self, path: str) -> File:
        found = self._node(path)
        assert isinstance(found, File), path
        return found

    def holds(self, path: str) -> bool:
        directory, name = self._place(path)
        return name in directory.now

    def made(self, path: str, node: Node) -> None:
        """Note that a file or a directory was made."""
        directory, name = self._place(path)
        self._changed(directory, {name: node})

    def renamed(self, path: str, target: str) -> None:
        (directory, name), (into, new_name) = self._place(path), self._place(target)
        node = directory.now[name]
        if directory is into:
            self._changed(directory, {name: None, new_name: node})
        else:
            self._changed(into, {new_name: node})
            self._changed(directory, {name: None})

    def removed(self, path: str) -> None:
        directory, name = self._place(path)
        self._changed(directory, {name: None})

    def flush(self, path: str) -> None:
        """Make a file's content last, or a directory's names."""
        node = self._node(path)
        if isinstance(node, File):
            node.flush()
            return
        for change in [change for change in self._since if change.directory is node]:
            _apply(change.names, node.flushed)
            self._since.remove(change)

    def lose_power(self, random: Random) -> None:
        """Choose what is left, and put it in the place of the real files."""
        self.compare()
        if random.random() < 0.5:  # as a file system with a journal does: nothing later without all before
            survivors = self._since[: random.randint(0, len(self._since))]
        else:
            share = random.choice((0.0, 0.3, 0.7, 1.0))
            survivors = [change for change in self._since if random.random() < share]
        for change in survivors:
            _apply(change.names, change.directory.flushed)
        self._since.clear()
        self._settle(self._tree, random)
        for path in self.root.iterdir():
            if path.name != KEPT_APART:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        _put(self.root, self._tree)

    def compare(self) -> None:
        """See that the model has what is really there, so that no write passed unseen."""
        real = {path: path.read_bytes() for path in _files(self.root)}
        modelled = dict(_contents(self.root, self._tree))
        assert real.keys() == modelled.keys(), sorted(map(str, real.keys() ^ modelled.keys()))
        assert not [path for path in real if real[path] != modelled[path]]

    def _settle(self, directory: Directory, random: Random) -> None:
        directory.now = dict(directory.flushed)
        for _, node in sorted(directory.now.items()):
            if isinstance(node, Directory):
                self._settle(node, random)
            else:
                node.now = bytearray(node.left(random))
                node.flush()

    def _read(self, path: Path, directory: Directory) -> None:
        for each in path.iterdir():
            if each.name == KEPT_APART:
                continue
            if each.is_dir():
                node: Node = Directory()
                self._read(each, node)
            else:
                content = each.read_bytes()
                node = File(bytearray(content), content)
            directory.now[each.name] = directory.flushed[each.name] = node

    def _changed(self, directory: Directory, names: dict[str, Node | None]) -> None:
        _apply(names, directory.now)
        self._since.append(_Change(directory, names))

    def _place(self, path: str) -> tuple[Directory, str]:
        *parents, name = os.path.relpath(path, self.root).split("/")
        directory = self._tree
        for parent in parents:
            found = directory.now[parent]
            assert isinstance(found, Directory)
            directory = found
        return directory, name

    def _node(self, path: str) -> Node:
        if os.path.relpath(path, self.root) == ".":
            return self._tree
        directory, name = self._place(path)
        return directory.now[name]


def _apply(names: dict[str, Node | None], entries: dict[str, Node]) -> None:
    for name, node in names.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


def _write(content: bytearray, offset: int, written: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(written)] = written


def _truncate(content: bytearray, length: int) -> None:
    if len(content) < length:
        content.extend(bytes(length - len(content)))
    del content[length:]


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file() and path.relative_to(root).parts[0] != KEPT_APART)


def _contents(at: Path, directory: Directory) -> Iterator[tuple[Path, bytes]]:
    for name, node in directory.now.items():
        if isinstance(node, Directory):
            yield from _contents(at / name, node)
        else:
            yield at / name, bytes(node.now)


def _put(at: Path, directory: Directory) -> None:
    for name, node in directory.now.items():
        if isinstance(node, Directory):
            (at / name).mkdir()
            _put(at / name, node)
        else:
            (at / name).write_bytes(node.now)
