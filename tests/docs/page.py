"""Runs a page of the documentation: its blocks in order, in one folder, as a reader would.

| block | what is done with it |
|---|---|
| console | each `$ command` runs in bash (`> ` continues it); what is shown must come (`...`: any) |
| python | runs; names stay from block to block |
| yaml | is read; `# name.yaml` on top writes it there; a program must pass `cogrow check` |
| json, toml, sql | is read |
| text, mermaid | is shown |

`exit=2` after the language says how the last command ends. `<!-- skip: reason -->` before a block leaves
it out, visibly. A `make` command is asked for what it would do (`make -n`): a page must not run the tests.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from markdown_it import MarkdownIt

from tests.house.tree import ROOT, committed

LONGEST_SECONDS = 300
SKIP = re.compile(r"<!--\s*skip:\s*(?P<reason>\S.*?)\s*-->\s*\Z", re.DOTALL)
FILE_NAME = re.compile(r"# (?P<name>[\w./-]+\.ya?ml)\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, the status its last command ends with, its text."""

    language: str
    status: int
    text: str
    line: int
    skip: str | None = None


@dataclass(frozen=True)
class Command:
    """A command a page shows, and the output it shows for it (None: none)."""

    text: str
    expected: str | None


def blocks(page: str) -> list[Block]:
    """Return the code blocks of a Markdown text in their order.

    Raises ValueError for a block that cannot be run as it stands there, or a skip that skips nothing.
    """
    found: list[Block] = []
    skip: str | None = None
    for token in MarkdownIt().parse(page):
        line = token.map[0] + 1 if token.map else 0
        if skip is not None and token.type not in {"fence", "code_block"}:
            raise ValueError(f"line {line}: a skip stands right before the block it skips")
        if token.type == "html_block" and "skip" in token.content:
            match = SKIP.match(token.content)
            if not match:
                raise ValueError(f"line {line}: write <!-- skip: reason -->")
            skip = match["reason"]
        elif token.type in {"fence", "code_block"}:
            language, _, option = token.info.strip().partition(" ")
            if not re.fullmatch(r"(exit=\d+)?", option):
                raise ValueError(f"line {line}: {option!r} is no option of a block")
            status = int(option.removeprefix("exit=") or 0)
            found.append(Block(language, status, token.content, line, skip))
            skip = None
    if skip is not None:
        raise ValueError("the last skip skips nothing")
    return found


def commands(text: str) -> list[Command]:
    """Return the commands of a console block, each with the output shown below it."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif not found:
            raise ValueError(f"a console block begins with a command, not {line!r}")
        elif not found[-1][1] and (line.startswith("> ") or line == ">"):
            found[-1][0].append(line[2:])
        elif not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line)
        else:
            found[-1][1].append(line)
    return [
        Command("\n".join(typed), "\n".join(shown) if any(map(str.strip, shown)) else None)
        for typed, shown in found
    ]


def agrees(expected: str, output: str) -> bool:
    """Tell whether `output` is what was `expected`: a line `...` stands for any lines, `...` for any text."""
    pattern = ""
    for line in expected.strip("\n").splitlines():
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.rstrip().split("...")) + r"\n"
    lines = [line.rstrip() for line in output.strip("\n").splitlines()]
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None


@dataclass
class Reader:
    """Someone who reads a page and types what it says, in a folder that holds the examples."""

    folder: Path
    cwd: Path = field(init=False)
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__page__"})

    def __post_init__(self) -> None:
        self.cwd = self.folder / "cogrow"
        self.cwd.mkdir()
        for path in committed(ROOT):
            name = path.relative_to(ROOT)
            if name.parts[0] == "examples":
                (self.cwd / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, self.cwd / name)

    def read(self, block: Block) -> None:
        """Do what `block` says. Raises AssertionError where it does not hold."""
        match block.language:
            case "console":
                self._console(block)
            case "python":
                code = compile("\n" * block.line + block.text, "<page>", "exec")
                exec(code, self.names)
            case "yaml":
                self._yaml(block)
            case "json":
                json.loads(block.text)
            case "toml":
                tomllib.loads(block.text)
            case "sql":
                sqlglot.parse(block.text, read="duckdb")
            case "text" | "mermaid":
                pass
            case other:
                raise AssertionError(f"{other!r}: no such kind of block; see tests/docs/page.py")

    def run(self, command: str) -> tuple[int, str]:
        """Type `command`; return its exit status and all it wrote. A `cd` lasts."""
        after = self.folder / "after"
        script = f'{command}\nstatus=$?\npwd > {shlex.quote(str(after))}\nexit "$status"\n'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.cwd,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "LANG": "C.UTF-8",
                "COLUMNS": "100",
                "NO_COLOR": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=LONGEST_SECONDS,
            check=False,
        )
        if after.exists():
            self.cwd = Path(after.read_text(encoding="utf-8").strip())
        return done.returncode, done.stdout

    def _console(self, block: Block) -> None:
        listed = commands(block.text)
        assert listed, "a console block shows a command"
        for number, command in enumerate(listed, start=1):
            makes = re.match(r"make\b", command.text)
            typed = (
                f"make -n -C {shlex.quote(str(ROOT))}{command.text[4:]}" if makes else command.text
            )
            status, output = self.run(typed)
            wanted = block.status if number == len(listed) else 0
            assert status == wanted, (
                f"$ {command.text}\nended with {status}, not {wanted}\n{output}"
            )
            if command.expected is not None:
                told = f"$ {command.text}\nwrote:\n{output}\nthe page shows:\n{command.expected}"
                assert makes or agrees(command.expected, output), told

    def _yaml(self, block: Block) -> None:
        data = yaml.load(block.text, Loader=yaml.BaseLoader)  # noqa: S506 - text only
        is_program = isinstance(data, dict) and "program" in data
        match = FILE_NAME.match(block.text.partition("\n")[0])
        if match or is_program:
            path = self.cwd / (match["name"] if match else f"{data['program']}.yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            if is_program:
                status, output = self.run(f"cogrow check {shlex.quote(str(path))}")
                assert status == block.status, output
