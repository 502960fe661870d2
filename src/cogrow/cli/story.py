"""The demo: a marketplace, its programs, what merchants earned, why, and how it becomes money."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from cogrow.cli.ledger.story import tell_money
from cogrow.cli.screen import Screen
from cogrow.cli.show.explained import show_explained
from cogrow.cli.show.results import show_checked, show_earned, show_simulated
from cogrow.embedded import Limits
from cogrow.errors import N_, InvariantBroken, message
from cogrow.operations.check import check
from cogrow.operations.earn import Earned, as_json, earn
from cogrow.operations.explain import explain
from cogrow.operations.simulate import simulate_facts
from cogrow.operations.worked.examples import run_examples

#: Of the library, three that run by the quarter: one for each industry, each with another mechanism.
PROGRAMS = ("apparel-sprint-rebate", "beauty-new-product-rebate", "sports-new-merchant-ladder")
QUARTERS = ("2025Q2", "2025Q3")
START, END = date(2024, 1, 1), date(2026, 1, 1)


def tell(screen: Screen, out: Path, lines: int, seed: int) -> None:
    """Run the whole story into the folder `out`."""
    facts, earnings = out / "facts", out / "earnings"
    limits, names = Limits(), PROGRAMS
    screen.say(
        message(N_("1. A marketplace of {lines} order lines"), lines=f"{lines:,}"), bold=True
    )
    with screen.progress() as progress:
        made = simulate_facts(facts, lines, seed, START, END, progress)
    if not screen.as_json:
        show_simulated(screen, made)
    screen.say()
    screen.say(message(N_("2. The programs, checked, and their worked examples")), bold=True)
    if not screen.as_json:
        show_checked(screen, check(names))
    outcomes, _ = run_examples(names, limits)
    passed = sum(outcome.passed for outcome in outcomes)
    screen.say(
        message(
            N_("{passed} of {count} worked examples pay what they say."),
            passed=passed,
            count=len(outcomes),
        )
    )
    screen.say()
    screen.say(message(N_("3. What every merchant earned, two quarters")), bold=True)
    with screen.progress() as progress:
        earned, _ = earn(names, facts, QUARTERS, earnings, limits, progress)
    for one in earned:
        show_earned(screen, one)
    best, merchant = _told(earned)
    screen.say()
    screen.say(message(N_("4. Why {merchant} earned that"), merchant=merchant), bold=True)
    with screen.progress() as progress:
        found = explain(
            best.program.id,
            merchant,
            facts,
            best.period.name,
            rows=True,
            limits=limits,
            progress=progress,
        )
    show_explained(screen, found, most_rows=6)
    money = tell_money(screen, out / "ledger", earned, facts)
    _next(screen, out, best, merchant, money)
    explained = found.as_json(screen.translate)
    screen.data({"earnings": as_json(earned), "explanation": explained, "ledger": money})


def _told(earned: Sequence[Earned]) -> tuple[Earned, str]:
    """Return the first earnings that pay, and the smallest of its top movers: its rows fit a screen."""
    for one in earned:
        if one.summary.top:
            return one, one.summary.top[-1].merchant
    raise InvariantBroken(message(N_("The demo marketplace earns nothing.")))


def _next(screen: Screen, out: Path, best: Earned, merchant: str, money: Mapping[str, Any]) -> None:
    screen.say()
    screen.say(message(N_("Next, try:")), bold=True)
    program, period = best.program.id, best.period.name
    # In an environment that nobody has activated, the shell knows no other name.
    own = Path(sys.argv[0])
    cogrow = str(own) if own.stem == "cogrow" and shutil.which("cogrow") is None else "cogrow"
    for line in (
        f"explain {program} {merchant} --period {period} --facts {out / 'facts'} --rows",
        f"earn {program} --period 2025Q1 --facts {out / 'facts'} --out {out / 'earnings'}",
        f"ledger wallet show {merchant} --books {money['books']} --as alice",
        f"ledger audit --books {money['books']} --as bob",
        f"facts check {out / 'facts'}",
        "programs",
        "--lang zh demo",
    ):
        screen.say(f"  {cogrow} {line}")
