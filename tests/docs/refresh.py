"""Puts what a page's commands write now where the page shows something else; read the difference.

python -m tests.docs.refresh PAGE...
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from pathlib import Path

from tests.docs.page import Block, Reader, agrees, blocks, commands


def refreshed(text: str, folder: Path) -> str:
    """Return a page with the output of every command as it comes now; the page is run in `folder`."""
    reader = Reader(folder)
    lines = text.splitlines(keepends=True)
    whole, upto = "", 0
    for block in blocks(text):
        if block.skip:
            continue
        if block.language != "console":
            with contextlib.chdir(reader.cwd):
                reader.read(block)
            continue
        start, length = block.line, len(block.text.splitlines())
        whole += "".join(lines[upto:start]) + _shown(block, reader)
        upto = start + length
    return whole + "".join(lines[upto:])


def _shown(block: Block, reader: Reader) -> str:
    """Return the text of a console block, outputs that no longer come replaced."""
    kept = block.text.splitlines(keepends=True)
    for command in commands(block.text):
        if re.match(r"make\b", command.text):
            continue
        _, output = reader.run(command.text)
        if command.expected is None or agrees(command.expected, output):
            continue
        now = "".join(f"{line.rstrip()}\n" for line in output.strip("\n").splitlines())
        kept = "".join(kept).replace(f"{command.expected}\n", now, 1).splitlines(keepends=True)
    return "".join(kept)


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as work:
            page.write_text(
                refreshed(page.read_text(encoding="utf-8"), Path(work)), encoding="utf-8"
            )
