"""The demo's second half: from earnings to money, a line for each command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogrow.cli.ledger.page import page
from cogrow.cli.ledger.reports import show_statement, statement_data
from cogrow.cli.screen import Screen
from cogrow.embedded import Limits
from cogrow.errors import N_, message

if TYPE_CHECKING:
    from cogrow.operations.earn import Earned

WIDTH = 16


def tell_money(screen: Screen, out: Path, earned: Sequence[Earned], facts: Path) -> dict[str, Any]:
    """Live the life of the demo's money in `out`, show it, and return it as plain data."""
    from cogrow.operations.ledger.life import Life

    life = Life(out, earned, Limits())
    screen.say()
    screen.say(message(N_("5. From earnings to money: `cogrow ledger`")), bold=True)
    steps, day = [], None
    with screen.progress() as progress:
        for step in life.steps(facts, progress):
            shown = step.day.isoformat() if step.day != day else ""
            day = step.day
            screen.say(f"  {shown:10}  {step.verb:{WIDTH}}  {screen.t(step.says)}")
            said = screen.t(step.says)
            steps.append({"day": step.day.isoformat(), "command": step.verb, "says": said})
        statements, derived = life.statements(progress) if life.cast.followed else ([], {})
    if statements:
        screen.say()
        what = N_("6. What {merchant} reads, month by month")
        screen.say(message(what, merchant=life.cast.followed), bold=True)
    for one in statements:
        show_statement(screen, one, {n: replace(x, sentences=()) for n, x in derived.items()})
    file = out / "statements.html"
    if statements:
        text = page(statements, screen.translate, derived, screen.language)
        file.write_text(text, encoding="utf-8")
        screen.say(f"→ {file}")
    data = [statement_data(screen, one, derived) for one in statements]
    return {"books": life.url, "steps": steps, "statements": data}
