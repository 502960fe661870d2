"""Every check of a program with a bad example and what it says: read from the broken programs the tests
hold to it, so that what stands here is what comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cogrow.errors import Issue
from cogrow.programs.parse import parse
from docs.reference import meanings

BROKEN = Path(__file__).parents[2] / "tests" / "programs" / "broken"
WIDEST = 100

WHOLE = """program: complete
title: {zh: 例, en: Complete}
direction: commission
currency: CNY
period: {from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}
qualifying: {order_lines: all}
baseline: net_sales of the same quarter last year
reward: {growth: {pays_on: net_sales, tiers: [{from: 0, rate: 2%}]}}
"""

#: Codes of warnings, which no broken program has.
WARNINGS = {"PRG033": WHOLE, "PRG034": WHOLE}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A bad example: the line, and the issue that is told there."""

    line: str
    issue: Issue


def mistakes() -> Iterator[Mistake]:
    """Yield every issue of every broken program, in the order of their names."""
    for path in sorted(BROKEN.glob("*.yaml")):
        content = path.read_bytes()
        lines = content.decode("utf-8", "replace").splitlines()
        for issue in parse(content, path.name).issues:
            yield Mistake(_line(lines, issue), issue)
    for code, text in WARNINGS.items():
        for issue in parse(text.encode(), "x.yaml").issues:
            if issue.code == code:
                yield Mistake(_line(text.splitlines(), issue), issue)


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
