"""Every check of a program with a bad example and what it says: read from the programs the tests hold to
it, so that what stands here is what comes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cogrow.embedded import Limits
from cogrow.errors import Issue, ProgramError
from cogrow.operations.worked.examples import run_examples
from cogrow.programs.parse import parse
from docs.reference import meanings

PROGRAMS = Path(__file__).parents[2] / "tests" / "programs"
WIDEST = 100

#: A program whose worked examples are wrong; these are found by `cogrow test`, where they are run.
TRIED = """program: tried
title: {zh: 例, en: Tried}
direction: commission
currency: CNY
period: {from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}
qualifying: {order_lines: all}
reward: {rate: {pays_on: net_sales, rate: 2%}}
examples:
"""
#: One that nobody keeps merchants without a baseline out of, and that carries no example.
BARE = TRIED.replace("examples:\n", "baseline: net_sales of the same quarter last year\n")
EXAMPLES = (
    "  - {it: a slip, given: {net_sale: 100}, pays: 2}\n",
    "  - {it: no amount, given: {net_sales: many}, pays: 2}\n",
    "  - {it: nothing given, given: {gmv: 100}, pays: 2}\n",
    "  - {it: no fact, given: {order_lines: [{payed: 100}]}, pays: 2}\n",
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A bad example: the line, and the issue that is told there."""

    line: str
    issue: Issue


def mistakes() -> Iterator[Mistake]:
    """Yield every issue of every broken or doubtful program, and of examples that cannot be run."""
    for path in sorted([*PROGRAMS.glob("broken/*.yaml"), *PROGRAMS.glob("warned/*.yaml")]):
        content = path.read_bytes()
        lines = content.decode("utf-8", "replace").splitlines()
        for issue in parse(content, path.name).issues:
            yield Mistake(_line(lines, issue), issue)
    for issue in parse(BARE.encode(), "tried.yaml").issues:
        yield Mistake(_line(BARE.splitlines(), issue), issue)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tried.yaml"
        for example in EXAMPLES:
            path.write_text(TRIED + example, encoding="utf-8")
            try:
                run_examples([str(path)], Limits(memory="400MB", threads=1))
            except ProgramError as error:
                for issue in error.issues:
                    yield Mistake(_line((TRIED + example).splitlines(), issue), issue)


def _line(lines: Sequence[str], issue: Issue) -> str:
    """Return the line an issue stands in; "" for the end of the file."""
    return lines[issue.where.line - 1] if issue.where.line <= len(lines) else ""


def checks() -> str:
    """Return a section per code, with one bad example of each sentence it can say."""
    shown: dict[str, dict[str, Mistake]] = {}
    for mistake in mistakes():
        code, sentence = mistake.issue.code, mistake.issue.what.msgid
        shown.setdefault(code, {}).setdefault(sentence, mistake)
    whole = ""
    for code in sorted(shown, key=lambda code: ("YML PRG EXP".index(code[:3]), code)):
        whole += f"## {code}\n\n{meanings.CODES[code]}\n\n"
        whole += "".join(_shown(mistake) for mistake in shown[code].values())
    return whole


def _shown(mistake: Mistake) -> str:
    column, line = mistake.issue.where.column, mistake.line
    if len(line) > WIDEST:  # a line of hundreds says no more than its beginning
        start = max(0, column - WIDEST // 2)
        line, column = line[start : start + WIDEST], column - start
    told = mistake.issue.text().rpartition(" (")[0]
    return f"```text\n{line.rstrip()}\n{' ' * (column - 1)}^ {told}\n```\n\n"
