"""Adding a day: new rows are checked against what is there, which stays as it is, byte for byte."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogrow.errors import DataError
from cogrow.facts import TABLES
from cogrow.sources import adding, pending, seal
from cogrow.sources.adding import Added, add
from cogrow.sources.conform import check, conform
from tests.sources.market import LIMITS, Market, at, csv_folder, market, parquet_folder, table_of


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """Return sealed facts of April 2025, with a refund in May."""
    conform(csv_folder(tmp_path / "in", market()), tmp_path / "facts", LIMITS)
    return tmp_path / "facts"


def day() -> Market:
    """Return what happens on 11 May: an order of two lines, and one of the first is given back."""
    old = market()
    order = old["orders"][0] | {"order_id": "o9", "placed_at": at("2025-05-11 10:00:00")}
    lines = [row | {"order_id": "o9"} for row in old["order_lines"][:2]]
    refund = old["refunds"][1] | {
        "refund_id": "r9",
        "order_id": "o1",
        "refunded_at": at("2025-05-11 11:00:00"),
    }
    return {"orders": [order], "order_lines": lines, "refunds": [refund]}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def of_facts(folder: Path) -> dict[str, bytes]:
    """Return the sealed files of facts by name."""
    found = seal.names(folder)
    assert found is not None and seal.read(folder) is not None
    return {name: content for name, content in contents(folder).items() if name in found}


def new(tmp_path: Path, facts: Market) -> Path:
    folder = tmp_path / "new"
    shutil.rmtree(folder, ignore_errors=True)
    return csv_folder(folder, facts)


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table_of(folder, table).to_pylist()
    return sorted(found, key=lambda row: [str(row[key]) for key in TABLES[table].key])


def codes(added: Added) -> dict[tuple[str, str], int | None]:
    return {(issue.code, issue.where.path): issue.count for issue in added.report.issues}


def test_a_day_is_further_files_and_what_was_there_stays(tmp_path: Path, facts: Path) -> None:
    before, version = of_facts(facts), seal.read(facts)
    added = add(new(tmp_path, day()), facts, LIMITS)
    assert added.report.issues == ()
    assert added.files == (
        "orders/2025-05-11.parquet",
        "order_lines/2025-05-11.parquet",
        "refunds/2025-05-11.parquet",
    )
    after = of_facts(facts)
    assert before.items() <= after.items()
    assert set(after) - set(before) == set(added.files)
    found = seal.read(facts)
    assert found is not None and version is not None
    assert found.version == added.version != version.version
    assert {name: found.tables[name].rows for name in day()} == {
        "orders": 6, "order_lines": 12, "refunds": 3,
    }  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["facts", "in", "new"]
    assert not (facts / pending.FOLDER).exists()


def test_the_same_facts_imported_or_added_are_the_same_rows(tmp_path: Path, facts: Path) -> None:
    both = market()
    for table, listed in day().items():
        both[table] += listed
    conform(csv_folder(tmp_path / "both", both), tmp_path / "whole", LIMITS)
    add(new(tmp_path, day()), facts, LIMITS)
    for table in day():
        assert rows(facts, table) == rows(tmp_path / "whole", table)
    # And only the month that got more is other bytes than it was.
    conform(csv_folder(tmp_path / "in", market()), tmp_path / "first", LIMITS)
    first, whole = of_facts(tmp_path / "first"), of_facts(tmp_path / "whole")
    assert {name for name in whole if whole[name] != first.get(name)} == {
        "orders/2025-05.parquet", "order_lines/2025-05.parquet", "refunds/2025-05.parquet",
    }  # fmt: skip


def test_what_is_there_already_counts_once(tmp_path: Path, facts: Path) -> None:
    first = add(new(tmp_path, day()), facts, LIMITS)
    before = contents(facts)
    again = add(new(tmp_path, market() | day()), facts, LIMITS)
    assert (again.files, again.version, again.report.issues) == ((), first.version, ())
    assert {name: again.known[name] for name in day()} == {
        "orders": 1, "order_lines": 2, "refunds": 1,
    }  # fmt: skip
    assert again.report.tables["orders"].repeated == 1
    assert contents(facts) == before


def test_other_content_is_quarantined_or_replaces(tmp_path: Path, facts: Path) -> None:
    before = of_facts(facts)
    late = {"orders": [market()["orders"][0] | {"status": "returned"}] * 2}
    added = add(new(tmp_path, late), facts, LIMITS)
    assert codes(added) == {("FCT020", "orders"): 1, ("FCT028", "orders"): 2} or codes(added) == {
        ("FCT028", "orders"): 2
    }
    assert added.report.tables["orders"].quarantined == 2
    assert of_facts(facts) == before
    (aside,) = (facts / "quarantine").glob("orders-*.parquet")
    assert {row["_codes"] for row in pq.read_table(aside).to_pylist()} == {"FCT028"}
    add(new(tmp_path, late), facts, LIMITS)
    assert list((facts / "quarantine").iterdir()) == [aside]  # the same rows set aside are one file

    other = market()["orders"][1] | {"order_id": "o8", "placed_at": at("2025-03-02 00:00:00")}
    add(new(tmp_path, {"orders": [other]}), facts, LIMITS)
    march = of_facts(facts)["orders/2025-03-02.parquet"]
    added = add(new(tmp_path, late), facts, LIMITS, replacing=frozenset({"orders"}))
    assert (added.files, added.gone) == (("orders/2025-04.2.parquet",), ("orders/2025-04.parquet",))
    assert added.replaced["orders"] == 1
    after = of_facts(facts)
    assert after["orders/2025-03-02.parquet"] == march
    apart = ("orders/", ".changes/")
    assert {name for name in after if not name.startswith(apart)} == {
        name for name in before if not name.startswith(apart)
    }
    assert [row["status"] for row in rows(facts, "orders")][0] == "returned"
    assert len(rows(facts, "orders")) == 6
    assert not (facts / "orders" / "2025-04.parquet").exists()


def test_a_row_that_moves_to_another_month_leaves_its_file(tmp_path: Path, facts: Path) -> None:
    moved = [market()["orders"][0] | {"placed_at": at("2025-06-01 00:00:00")}]
    added = add(new(tmp_path, {"orders": moved}), facts, LIMITS, replacing=frozenset({"orders"}))
    assert added.files == ("orders/2025-06-01.parquet", "orders/2025-04.2.parquet")
    assert pq.read_metadata(facts / "orders" / "2025-04.2.parquet").num_rows == 4
    assert len(rows(facts, "orders")) == 5


def test_new_rows_are_held_against_what_is_there(tmp_path: Path, facts: Path) -> None:
    old = market()
    facts_new = {
        "orders": [old["orders"][0] | {"order_id": "o7", "merchant_id": "m9"}],
        "order_lines": [
            old["order_lines"][0] | {"line_no": 3},  # of an order that is there
            old["order_lines"][0] | {"order_id": "o77"},
            old["order_lines"][0] | {"order_id": "o7"},
        ],
        # 7 of 4,004 were given back already.
        "refunds": [
            old["refunds"][1] | {"refund_id": "r3", "refunded_minor": 3996},
            old["refunds"][1] | {"refund_id": "r4", "refunded_minor": 2},
            old["refunds"][0] | {"refund_id": "r5", "order_id": "o3", "refunded_minor": 3002},
        ],
    }
    added = add(new(tmp_path, facts_new), facts, LIMITS)
    assert codes(added) == {
        ("FCT022", "orders.merchant_id"): 1,
        ("FCT022", "order_lines.order_id"): 1,
        ("FCT023", "order_lines.order_id"): 1,
        ("FCT024", "refunds.refunded_minor"): 2,
        ("FCT025", "refunds.refunded_minor"): 1,
    }
    assert added.files == ("order_lines/2025-04-09.parquet",)


def test_replacing_does_not_undercut_refunds(tmp_path: Path, facts: Path) -> None:
    """Of o1, 1,001 of line 1 were given back: it cannot turn out to have cost less."""
    old = market()
    cheaper = {"order_lines": [old["order_lines"][0] | {"paid_minor": 1000}]}
    added = add(new(tmp_path, cheaper), facts, LIMITS, replacing=frozenset({"order_lines"}))
    assert codes(added) == {("FCT029", "order_lines"): 1}
    dearer = {"order_lines": [old["order_lines"][0] | {"paid_minor": 1002}]}
    added = add(new(tmp_path, dearer), facts, LIMITS, replacing=frozenset({"order_lines"}))
    assert (codes(added), added.gone) == ({}, ("order_lines/2025-04.parquet",))


def test_columns_that_only_one_side_has(tmp_path: Path, facts: Path) -> None:
    later = {"orders": [day()["orders"][0] | {"channel": "live"}]}
    before = contents(facts)
    with pytest.raises(DataError) as error:
        add(new(tmp_path, later), facts, LIMITS)
    assert [(i.code, i.where.path) for i in error.value.issues] == [("FCT032", "orders.channel")]
    assert contents(facts) == before
    del later["orders"][0]["channel"], later["orders"][0]["status"]
    assert codes(add(new(tmp_path, later), facts, LIMITS)) == {("FCT033", "orders"): None}
    (last,) = (row for row in rows(facts, "orders") if row["order_id"] == "o9")
    assert last["status"] is None


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path, facts: Path) -> None:
    before = contents(facts)
    trial = add(new(tmp_path, day()), facts, LIMITS, dry_run=True)
    assert contents(facts) == before
    real = add(new(tmp_path, day()), facts, LIMITS)
    assert trial.as_json() | {"version": real.version, "dry_run": False} == real.as_json()


def test_tables_that_are_new_and_tables_of_one_file(tmp_path: Path, facts: Path) -> None:
    more: Market = {
        "merchants": [market()["merchants"][0] | {"merchant_id": "m4"}],
        "visits": [
            {"visit_id": f"v{n}", "merchant_id": "m4", "visitor_id": "w", "source": "onsite",
             "visited_at": at(f"2025-05-{n:02} 00:00:00")}
            for n in (3, 7)
        ],
    }  # fmt: skip
    added = add(new(tmp_path, more), facts, LIMITS)
    assert added.files == ("merchants/merchants.2.parquet", "visits/2025-05-03_2025-05-07.parquet")
    assert len(rows(facts, "merchants")) == 4


def test_what_cannot_be_added_to(tmp_path: Path, facts: Path) -> None:
    source = new(tmp_path, day())
    with pytest.raises(DataError, match="holds no sealed facts to add to"):
        add(source, tmp_path / "in", LIMITS)
    with pytest.raises(DataError, match="cannot also be where they are written"):
        add(facts, facts, LIMITS)
    with pytest.raises(DataError, match="No table is called order; rows of these"):
        add(source, facts, LIMITS, replacing=frozenset({"order"}))
    with pending._alone(facts), pytest.raises(DataError, match="Something else is adding"):
        add(source, facts, LIMITS)
    path = facts / "orders" / "2025-04.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="have changed"):
        add(source, facts, LIMITS)


def test_files_apart_from_the_new_keys_are_not_read(tmp_path: Path) -> None:
    """The rows of April cannot be read any more, and nobody notices: their ids lie elsewhere."""
    old = market()
    del old["refunds"]
    facts = tmp_path / "facts"
    conform(csv_folder(tmp_path / "in", old), facts, LIMITS)
    for table in ("orders", "order_lines"):
        path = facts / table / "2025-04.parquet"
        status, content = path.stat(), bytearray(path.read_bytes())
        first = pq.read_metadata(path).row_group(0).column(0).total_compressed_size
        content[4 : 4 + first] = b"\xff" * first
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    of_day = day()
    del of_day["refunds"]
    assert len(add(new(tmp_path, of_day), facts, LIMITS).files) == 2
    with pytest.raises(duckdb.Error):
        add(new(tmp_path, {"order_lines": [old["order_lines"][0] | {"line_no": 9}]}), facts, LIMITS)


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_whatever_is_added_keeps_the_contract(data: st.DataObject) -> None:
    """Facts that were added to, as a whole, are such that import has nothing to say of them."""
    import tempfile

    changes = st.fixed_dictionaries(
        {},
        optional={
            "merchant_id": st.sampled_from(["m1", "m2"]),
            "order_id": st.sampled_from(["o1", "o2", "o9"]),
            "line_no": st.sampled_from([1, 2, 3, None]),
            "paid_minor": st.sampled_from([1, 1001, 5000]),
            "refunded_minor": st.sampled_from([1, 900, 1001, 4000]),
            "refund_id": st.sampled_from(["r1", "r2", "r3"]),
            "placed_at": st.sampled_from([at("2025-04-02 00:00:00"), at("2025-05-02 00:00:00")]),
        },
    )
    old = market()
    made: Market = {}
    for table in ("orders", "order_lines", "refunds"):
        picked = data.draw(st.lists(st.tuples(st.sampled_from(old[table]), changes), max_size=5))
        made[table] = [
            row | {name: value for name, value in change.items() if name in row}
            for row, change in picked
        ]
    made = {table: listed for table, listed in made.items() if listed}
    if not made:
        return
    replacing = frozenset(data.draw(st.sets(st.sampled_from(sorted(made)))))
    with tempfile.TemporaryDirectory() as name:
        facts, source = Path(name) / "facts", parquet_folder(Path(name) / "new", made)
        conform(parquet_folder(Path(name) / "in", old), facts, LIMITS)
        add(source, facts, LIMITS, replacing=replacing)
        found = seal.read(facts)
        assert found is not None
        report = check(facts, LIMITS)
        assert report.issues == ()
        assert {n: t.written for n, t in report.tables.items()} == {
            n: t.rows for n, t in found.tables.items()
        }
        again = add(source, facts, LIMITS, replacing=replacing)
        assert again.files == () or again.replaced.values()


def with_a_change(tmp_path: Path) -> tuple[Path, Path, frozenset[str]]:
    """Return facts, and new rows for them: a day, an order that changed, and one that cannot be."""
    conform(csv_folder(tmp_path / "in", market()), tmp_path / "facts", LIMITS)
    changed = day()
    changed["orders"].append(market()["orders"][0] | {"status": "returned"})
    changed["orders"].append(market()["orders"][0] | {"order_id": "o99", "merchant_id": "m9"})
    return tmp_path / "facts", new(tmp_path, changed), frozenset({"orders"})


def test_at_any_moment_the_facts_are_the_old_or_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies on the disk before each step is what a crash then would leave: whole, and readable."""
    facts, source, replacing = with_a_change(tmp_path)
    old = of_facts(facts)
    moments: list[Path] = []
    states: list[dict[str, bytes]] = []

    def before(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def stepped(*given: Any, **named: Any) -> Any:
            state = contents(facts)
            if state not in states:
                states.append(state)
                moments.append(tmp_path / f"moment{len(states)}")
                for called, content in state.items():
                    (moments[-1] / called).parent.mkdir(parents=True, exist_ok=True)
                    (moments[-1] / called).write_bytes(content)
            return real(*given, **named)

        monkeypatch.setattr(owner, name, stepped)

    for owner, name in (
        (Path, "rename"), (Path, "replace"), (Path, "unlink"), (seal, "put"), (pending, "_tidy"),
        (adding, "copy"), (pending, "_kept"), (shutil, "rmtree"),
    ):  # fmt: skip
        before(owner, name)
    add(source, facts, LIMITS, replacing=replacing)
    monkeypatch.undo()
    done, everything = of_facts(facts), contents(facts)
    assert len(moments) > 10
    seen = []
    for moment in moments:
        left = of_facts(moment)
        assert left in (old, done)
        seen.append(left == done)
        if set(contents(moment)) - {seal.NAME} != set(left):
            assert check(moment, LIMITS).issues == ()  # what lies about is not read
        with pending.work_in(moment):
            pass
        assert of_facts(moment) == left
    assert seen == sorted(seen)
    assert (seen.count(False) > 5, seen.count(True) > 2) == (True, True)
    add(source, moments[seen.index(True) - 1], LIMITS, replacing=replacing)
    assert contents(moments[seen.index(True) - 1]).keys() == everything.keys()


#: Dies as the seal is about to be changed, as if the machine had stopped: nothing is cleaned up.
DIES = """
import os, sys
from pathlib import Path
from cogrow.embedded import Limits
from cogrow.sources import adding, seal

seal.put = lambda *given: os.kill(os.getpid(), 9)
adding.add(Path(sys.argv[1]), Path(sys.argv[2]), Limits(threads=1), replacing=frozenset({"orders"}))
"""


def test_killed_the_facts_are_the_old_ones_and_adding_again_is_all_it_takes(tmp_path: Path) -> None:
    facts, source, replacing = with_a_change(tmp_path)
    old = of_facts(facts)
    command = [sys.executable, "-c", DIES, str(source), str(facts)]
    assert subprocess.run(command, env=os.environ, check=False).returncode == -signal.SIGKILL
    assert (facts / "orders" / "2025-05-11.parquet").exists()
    assert of_facts(facts) == old
    add(source, facts, LIMITS, replacing=replacing)
    listed = {name for name in contents(facts) if not name.startswith("quarantine")}
    assert listed == {*of_facts(facts), seal.NAME}
