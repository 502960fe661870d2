"""A change is compared in the world it would be made in: earlier periods, other programs, funds, versions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cogrow.operations.choose import one_program
from cogrow.operations.planning.plan import Planned, plan
from tests.operations.market import DUAL, LIMITS, market, program, quiet, sealed

FLATTER = DUAL.replace("rate: 1%", "rate: 2%").replace("rate: 3%", "rate: 2.5%")
RATE = "reward: {{{adds_up}rate: {{pays_on: net_sales, rate: {rate}}}}}\neffective: {{{days}}}\n"


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sealed(tmp_path_factory.mktemp("market") / "facts", market())


def write(folder: Path, file: str, terms: str, name: str = "trial", every: str = "quarter") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = program(folder, terms, name)
    text = path.read_text(encoding="utf-8").replace("every: quarter", f"every: {every}")
    path.unlink()
    path = folder / f"{file}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def monthly(folder: Path, file: str, rate: str, days: str, adds_up: str = "") -> Path:
    return write(folder, file, RATE.format(rate=rate, days=days, adds_up=adds_up), every="month")


def planned(old: Path, new: Path, facts: Path, *periods: str) -> Planned:
    return plan(str(old), str(new), facts, periods, date(2025, 8, 15), LIMITS, quiet)


def changes(found: Planned) -> dict[str, tuple[int, int]]:
    rows = found.table.to_pylist()
    return {row["merchant_id"]: (row["before_minor"], row["after_minor"]) for row in rows}


def test_where_orders_choose_only_the_orders_of_the_new_version_change(tmp_path, facts):
    """Of m1's sales, 950.00 are of April, a later refund of 50.50 taken off, and 250.00 of May."""
    days = "from: {}, by: placed_at"
    terms = RATE.format(rate="1%", adds_up="", days=days.format("2025-01-01"))
    old = write(tmp_path, "old", terms)
    restates = f", restates: {one_program(str(old)).version}"
    terms = RATE.format(rate="2%", adds_up="", days=days.format("2025-05-01") + restates)
    new = write(tmp_path, "new", terms)
    found = planned(old, new, facts)
    assert changes(found) == {
        "m1": (1_200, 950 + 500),
        "m2": (1_050, 2_100),
        "m3": (700, 1_400),
        "m4": (0, 0),
    }
    (quarter,) = found.periods
    assert (quarter.period.name, quarter.over, quarter.supposed) == ("2025Q2", True, False)
    assert (found.restates, found.appeared) == (True, ())
    assert quarter.compared.more_minor == 250 + 1_050 + 700


@pytest.mark.parametrize("first", ["2025-05-01", "2025-07-01"])
def test_what_adds_up_takes_off_what_was_earned_before_the_change(tmp_path, facts, first):
    """April was 1 % of 1,000.50, 10.01. Until the end of May, 1 % of 1,200.00 are 12.00, 2 % are 24.00.

    A version that begins later is compared as if it began with the period.
    """
    adds_up = "accumulate: program to date, "
    old = monthly(tmp_path, "old", "1%", "from: 2025-01-01", adds_up)
    new = monthly(tmp_path, "new", "2%", f"from: {first}", adds_up)
    found = planned(old, new, facts, "2025-05")
    assert changes(found)["m1"] == (1_200 - 1_001, 2_400 - 1_001)
    assert found.periods[0].supposed is (first == "2025-07-01")


def test_periods_before_and_after_the_new_version_begins_are_told_apart(tmp_path, facts):
    old = monthly(tmp_path, "old", "1%", "from: 2025-01-01")
    new = monthly(tmp_path, "new", "2%", "from: 2025-05-01")
    found = planned(old, new, facts, "2025-05", "2025-04")
    assert [(one.period.name, one.supposed) for one in found.periods] == [
        ("2025-05", False),
        ("2025-04", True),
    ]
    may, april = (one.compared for one in found.periods)
    assert (may.before_minor, may.after_minor) == (200 + 1_050, 399 + 2_100)
    assert (april.before_minor, april.after_minor) == (1_001, 2_001)
    assert found.compared.change_minor == may.change_minor + april.change_minor
    assert found.compared.gaining == 2


def test_programs_it_is_stacked_with_are_computed_beside_it(tmp_path, facts):
    """20.00 for everybody, or the rebate, whichever is more: m2's 10.50 was less, its 21.00 is more."""
    folder, best = tmp_path / "in-force", "stacking: {best_of: [trial, other]}\n"
    old = write(folder, "old", DUAL + best + "effective: {from: 2025-01-01}\n")
    write(folder, "other", "reward: {flat: {amount: 20 CNY}}\n" + best, "other")
    new = write(tmp_path, "new", FLATTER + best + "effective: {from: 2025-10-01}\n")
    found = planned(folder, new, facts, "2025Q2")
    assert changes(found) == {"m1": (3_600, 3_000), "m2": (0, 2_100), "m3": (0, 0), "m4": (0, 0)}
    assert found.beside == {"other": (6_000, 4_000)}
    assert found.lacking == ()
    document = found.as_json(str)
    assert document["stacked_with"] == [
        {"program": "other", "before_minor": 6_000, "after_minor": 4_000}
    ]
    alone = planned(old, new, facts, "2025Q2")
    assert changes(alone)["m2"] == (1_050, 2_100)
    assert (alone.beside, alone.lacking) == ({}, ("other",))


def test_a_fund_that_is_cut_still_shows_what_was_promised(tmp_path, facts):
    fund = "fund: {{id: purse, amount: {amount} CNY, per: period, exhausted: pro_rata}}\n"
    old = write(tmp_path, "old", DUAL + fund.format(amount=30))
    new = write(tmp_path, "new", FLATTER + fund.format(amount=60))
    found = planned(old, new, facts, "2025Q2")
    assert (found.compared.before_minor, found.compared.after_minor) == (3_000, 5_100)
    assert [
        (use.available_minor, use.liability_minor, use.short_minor)
        for use in found.funds
        if use is not None
    ] == [(3_000, 4_650, 1_650), (6_000, 5_100, 0)]
