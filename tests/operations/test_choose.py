"""What is asked for by name is found, and each version of a program gets the periods it holds in."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cogrow.engines.batch import prepare
from cogrow.errors import DataError, NotFound, ProgramError
from cogrow.operations import earn as operation
from cogrow.operations.choose import one_run, periods_of, programs, runs_of
from cogrow.operations.earn import earn, result_path
from cogrow.operations.explain import explain
from cogrow.period import parse_period
from tests.operations.market import LIMITS, Market, market, program, quiet, sealed

FLAT = "reward: {{flat: {{amount: {amount} CNY}}}}\neffective: {{{days}}}\n"


def versions(folder: Path, by: str = "") -> list[str]:
    """Write two versions of a program: 1.00 a quarter, from July on 2.00."""
    folder.mkdir(exist_ok=True)
    for name, amount, first in (("one", 1, "2025-01-01"), ("two", 2, "2025-07-01")):
        path = program(folder, FLAT.format(amount=amount, days=f"from: {first}{by}"))
        path.rename(folder / f"{name}.yaml")
    return [str(folder / "one.yaml"), str(folder / "two.yaml")]


def test_each_period_is_computed_with_the_version_that_holds_in_it(tmp_path):
    facts, out = sealed(tmp_path / "facts", market()), tmp_path / "out"
    names = versions(tmp_path / "programs")
    earned, _ = earn(names, facts, ["2025Q2", "2025Q3"], out, LIMITS, quiet)
    one, two = programs(names)[0]
    for found, period, version, paid in zip(
        earned, ("2025Q2", "2025Q3"), (one, two), (100, 200), strict=True
    ):
        assert found.path == out / "trial" / f"{period}.parquet"
        table = pq.read_table(found.path)
        assert set(table.column("version").to_pylist()) == {version.version}
        assert table.column("amount_minor").to_pylist() == [paid] * 4


def test_a_period_of_another_version_is_said(tmp_path):
    names = versions(tmp_path / "programs")
    one, two = programs(names)[0]
    with pytest.raises(NotFound) as caught:
        periods_of(one, ["2025Q3"])
    assert str(caught.value) == (
        "2025Q3 of program trial belongs to another version; "
        f"these hold: {one.version} 2025-01-01..2025-06-30."
    )
    with pytest.raises(NotFound, match=rf"these hold: {two.version} 2025-07-01\.\.\."):
        runs_of(programs(names[1:])[0], ["2025Q1"])
    with pytest.raises(NotFound, match="Program trial has no period 2026Q1"):
        runs_of([one, two], ["2026Q1"])


def test_without_a_name_the_only_period_of_all_versions(tmp_path):
    one, two = programs(versions(tmp_path))[0]
    with pytest.raises(NotFound, match=r"has 4 periods; say which, e\.g\. --period 2025Q1"):
        runs_of([one, two], [])
    for path in tmp_path.glob("*.yaml"):
        text = path.read_text(encoding="utf-8").replace("every: quarter", "every: once")
        path.write_text(text, encoding="utf-8")
    one, two = programs([str(tmp_path)])[0]
    assert [(found.version, period.name) for found, period in runs_of([one, two], [])] == [
        (one.version, "2025")
    ]


def test_an_explanation_takes_the_version_of_its_period(tmp_path):
    names = versions(tmp_path / "programs")
    one, two = programs(names)[0]
    for period, version in (("2025Q2", one), ("2025Q4", two)):
        found, _, _ = one_run(str(tmp_path / "programs"), period)
        assert found.version == version.version
    program(tmp_path / "programs", FLAT.format(amount=1, days="from: 2025-01-01"), "other")
    with pytest.raises(ProgramError, match="holds several programs; name one"):
        one_run(str(tmp_path / "programs"), "2025Q2")


def test_where_orders_choose_results_of_two_versions_stand_side_by_side(tmp_path):
    chosen, _ = programs(versions(tmp_path, ", by: placed_at"))
    first, second = parse_period("2025Q2"), parse_period("2025Q3")
    assert [len(periods_of(one, ["2025Q2", "2025Q3"], chosen)) for one in chosen] == [1, 1]
    paths = {result_path(one, period) for one in chosen for period in (first, second)}
    assert paths == {
        Path("trial") / f"{period}.{one.version[:8]}.parquet"
        for one in chosen
        for period in (first, second)
    }


SOLD = """\
reward: {{rate: {{pays_on: net_sales, rate: {rate}%}}}}
effective: {{from: {first}, by: placed_at}}
"""


def by_order(folder: Path) -> list[str]:
    """Write two versions of a program that each order chooses from: 10 %, for those from 30 June on 20 %."""
    for name, rate, first in (("one", 10, "2025-01-01"), ("two", 20, "2025-06-30")):
        program(folder, SOLD.format(rate=rate, first=first)).rename(folder / f"{name}.yaml")
    return [str(folder / "one.yaml"), str(folder / "two.yaml")]


def until_june() -> Market:
    """Return the market without the order of its last day."""
    facts = market()
    for table in ("orders", "order_lines"):
        facts[table] = [row for row in facts[table] if row["order_id"] != "o6"]
    return facts


def test_a_version_without_an_order_yet_is_no_hindrance_to_the_other(tmp_path):
    facts, names = sealed(tmp_path / "facts", until_june()), by_order(tmp_path)
    for kept in (False, True):
        earned, _ = earn(names, facts, ["2025Q2"], tmp_path / "out", LIMITS, quiet)
        paid = [pq.read_table(one.path).column("amount_minor").to_pylist() for one in earned]
        assert paid == [[12_000, 10_500, 0, 0], [0, 0, 0, 0]]
        assert [one.kept for one in earned] == [kept, kept]


def test_versions_that_are_all_there_are_neither_planned_nor_read(tmp_path, monkeypatch):
    facts, names = sealed(tmp_path / "facts", until_june()), by_order(tmp_path)
    earn(names, facts, ["2025Q2"], tmp_path / "out", LIMITS, quiet)
    monkeypatch.setattr(prepare, "compile_plan", None)
    monkeypatch.setattr(operation, "read_back", None)
    earned, _ = earn(names, facts, ["2025Q2"], tmp_path / "out", LIMITS, quiet)
    assert [one.kept for one in earned] == [True, True]


def test_a_period_without_an_order_of_any_version_is_an_error(tmp_path):
    """Also where what one of them measured, nothing, is there already."""
    facts, names = sealed(tmp_path / "facts", until_june()), by_order(tmp_path)
    earn(names, facts, ["2025Q2"], tmp_path / "out", LIMITS, quiet)
    one = Path(names[0])
    text = one.read_text(encoding="utf-8").replace("all, dated", "quantity > 9, dated")
    one.write_text(text, encoding="utf-8")
    for period in ("2025Q2", "2025Q4"):
        with pytest.raises(DataError) as caught:
            earn(names, facts, [period], tmp_path / "out", LIMITS, quiet)
        assert [str(issue.what) for issue in caught.value.issues] == [
            f"No fact of {period} counts for program trial."
        ]


def test_a_version_takes_off_what_the_one_before_it_paid(tmp_path):
    """m1 sold 1,000.50 in April, when 1 % were 10.01, and 1,200.00 until the end of May: 2 % are 24.00."""
    facts = sealed(tmp_path / "facts", market())
    for name, rate, first in (("one", "1%", "2025-01-01"), ("two", "2%", "2025-05-01")):
        adds_up = "accumulate: program to date, " if name == "two" else ""
        terms = f"reward: {{{adds_up}rate: {{pays_on: net_sales, rate: {rate}}}}}\n"
        path = program(tmp_path, f"{terms}effective: {{from: {first}}}\n")
        text = path.read_text(encoding="utf-8").replace("every: quarter", "every: month")
        path.unlink()
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    for path in (tmp_path / "one.yaml", tmp_path / "two.yaml"):
        (tmp_path / "programs").mkdir(exist_ok=True)
        path.rename(tmp_path / "programs" / path.name)
    names = [str(tmp_path / "programs")]
    (april,), _ = earn(names, facts, ["2025-04"], tmp_path / "out", LIMITS, quiet)
    (may,), _ = earn(names, facts, ["2025-05"], tmp_path / "out", LIMITS, quiet)
    assert pq.read_table(april.path).column("amount_minor").to_pylist()[0] == 1_001
    assert pq.read_table(may.path).column("amount_minor").to_pylist()[0] == 2_400 - 1_001
    told = explain(names[0], "m1", facts, "2025-05", rows=False, limits=LIMITS, progress=quiet)
    assert told.earnings[0]["amount_minor"] == 2_400 - 1_001


def fairs(folder: Path) -> Path:
    """Seal facts with a fair in April of two years and one in June of the second."""
    days = [(date(year, 4, 29), date(year, 4, 30)) for year in (2024, 2025)]
    days.append((date(2025, 6, 29), date(2025, 7, 1)))
    rows = [{"name": "fair", "starts_on": first, "ends_on": last} for first, last in days]
    return sealed(folder, {**market(), "calendar": rows})


def at_the_fair(folder: Path) -> str:
    """Write a program that pays 10 % of net sales at each fair."""
    path = program(folder, "reward: {rate: {pays_on: net_sales, rate: 10%}}\n")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("quarter", "festival, festival: fair"), encoding="utf-8")
    return str(path)


def test_occasions_of_one_year_have_names_and_results_of_their_own(tmp_path):
    """m1 sold 1,000.50 at the one in April, m3 700.00 at the one in June."""
    facts, name, out = fairs(tmp_path / "facts"), at_the_fair(tmp_path), tmp_path / "out"
    april, june = "fair-2025", "fair-2025-06-29"
    earned, _ = earn([name], facts, ["2025-06-29..2025-07-01", april], out, LIMITS, quiet)
    assert [one.path.name for one in earned] == [f"{june}.parquet", f"{april}.parquet"]
    found = {one.period.name: pq.read_table(one.path) for one in earned}
    assert found[april].column("amount_minor").to_pylist() == [10_005, 0, 0, 0]
    assert found[june].column("amount_minor").to_pylist() == [0, 0, 7_000, 0]
    assert found[june].column("period").unique().to_pylist() == [june]
