"""Earnings stay only while all they follow from is what it was; then neither plan nor rows are needed."""

from __future__ import annotations

import json
import subprocess
import sys
import zoneinfo
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import cogrow
from cogrow.engines.batch import prepare, terms
from cogrow.errors import EngineError
from cogrow.operations import earn as operation
from cogrow.operations.earn import READING, Earned, earn
from cogrow.sources import seal
from tests.fact_files import write
from tests.operations.market import (
    DUAL,
    LIMITS,
    Market,
    market,
    program,
    quiet,
    seal_of,
    two_versions,
)

Q1, Q2 = "2025Q1", "2025Q2"


def earned(tmp_path: Path, text: str = DUAL, *periods: str) -> list[Earned]:
    file = program(tmp_path, text)
    found, _ = earn(
        [str(file)], tmp_path / "facts", periods or [Q2], tmp_path / "out", LIMITS, quiet
    )
    return found


LIFETIME = "reward: {rate: {pays_on: net_sales, rate: 1%}}\nlimits: {lifetime: 10 CNY}\n"


def year() -> Market:
    """Return the market with one more order in each of the quarters after the second."""
    rows = market()
    for name, placed in (
        ("o7", datetime.fromisoformat("2025-08-01")),
        ("o8", datetime.fromisoformat("2025-11-01")),
    ):
        rows["orders"].append(rows["orders"][0] | {"order_id": name, "placed_at": placed})
        rows["order_lines"].append(rows["order_lines"][0] | {"order_id": name})
    return rows


def never(*_: object, **__: object) -> None:
    raise AssertionError("nobody needs this")


def test_what_is_kept_is_neither_planned_nor_read(tmp_path, monkeypatch):
    seal_of(tmp_path / "facts", market())
    (first,) = earned(tmp_path)
    monkeypatch.setattr(prepare, "compile_plan", never)
    monkeypatch.setattr(operation, "read_back", never)
    (again,) = earned(tmp_path)
    assert again.kept
    assert again.summary == first.summary


def test_a_later_version_takes_its_orders_from_the_one_before(tmp_path):
    """m3 sold 700.00 on 30 June: 10 % are 70.00, and 20 %, which hold from 1 June on, 140.00."""
    seal_of(tmp_path / "facts", market())
    names = two_versions(tmp_path, "net_sales", since="2025-06-01")

    def run(*files: str) -> list[tuple[bool, list[int]]]:
        """Earn with these versions; return, by version, whether its earnings were kept, and those."""
        found, _ = earn(files, tmp_path / "facts", [Q2], tmp_path / "out", LIMITS, quiet)
        return [(one.kept, pq.read_table(one.path)["amount_minor"].to_pylist()) for one in found]

    assert run(names[0]) == [(False, [120_00, 105_00, 70_00, 0])]
    both = [[120_00, 105_00, 0, 0], [0, 0, 140_00, 0]]
    assert run(*names) == [(False, amounts) for amounts in both]
    assert run(*names) == [(True, amounts) for amounts in both]


def test_another_version_of_cogrow_computes_anew(tmp_path, monkeypatch):
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    monkeypatch.setattr(terms, "own_hash", lambda: "another")
    assert [one.kept for one in earned(tmp_path)] == [False]
    assert [one.kept for one in earned(tmp_path)] == [True]


def test_another_column_of_the_facts_computes_anew(tmp_path):
    """Whoever is eligible, and what is measured, can depend on whether there is a column."""
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    rows = market()
    for row in rows["merchant_scores"]:
        row["late_rate"] = "0.5"
    seal_of(tmp_path / "facts", rows)
    assert [one.kept for one in earned(tmp_path)] == [False]


FESTIVAL = """\
program: fair
title: {zh: 试, en: Trial}
direction: commission
currency: CNY
period: {from: 2025-01-01, until: 2026-01-01, every: festival, festival: fair, timezone: Asia/Shanghai}
qualifying: {order_lines: all, dated_by: placed_at}
baseline: net_sales of the previous festival
reward: {rate: {pays_on: net_sales, rate: 1%}}
"""


@pytest.mark.parametrize(("moved", "kept"), [({}, True), ({"ends_on": date(2024, 5, 9)}, False)])
def test_another_calendar_computes_anew(tmp_path, moved, kept):
    """The days of the festival a year before are no part of the period, and of no file that is read."""
    rows = market()
    days = (date(2024, 5, 1), date(2024, 5, 3)), (date(2025, 5, 1), date(2025, 5, 3))
    rows["calendar"] = [{"name": "fair", "starts_on": start, "ends_on": end} for start, end in days]
    seal_of(tmp_path / "facts", rows)
    (tmp_path / "fair.yaml").write_text(FESTIVAL, encoding="utf-8")

    def run() -> list[bool]:
        found, _ = earn(
            [str(tmp_path / "fair.yaml")], tmp_path / "facts", ["fair-2025"], tmp_path / "out",
            LIMITS, quiet,
        )  # fmt: skip
        return [one.kept for one in found]

    run()
    rows["calendar"][0] |= moved
    seal_of(tmp_path / "facts", rows)
    assert run() == [kept]


def test_other_rules_of_a_time_zone_compute_anew(tmp_path, monkeypatch):
    """They decide when days begin, and stand neither in the program nor in cogrow."""
    seal_of(tmp_path / "facts", market())
    earned(tmp_path)
    rules = tmp_path / "zones" / "Asia" / "Shanghai"
    rules.parent.mkdir(parents=True)
    rules.write_bytes(b"other rules")
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path / "zones"),))
    terms.zone_hash.cache_clear()
    try:
        assert [one.kept for one in earned(tmp_path)] == [False]
    finally:
        terms.zone_hash.cache_clear()


@pytest.mark.parametrize("less", ["", "{", '{"looks":[],"asked":[]}', "fewer days"])
def test_earnings_cannot_say_that_they_read_less(tmp_path, less):
    """What they say they read is part of what they are made from, even where it is in the same files."""
    seal_of(tmp_path / "facts", market())
    (one,) = earned(tmp_path)
    table = pq.read_table(one.path)
    said = dict(table.schema.metadata)
    if less == "fewer days":  # of each step, the first of its windows
        reading = json.loads(said[READING])
        looks = [look | {"windows": look["windows"][:1]} for look in reading["looks"]]
        less = json.dumps(reading | {"looks": looks}, separators=(",", ":"))
    assert less.encode() != said[READING]
    pq.write_table(table.replace_schema_metadata({**said, READING: less.encode()}), one.path)
    assert [one.kept for one in earned(tmp_path)] == [False]


def test_any_changed_byte_of_the_code_is_another_cogrow(tmp_path):
    home = tmp_path / "cogrow"
    (home / "engines" / "steps").mkdir(parents=True)
    (home / "operations").mkdir()
    names = ("engines/steps/things.py", "operations/summary.py", "money.py")
    for name in names:
        (home / name).write_text("one = 1\n", encoding="utf-8")
    found = {terms.code_hash(home)}
    for name in names:
        (home / name).write_text("one = 2\n", encoding="utf-8")
        found.add(terms.code_hash(home))
    (home / "money.py").rename(home / "engines" / "money.py")
    found.add(terms.code_hash(home))
    assert len(found) == 5


def test_all_code_that_computes_counts_as_cogrow():
    """Whatever reading programs and computing them imports lies in the rooms whose code is hashed."""
    code = (
        "import sys, json, cogrow.engines.run, cogrow.engines.duckdb, cogrow.programs.parse\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('cogrow.')]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    rooms = {name.split(".")[1] for name in json.loads(found.stdout)}
    home = Path(cogrow.__path__[0])
    assert {room for room in rooms if (home / room).is_dir()} <= set(terms.ROOMS)


def test_earlier_earnings_that_cannot_be_read_are_named(tmp_path):
    """A quarter that builds on them does not take them for nothing."""
    seal_of(tmp_path / "facts", year())
    before, after = earned(tmp_path, LIFETIME, "2025Q2", "2025Q3")
    content = bytearray(before.path.read_bytes())
    content[4:1000] = bytes(996)
    before.path.write_bytes(bytes(content))
    after.path.unlink()
    with pytest.raises(EngineError, match=r"2025Q2\.parquet cannot be read"):
        earned(tmp_path, LIFETIME, "2025Q2", "2025Q3")
    before.path.unlink()
    assert [one.kept for one in earned(tmp_path, LIFETIME, "2025Q2", "2025Q3")] == [False, False]


def test_a_damaged_amount_is_not_read_as_another(tmp_path):
    """Pages carry checksums; without them, some damage is a number like any other."""
    seal_of(tmp_path / "facts", year())
    (one,) = earned(tmp_path)
    origin, content = operation.origin_of(one.path), one.path.read_bytes()
    assert origin is not None
    footer = pq.read_metadata(one.path).row_group(0)
    chunks = [footer.column(at) for at in range(footer.num_columns)]
    (paid,) = [chunk for chunk in chunks if chunk.path_in_schema == "amount_minor"]
    end = paid.data_page_offset + paid.total_compressed_size
    read = operation.read_back
    assert read(one.path, one.program.version, origin.inputs) is not None
    for at in range(end - 12, end):
        damaged = bytearray(content)
        damaged[at] ^= 1
        one.path.write_bytes(damaged)
        assert read(one.path, one.program.version, origin.inputs) is None


def test_earnings_that_come_to_something_else_than_they_say_are_not_built_on(tmp_path):
    """A row was changed, and the footer kept."""
    seal_of(tmp_path / "facts", year())
    before, after = earned(tmp_path, LIFETIME, "2025Q2", "2025Q3")
    table = pq.read_table(before.path)
    at, column = table.column_names.index("amount_minor"), table.column("amount_minor")
    pq.write_table(table.set_column(at, "amount_minor", pc.add(column, 1)), before.path)
    after.path.unlink()
    with pytest.raises(EngineError, match=r"2025Q2\.parquet cannot be read"):
        earned(tmp_path, LIFETIME, "2025Q2", "2025Q3")


def test_earnings_that_another_run_replaces_meanwhile_are_what_was_found(tmp_path, monkeypatch):
    seal_of(tmp_path / "facts", year())
    before, after = earned(tmp_path, LIFETIME, "2025Q2", "2025Q3")
    content = after.path.read_bytes()
    after.path.unlink()
    found_in = operation.found_in

    def watched(*where: Path) -> Any:
        find = found_in(*where)

        def found(*run: Any) -> Any:
            there = find(*run)
            if there is not None:
                other = tmp_path / "other.parquet"
                pq.write_table(pa.table({"merchant_id": ["m1"]}), other)
                other.replace(before.path)
            return there

        return found

    monkeypatch.setattr(operation, "found_in", watched)
    earned(tmp_path, LIFETIME, "2025Q3")
    assert after.path.read_bytes() == content


def test_only_what_is_built_upon_is_read(tmp_path, monkeypatch):
    seal_of(tmp_path / "facts", year())
    quarters = ["2025Q2", "2025Q3", "2025Q4"]
    first, second, third = earned(tmp_path, LIFETIME, *quarters)
    content = second.path.read_bytes()
    second.path.unlink()
    read: list[Path] = []
    load = operation.read_back

    def watched(path: Path, *more: Any, **how: Any) -> pa.Table | None:
        read.append(path)
        return load(path, *more, **how)

    monkeypatch.setattr(operation, "read_back", watched)
    assert [one.kept for one in earned(tmp_path, LIFETIME, *quarters)] == [True, False, True]
    assert [path.stem for path in read] == [first.path.stem]
    assert second.path.read_bytes() == content
    assert third.path.is_file()


RETURNS = """\
program: freight
title: {zh: 试, en: Trial}
direction: environment
currency: CNY
period: {from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}
qualifying: {order_lines: all, returns: status = 'completed'}
reward:
  per: return
  when: days_between(orders.placed_at, returns.requested_at) <= 90
  cover: {pays_on: returns.freight, limit: 26 CNY}
"""


@pytest.mark.parametrize(("asked", "kept"), [("2025-08-02", True), ("2025-06-02", False)])
def test_a_return_of_other_days_leaves_what_is_paid_for_those_that_are_over(tmp_path, asked, kept):
    facts, rows = tmp_path / "facts", year()
    rows["returns"] = [
        {"return_id": f"t-{order}", "order_id": order, "status": "completed", "freight_minor": 1_200,
         "requested_at": datetime.fromisoformat(day)}
        for order, day in (("o3", "2025-05-02"), ("o6", asked))
    ]  # fmt: skip
    (tmp_path / "freight.yaml").write_text(RETURNS, encoding="utf-8")

    def run(number: int) -> Earned:
        """Earn from the facts with this many returns, each in a file of its own."""
        made = dict(write(facts, rows).tables)
        made |= write(facts, {"returns": rows["returns"][:number]}, files=number).tables
        seal.write(facts, {name: [Path(path) for path in one.paths] for name, one in made.items()})
        found, _ = earn(
            [str(tmp_path / "freight.yaml")], facts, [Q2], tmp_path / "out", LIMITS, quiet
        )
        return found[0]

    before, after = run(1), run(2)
    assert (before.summary.amount_minor, after.kept) == (1_200, kept)
    assert after.summary.amount_minor == 1_200 * (1 if kept else 2)
