"""Files of one program share out its days among them, or say what is wrong with that."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from pathlib import Path

import pytest

from cogrow.errors import ProgramError
from cogrow.period import parse_period
from cogrow.programs.parse import load, parse_all
from cogrow.programs.program import Program
from cogrow.programs.versions import holds

PROGRAM = """\
program: trial
title: {zh: 试, en: Trial}
direction: commission
currency: CNY
period: {from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}
qualifying: {order_lines: all, dated_by: placed_at}
reward: {flat: {amount: 1 CNY}}
"""


def version(folder: Path, name: str, effective: str, *changes: tuple[str, str]) -> Path:
    """Write a version of the program with these days, and each of `changes` made in its text."""
    text = PROGRAM + (f"effective: {{{effective}}}\n" if effective else "")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def hash_of(path: Path) -> str:
    (program,), _ = load([path])
    return program.version


def days(paths: list[Path]) -> dict[str, tuple[str, str]]:
    """Return from when and until when each file's version holds."""
    found, _ = load(paths)
    return {Path(one.file).stem: _days(one) for one in found}


def _days(program: Program) -> tuple[str, str]:
    assert program.effective is not None
    return str(program.effective.start), str(program.effective.end or "")


def told(paths: list[Path]) -> list[tuple[str, str, str]]:
    """Return the file, the code and the path of every error."""
    return [
        (Path(one.file).stem, issue.code, issue.where.path)
        for one in parse_all(paths)
        for issue in one.issues
        if issue.code != "PRG034"
    ]


def test_each_version_ends_where_the_next_begins(tmp_path):
    paths = [
        version(tmp_path, "c", "from: 2025-10-01"),
        version(tmp_path, "a", "from: 2025-01-01"),
        version(tmp_path, "b", "from: 2025-02-15"),
    ]
    shared = {
        "a": ("2025-01-01", "2025-02-15"),
        "b": ("2025-02-15", "2025-10-01"),
        "c": ("2025-10-01", ""),
    }
    for order in permutations(paths):
        assert days(list(order)) == shared
    found, _ = load(paths)
    assert [Path(one.file).stem for one in found] == ["a", "b", "c"]


def test_a_restatement_takes_over_the_days_of_the_version_it_names(tmp_path):
    a = version(tmp_path, "a", "from: 2025-01-01")
    b = version(tmp_path, "b", "from: 2025-07-01")
    name = hash_of(a)[:8]
    r = version(tmp_path, "r", f"from: 2025-04-01, restates: {name}")
    whole = version(tmp_path, "s", f"from: 2025-04-01, restates: {hash_of(r)}")
    for order in permutations([a, b, r, whole]):
        assert days(list(order)) == {
            "a": ("2025-01-01", "2025-04-01"),
            "r": ("2025-04-01", "2025-04-01"),  # restated in its turn, and holds no day anymore
            "s": ("2025-04-01", "2025-07-01"),
            "b": ("2025-07-01", ""),
        }


def test_the_first_day_of_a_period_chooses_its_version(tmp_path):
    a = version(tmp_path, "a", "from: 2025-01-01")
    b = version(tmp_path, "b", "from: 2025-05-15")
    r = version(tmp_path, "r", f"from: 2025-01-01, restates: {hash_of(a)}")
    quarters = [parse_period(f"2025Q{n}") for n in (1, 2, 3, 4)]
    assert {
        Path(one.file).stem: [q.name for q in quarters if holds(one, q)]
        for one in load([a, b, r])[0]
    } == {"a": [], "r": ["2025Q1", "2025Q2"], "b": ["2025Q3", "2025Q4"]}


def test_where_orders_choose_a_period_has_every_version_that_overlaps_it(tmp_path):
    paths = [
        version(tmp_path, "a", "from: 2025-01-01, by: placed_at"),
        version(tmp_path, "b", "from: 2025-05-15, by: placed_at"),
        version(tmp_path, "c", "from: 2025-07-01, by: placed_at"),
    ]
    second = parse_period("2025Q2")
    assert [Path(p.file).stem for p in load(paths)[0] if holds(p, second)] == ["a", "b"]
    # One whose days are all restated has no say in the period they lie in.
    days = f"from: 2025-05-15, by: placed_at, restates: {hash_of(paths[1])}"
    paths.append(version(tmp_path, "r", days))
    assert [Path(p.file).stem for p in load(paths)[0] if holds(p, second)] == ["a", "r"]


@pytest.mark.parametrize("dated", [True, False])
def test_a_copy_is_no_version(tmp_path, dated):
    effective = "from: 2025-01-01" if dated else ""
    paths = [version(tmp_path, name, effective) for name in ("a", "b")]
    assert told(paths) == [("b", "PRG035", "program")]


def test_two_files_without_days_are_no_versions(tmp_path):
    paths = [
        version(tmp_path, "a", ""),
        version(tmp_path, "b", "", ("1 CNY", "2 CNY")),
        version(tmp_path, "c", "", ("1 CNY", "3 CNY")),
    ]
    assert told(paths) == [("b", "PRG035", "program"), ("c", "PRG035", "program")]


def test_a_version_says_from_when_it_holds(tmp_path):
    paths = [version(tmp_path, "a", ""), version(tmp_path, "b", "from: 2025-04-01")]
    assert told(paths) == [("a", "PRG070", "program")]
    (issue,) = [one for one in parse_all(paths)[0].issues if one.code == "PRG070"]
    assert str(issue.hint) == "From its first day: `effective: {from: 2025-01-01}`."


def test_two_versions_of_one_day_say_which_takes_over(tmp_path):
    a = version(tmp_path, "a", "from: 2025-04-01")
    b = version(tmp_path, "b", "from: 2025-04-01", ("1 CNY", "2 CNY"))
    assert told([a, b]) == [("b", "PRG071", "effective.from")]
    (issue,) = [one for one in parse_all([a, b])[1].issues if one.code == "PRG071"]
    assert f"restates: {hash_of(a)}" in str(issue.hint)
    version(tmp_path, "b", f"from: 2025-04-01, restates: {hash_of(a)}", ("1 CNY", "2 CNY"))
    assert told([a, b]) == []


@pytest.mark.parametrize("name", ["deadbeef", "{short}", "{own}0", "0123456789abcdef0"])
def test_what_is_restated_is_known(tmp_path, name):
    a = version(tmp_path, "a", "from: 2025-01-01")
    name = name.format(short=hash_of(a)[:7], own=hash_of(a))
    b = version(tmp_path, "b", f"from: 2025-04-01, restates: '{name}'")
    assert told([a, b]) == [("b", "PRG073", "effective.restates")]
    # Alone it may be right: the file of the other version is not there to tell.
    assert told([b]) == [("b", "PRG073", "effective.restates")]
    assert days([b]) == {"b": ("2025-04-01", "")}
    with pytest.raises(ProgramError):
        load([a, b])


def test_a_restatement_begins_among_the_days_it_takes_over(tmp_path):
    a = version(tmp_path, "a", "from: 2025-01-01")
    b = version(tmp_path, "b", "from: 2025-04-01")
    late = version(tmp_path, "late", f"from: 2025-07-01, restates: {hash_of(a)}")
    early = version(tmp_path, "early", f"from: 2025-03-01, restates: {hash_of(b)}")
    assert told([a, b, late]) == [("late", "PRG074", "effective.from")]
    assert told([a, b, early]) == [("early", "PRG074", "effective.from")]


def test_a_second_restatement_of_the_same_days_names_the_first(tmp_path):
    a = version(tmp_path, "a", "from: 2025-01-01")
    r = version(tmp_path, "r", f"from: 2025-04-01, restates: {hash_of(a)}")
    s = version(tmp_path, "s", f"from: 2025-05-01, restates: {hash_of(a)}")
    assert told([a, r, s]) == [("s", "PRG074", "effective.from")]


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ("currency: CNY", "currency: EUR", "currency"),
        ("from: 2025-01-01, until", "from: 2024-10-01, until", "period.from"),
        ("every: quarter", "every: month", "period.every"),
        ("Asia/Shanghai", "Asia/Tokyo", "period.timezone"),
        ("from: 2025-04-01", "from: 2025-04-01, by: placed_at", "effective.by"),
    ],
)
def test_what_no_version_may_change(tmp_path, before, after, path):
    a = version(tmp_path, "a", "from: 2025-01-01")
    changes = [(before, after)]
    if path == "currency":
        changes.append(("1 CNY", "1 EUR"))
    b = version(tmp_path, "b", "from: 2025-04-01", *changes)
    assert told([a, b]) == [("b", "PRG075", path)]


def test_a_program_of_one_period_keeps_its_last_day(tmp_path):
    once = ("every: quarter", "every: once")
    a = version(tmp_path, "a", "from: 2025-01-01", once)
    longer = ("until: 2026-01-01", "until: 2026-02-01")
    b = version(tmp_path, "b", "from: 2025-04-01", once, longer)
    assert told([a, b]) == [("b", "PRG075", "period.until")]
    a = version(tmp_path, "a", "from: 2025-01-01")
    b = version(tmp_path, "b", "from: 2025-04-01", longer)
    assert told([a, b]) == []


def test_an_error_in_one_version_is_told_beside_the_others(tmp_path):
    a = version(tmp_path, "a", "from: 2025-01-01")
    b = version(tmp_path, "b", "from: 2025-04-01", ("1 CNY", "1 EUR"))
    c = version(tmp_path, "c", "from: 2025-04-01", ("1 CNY", "2 CNY"))
    d = version(tmp_path, "d", "from: 2025-04-01", ("1 CNY", "3 CNY"))
    assert {code for _, code, _ in told([a, b, c, d])} == {"EXP001", "PRG071"}


def test_a_version_that_could_not_be_placed_is_complained_of_once(tmp_path):
    a = version(tmp_path, "a", "from: 2025-04-01")
    b = version(tmp_path, "b", "from: 2025-04-01", ("1 CNY", "2 CNY"))
    r = version(tmp_path, "r", f"from: 2025-05-01, restates: {hash_of(b)}")
    assert told([a, b, r]) == [("b", "PRG071", "effective.from")]
    assert date(2025, 4, 1) == parse_all([a])[0].program.effective.start  # type: ignore[union-attr]
