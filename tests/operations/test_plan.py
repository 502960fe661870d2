"""A change of a program is told before it is made, to the cent, and undeclared changes of what is past."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.errors import DataError, NotFound, ProgramError
from cogrow.operations.choose import one_program
from cogrow.operations.planning.comparison import compare, fund_use, side_by_side
from cogrow.operations.planning.plan import Planned, plan
from cogrow.programs.program import Fund
from tests.operations.market import DUAL, LIMITS, market, program, quiet, sealed

#: The same promise at 2 % and 2.5 %: m2, at the floor, gains; m1, at the sprint, loses.
FLATTER = DUAL.replace("rate: 1%", "rate: 2%").replace("rate: 3%", "rate: 2.5%")

#: In the middle of the year: the second quarter of 2025 is over, the third is not.
MIDSUMMER = date(2025, 8, 15)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sealed(tmp_path_factory.mktemp("market") / "facts", market())


def version(folder: Path, file: str, terms: str, effective: str = "") -> Path:
    """Write a version of the program `trial` as `file`.yaml, from a day on where one is given."""
    text = terms + (f"effective: {{{effective}}}\n" if effective else "")
    folder.mkdir(parents=True, exist_ok=True)
    return program(folder, text).rename(folder / f"{file}.yaml")


def planned(old: Path, new: Path, facts: Path, *periods: str, as_of: date = MIDSUMMER) -> Planned:
    return plan(str(old), str(new), facts, periods, as_of, LIMITS, quiet)


def codes(found: Planned) -> list[str]:
    return [issue.code for issue in found.appeared]


def test_costs_and_changes_are_those_of_both_terms_on_the_same_facts(tmp_path, facts):
    """m1 sold 1,200.00: 3 % were 36.00, 2.5 % are 30.00. m2 sold 1,050.00: 1 % was 10.50, 2 % are 21.00."""
    old = version(tmp_path, "old", DUAL, "from: 2025-01-01")
    new = version(tmp_path, "new", FLATTER, "from: 2025-10-01")
    found = planned(old, new, facts, "2025Q2")
    sums = found.compared
    assert (sums.before_minor, sums.after_minor, sums.change_minor) == (4_650, 5_100, 450)
    assert (sums.more_minor, sums.less_minor) == (1_050, -600)
    assert (sums.gaining, sums.losing, sums.unchanged) == (1, 1, 2)
    assert [(c.merchant, c.before_minor, c.after_minor) for c in sums.up] == [("m2", 1_050, 2_100)]
    assert [(c.merchant, c.before_minor, c.after_minor) for c in sums.down] == [
        ("m1", 3_600, 3_000)
    ]
    assert [
        (c.sign, c.low_minor, c.high_minor, c.merchants, c.change_minor) for c in sums.classes
    ] == [(-1, 0, 1_000, 1, -600), (0, 0, 0, 2, 0), (1, 1_000, 10_000, 1, 1_050)]
    assert [(one.path, one.before, one.after) for one in found.terms] == [
        ("reward.retroactive.tiers[0].rate", "1%", "2%"),
        ("reward.retroactive.tiers[1].rate", "3%", "2.5%"),
        ("effective.from", "2025-01-01", "2025-10-01"),
    ]
    assert [(one.period.name, one.over, one.supposed) for one in found.periods] == [
        ("2025Q2", True, True)
    ]
    assert codes(found) == []
    assert not found.refused
    assert not found.restates


def test_every_merchant_has_a_row_with_both_sides(tmp_path, facts):
    old, new = version(tmp_path, "old", DUAL), version(tmp_path, "new", FLATTER)
    out = tmp_path / "deep" / "change.parquet"
    found = plan(str(old), str(new), facts, ["2025Q2"], MIDSUMMER, LIMITS, quiet, out)
    table = pq.read_table(out)
    assert table.equals(found.table)
    assert [list(row.values()) for row in table.to_pylist()] == [
        ["m1", "2025Q2", 3_600, 3_000, -600, 2, 2, "paid", "paid"],
        ["m2", "2025Q2", 1_050, 2_100, 1_050, 1, 1, "paid", "paid"],
        ["m3", "2025Q2", 0, 0, 0, 2, 2, "gate_not_passed", "gate_not_passed"],
        ["m4", "2025Q2", 0, 0, 0, 2, 2, "gate_not_passed", "gate_not_passed"],
    ]
    assert [path.name for path in out.parent.iterdir()] == ["change.parquet"]
    assert table.schema.metadata[b"cogrow.before"].decode() == one_program(str(old)).version
    assert table.schema.metadata[b"cogrow.after"].decode() == one_program(str(new)).version


def test_an_error_leaves_the_file_as_it_was(tmp_path, facts):
    old, new = version(tmp_path, "old", DUAL), version(tmp_path, "new", FLATTER)
    out = tmp_path / "change.parquet"
    out.write_bytes(b"before")
    ungated = [
        version(tmp_path, path.stem, path.read_text(encoding="utf-8").split("baseline > 0]\n")[1])
        for path in (old, new)
    ]
    with pytest.raises(DataError):
        plan(str(ungated[0]), str(ungated[1]), facts, ["2025Q4"], MIDSUMMER, LIMITS, quiet, out)
    assert out.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "change.parquet",
        "new.yaml",
        "old.yaml",
    ]


def test_a_restatement_says_what_is_owed_and_taken_back_in_each_period_that_is_over(
    tmp_path, facts
):
    old = version(tmp_path, "old", DUAL, "from: 2025-01-01")
    name = one_program(str(old)).version
    new = version(tmp_path, "new", FLATTER, f"from: 2025-04-01, restates: {name[:8]}")
    found = planned(old, new, facts)
    assert found.restates
    assert [
        (one.period.name, one.over, one.supposed, one.compared.more_minor, one.compared.less_minor)
        for one in found.periods
    ] == [("2025Q2", True, False, 1_050, -600)]
    assert codes(found) == []
    # A period that is not over is compared on request.
    (quarter,) = planned(old, new, facts, "2025Q2", as_of=date(2025, 6, 30)).periods
    assert (quarter.over, quarter.supposed) == (False, False)


@pytest.mark.parametrize(
    ("as_of", "refused"),
    [(date(2025, 6, 30), False), (date(2025, 7, 1), True), (date(2026, 7, 1), True)],
)
def test_a_change_of_what_is_over_is_declared(tmp_path, facts, as_of, refused):
    old = version(tmp_path, "old", DUAL, "from: 2025-01-01")
    new = version(tmp_path, "new", FLATTER, "from: 2025-04-01")
    found = planned(old, new, facts, "2025Q2", as_of=as_of)
    assert found.refused is refused
    assert codes(found) == ["PRG076"] * refused
    assert found.compared.change_minor == 450
    if refused:
        (issue,) = found.appeared
        quarters = "2025Q2, 2025Q3, 2025Q4" if as_of.year == 2026 else "2025Q2"
        assert f"periods that are over, {quarters}, without saying so" in str(issue.what)
        hint = f"`effective: {{from: 2025-04-01, restates: {found.old.version}}}`"
        assert hint in str(issue.hint)
        assert (issue.where.line, issue.where.path) == (14, "effective.from")


def test_a_draft_without_days_is_compared_and_says_so(tmp_path, facts):
    old, new = version(tmp_path, "old", DUAL), version(tmp_path, "new", FLATTER)
    found = planned(old, new, facts, "2025Q2")
    assert codes(found) == ["PRG077"]
    assert not found.refused
    assert not found.periods[0].supposed  # as it stands it would hold in every period
    assert found.compared.change_minor == 450


def test_the_version_in_force_is_the_one_whose_days_hold_the_period(tmp_path, facts):
    folder = tmp_path / "in-force"
    version(folder, "one", DUAL.replace("3%", "9%"), "from: 2025-01-01")
    two = version(folder, "two", DUAL, "from: 2025-04-01")
    new = version(tmp_path, "new", FLATTER, "from: 2025-10-01")
    (folder / "other.yaml").write_text("program: other\nnonsense: 1\n", encoding="utf-8")
    for place in (new, version(folder, "new", FLATTER, "from: 2025-10-01")):
        found = planned(folder, place, facts, "2025Q2")
        assert found.old.version == one_program(str(two)).version
        assert found.compared.before_minor == 4_650
    with pytest.raises(ProgramError, match="These periods belong to several versions"):
        planned(folder, new, facts, "2025Q1", "2025Q2")


@pytest.mark.parametrize(
    ("old", "effective", "error", "said"),
    [
        ("from: 2025-07-01", "from: 2025-10-01", NotFound, "is in force in 2025Q2"),
        ("from: 2025-04-01", "from: 2025-04-01", None, "PRG071"),
        ("", "from: 2025-10-01", None, "PRG070"),
        ("from: 2025-01-01", "from: 2025-10-01, restates: deadbeef", None, "PRG073"),
    ],
)
def test_what_could_not_stand_beside_the_versions_in_force_is_told(
    tmp_path, facts, old, effective, error, said
):
    was = version(tmp_path, "old", DUAL, old)
    new = version(tmp_path, "new", FLATTER, effective)
    if error is not None:
        with pytest.raises(error, match=said):
            planned(was, new, facts, "2025Q2", as_of=date(2025, 6, 1))
        return
    found = planned(was, new, facts, "2025Q2", as_of=date(2025, 6, 1))
    assert codes(found) == [said]
    assert found.refused
    assert found.periods[0].supposed
    assert found.compared.change_minor == 450


def test_programs_that_cannot_be_compared_are_refused(tmp_path, facts):
    old, new = version(tmp_path, "old", DUAL), version(tmp_path, "new", FLATTER)
    with pytest.raises(NotFound, match="There is no other version of program trial in"):
        planned(old, old, facts, "2025Q2")
    with pytest.raises(NotFound, match="has 4 periods; say which"):
        planned(old, new, facts)
    other = program(tmp_path, DUAL, "other")
    with pytest.raises(NotFound, match="There is no other version of program other in"):
        planned(old, other, facts, "2025Q2")
    with pytest.raises(ProgramError, match="Amounts in CNY and in EUR cannot be compared"):
        euros = new.read_text(encoding="utf-8").replace("CNY", "EUR")
        new.write_text(euros, encoding="utf-8")
        planned(old, new, facts, "2025Q2")
    for broken in (old, new):
        whole = broken.read_text(encoding="utf-8")
        broken.write_text(whole + "nonsense: 1\n", encoding="utf-8")
        with pytest.raises(ProgramError) as caught:
            planned(old, new, facts, "2025Q2")
        assert "PRG001" in {issue.code for issue in caught.value.issues}
        broken.write_text(whole, encoding="utf-8")


def test_warnings_of_one_side_only_are_told(tmp_path, facts):
    ungated = DUAL.replace("gates: [baseline > 0]\n", "")
    old, new = version(tmp_path, "old", ungated), version(tmp_path, "new", DUAL)
    found = planned(old, new, facts, "2025Q2")
    assert ([issue.code for issue in found.gone], codes(found)) == (["PRG033"], ["PRG077"])
    found = planned(new, old, facts, "2025Q2")
    assert ([issue.code for issue in found.gone], codes(found)) == ([], ["PRG077", "PRG033"])


def earnings(*rows: tuple[str, int, int | None, str]) -> pa.Table:
    names = ("merchant_id", "amount_minor", "tier", "reason")
    schema = pa.schema(zip(names, (pa.string(), pa.int64(), pa.int32(), pa.string()), strict=True))
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema)
    return table.append_column("limited_minor", table.column("amount_minor"))


def test_tier_and_reason_are_of_the_component_that_pays_most():
    before = earnings(
        ("b", 5, 1, "paid"), ("b", 7, None, "capped"), ("a", 0, 0, "no_tier_reached"),
        ("a", 0, 3, "condition_not_met"), ("c", 4, 1, "paid"), ("c", 4, 2, "capped"),
    )  # fmt: skip
    after = earnings(("d", 1, 1, "paid"), ("b", 12, 4, "paid"), ("a", -3, None, "paid"))
    rows = [list(row.values()) for row in side_by_side([before], [after]).to_pylist()]
    assert rows == [
        ["a", 0, -3, -3, 0, None, "no_tier_reached", "paid"],
        ["b", 12, 12, 0, None, 4, "capped", "paid"],
        ["c", 8, 0, -8, 1, None, "paid", None],
        ["d", 0, 1, 1, None, 1, None, "paid"],
    ]


def test_the_ten_largest_changes_each_way_are_told_largest_first():
    names = [f"m{n:02d}" for n in range(30)]
    before = earnings(*((name, 100, None, "paid") for name in names))
    after = earnings(*((name, 100 + n // 2 - 7, None, "paid") for n, name in enumerate(names)))
    sums = compare(side_by_side([before], [after]), "JPY")
    assert [(c.merchant, c.change_minor) for c in sums.up] == [
        ("m28", 7), ("m29", 7), ("m26", 6), ("m27", 6), ("m24", 5),
        ("m25", 5), ("m22", 4), ("m23", 4), ("m20", 3), ("m21", 3),
    ]  # fmt: skip
    assert [(c.merchant, c.change_minor) for c in sums.down][:3] == [
        ("m00", -7),
        ("m01", -7),
        ("m02", -6),
    ]
    assert (len(sums.down), sums.gaining, sums.losing, sums.unchanged) == (10, 14, 14, 2)
    # A yen has no minor unit: the first class ends at 10 yen.
    assert [(c.sign, c.high_minor, c.merchants) for c in sums.classes] == [
        (-1, 10, 14),
        (0, 0, 2),
        (1, 10, 14),
    ]


def test_classes_share_out_every_change():
    sizes = [1, 999, 1_000, 9_999, 10_000, 99_999_99, 100_000_00, 10**12]
    names = [f"m{n}" for n in range(2 * len(sizes))]
    changes = [*sizes, *(-size for size in sizes)]
    before = earnings(*((name, 0, None, "paid") for name in names))
    after = earnings(*((n, c, None, "paid") for n, c in zip(names, changes, strict=True)))
    up = [(0, 1_000, 2), (1_000, 10_000, 2), (10_000, 100_000, 1), (1_000_000, 10_000_000, 1),
          (10_000_000, None, 2)]  # fmt: skip
    found = compare(side_by_side([before], [after]), "CNY").classes
    assert [(c.low_minor, c.high_minor, c.merchants) for c in found] == [*reversed(up), *up]
    assert sum(c.change_minor for c in found) == 0


@pytest.mark.parametrize(
    ("per", "owed", "available", "short"), [("program", 330, 200, 130), ("period", 330, 400, 0)]
)
def test_what_is_owed_is_held_against_the_fund(per, owed, available, short):
    """Who is to give back 40 draws on no fund, nor does who gets another program's money instead."""
    quarter = earnings(
        ("a", 100, None, "paid"), ("a", 50, None, "paid"), ("b", -40, None, "paid"),
        ("c", 900, None, "stacked_out"),
    )  # fmt: skip
    other = earnings(("a", 180, None, "paid"), ("c", -10, None, "paid"))
    use = fund_use(Fund("f", 200, per), [[quarter], [other]])
    assert (use.liability_minor, use.available_minor, use.short_minor) == (owed, available, short)
