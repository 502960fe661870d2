"""A disk of a few megabytes in a corner of the file system that only this test sees."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.door import COGROW, Said

#: Mounts the disk, says so, and keeps it until its input ends.
HOLD = 'mount -t tmpfs -o size="$1" none "$2" && echo ready && exec cat'


@dataclass(frozen=True)
class SmallDisk:
    """The disk: where it is, and the process in whose eyes it is there."""

    path: Path
    holder: int

    def sees(self, *command: object) -> subprocess.CompletedProcess[str]:
        """Run a command that sees the disk."""
        inside = ["nsenter", f"--target={self.holder}", "--user", "--mount"]
        words = [*inside, "--preserve-credentials", *(str(word) for word in command)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    def cogrow(self, *arguments: object) -> Said:
        """Run cogrow where it sees the disk."""
        done = self.sees(COGROW, *arguments)
        return Said(done.returncode, done.stdout, done.stderr)

    def files(self, under: str = "") -> dict[str, str]:
        """Return every file below, and the hash of its bytes; what fills the disk apart."""
        told = self.sees("find", self.path / under, "-type", "f", "-exec", "sha256sum", "{}", "+")
        lines = (line.split(maxsplit=1) for line in told.stdout.splitlines())
        return {name: digest for digest, name in lines if not name.endswith("/filler")}

    def fill(self, leave: str) -> None:
        """Leave so much room and no more."""
        self.sees("dd", "if=/dev/zero", f"of={self.path}/filler", "bs=1k")
        assert self.sees("truncate", f"--size=-{leave}", self.path / "filler").returncode == 0

    def empty(self) -> None:
        """Give the room back."""
        assert self.sees("rm", self.path / "filler").returncode == 0


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[SmallDisk]:
    """Yield a disk of `size` at `path`; skip the test where this machine lets nobody mount one."""
    path.mkdir()
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", HOLD, "sh", size, str(path)]
    try:
        held = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except FileNotFoundError:
        pytest.skip("no unshare on this machine")
    with held:
        assert held.stdout is not None
        if held.stdout.readline() != b"ready\n":
            pytest.skip("this machine lets no test mount a disk of its own")
        yield SmallDisk(path, held.pid)
        held.terminate()
