"""Ways to the command line: in this process, where only words matter, or as a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cogrow.cli.commands import run

COGROW = str(Path(sys.executable).parent / "cogrow")


@dataclass(frozen=True)
class Said:
    """What a run of cogrow said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return standard output as the one JSON document it must be."""
        return json.loads(self.out)


def heard(terminal: int) -> bytes:
    """Return what the other end of a terminal wrote next; nothing once it is closed."""
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says the other end is closed with EIO
        return b""


def cogrow(*arguments: object, env: Mapping[str, str] | None = None) -> Said:
    """Run cogrow in this process; neither of its streams is a terminal."""
    kept = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(bytes_, encoding="utf-8") for bytes_ in kept)
    code: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run([str(argument) for argument in arguments], env or {})
        except SystemExit as end:
            code = end.code or 0
    for stream in (out, err):
        stream.flush()
    return Said(code, *(bytes_.getvalue().decode() for bytes_ in kept))


def process(*arguments: object, **options: Any) -> Said:
    """Run cogrow as a process of its own; `options` as for subprocess.run."""
    command = [COGROW, *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    return Said(done.returncode, done.stdout, done.stderr)
