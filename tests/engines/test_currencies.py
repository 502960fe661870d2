"""Which currencies facts name is known of their seal: where it is the program's alone, no row is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.embedded import Limits
from cogrow.engines.plan import Plan
from cogrow.engines.run import run_programs
from cogrow.errors import DataError
from cogrow.facts import FactFiles
from cogrow.sources import seal
from cogrow.sources.adding import add
from tests.engines.test_agreement import Q2, SALES, program
from tests.fact_files import write
from tests.operations.market import market, seal_of

LIMITS = Limits(threads=1)
THINGS = SALES.replace("100%}}", "100%}, per: product}")


def unknown(facts: FactFiles) -> FactFiles:
    """Return the facts as a seal that says nothing of currencies would."""
    tables = {name: replace(one, currencies=None) for name, one in facts.tables.items()}
    return replace(facts, tables=tables)


def sealed_again(folder: Path) -> FactFiles:
    facts = seal.read(folder)
    assert facts is not None
    return facts


def earned(facts: FactFiles, body: str = SALES) -> tuple[Plan, pa.Table]:
    (ran,) = run_programs([(program(body), Q2)], facts, LIMITS)
    return ran.plan, ran.table


def refused(facts: FactFiles, body: str = SALES) -> bool:
    try:
        earned(facts, body)
    except DataError as error:
        assert [issue.code for issue in error.issues] == ["FCT103"]
        return True
    return False


@pytest.mark.parametrize("body", [SALES, THINGS], ids=["sales", "things"])
def test_facts_in_the_programs_currency_are_not_asked_for_it(tmp_path, body):
    facts = seal_of(tmp_path, market())
    plan, table = earned(facts, body)
    asking, same = earned(unknown(facts), body)
    assert table == same
    assert "currency" not in plan.reads["orders"]
    assert "currency" in asking.reads["orders"]


@pytest.mark.parametrize("body", [SALES, THINGS], ids=["sales", "things"])
@pytest.mark.parametrize("table", ["orders", "refunds"])
def test_one_row_in_another_currency_is_enough_to_ask(tmp_path, table, body):
    rows = market()
    *others, last = rows[table]
    facts = seal_of(tmp_path, {**rows, table: [*others, {**last, "currency": "USD"}]})
    assert "USD" in (facts.currencies[table] or ())
    assert refused(facts, body)
    assert refused(unknown(facts), body)


def test_refunds_that_name_no_currency_have_that_of_their_order(tmp_path):
    rows = market()
    facts = seal_of(
        tmp_path, {**rows, "refunds": [{**r, "currency": None} for r in rows["refunds"]]}
    )
    assert facts.currencies["refunds"] == frozenset()
    plan, table = earned(facts)
    assert "currency" not in plan.reads["refunds"]
    assert table == earned(unknown(facts))[1]


def test_facts_in_another_currency_alone_are_refused(tmp_path):
    rows = market()
    facts = seal_of(
        tmp_path, {**rows, "orders": [{**row, "currency": "USD"} for row in rows["orders"]]}
    )
    assert facts.currencies["orders"] == frozenset({"USD"})
    assert refused(facts)


def test_facts_that_are_added_say_their_currency(tmp_path):
    folder = tmp_path / "facts"
    seal_of(folder, market())
    order, line = market()["orders"][-1], market()["order_lines"][-1]
    more = {
        "orders": [{**order, "order_id": "usd", "currency": "USD"}],
        "order_lines": [{**line, "order_id": "usd"}],
    }
    new = tmp_path / "new"
    new.mkdir()
    for name, one in write(tmp_path / "made", more).tables.items():
        Path(one.paths[0]).rename(new / f"{name}.parquet")
    assert not refused(sealed_again(folder))
    add(new, folder, LIMITS)
    facts = sealed_again(folder)
    assert facts.currencies["orders"] == frozenset({"CNY", "USD"})
    assert refused(facts)


def test_a_seal_that_does_not_say_so_of_every_file_says_nothing(tmp_path):
    whole = write(tmp_path, market(), files=2).tables
    files = {name: [Path(path) for path in one.paths] for name, one in whole.items()}
    seal.write(tmp_path, files)
    assert sealed_again(tmp_path).currencies["orders"] == frozenset({"CNY"})
    content = json.loads((tmp_path / seal.NAME).read_bytes())
    del content["tables"]["orders"]["files"][1]["currencies"]
    (tmp_path / seal.NAME).write_text(json.dumps(content), encoding="utf-8")
    assert sealed_again(tmp_path).currencies["orders"] is None


def test_the_currencies_of_a_file_are_all_that_its_rows_name(tmp_path):
    rows = market()["orders"]
    many = [{**rows[0], "order_id": f"x{n}"} for n in range(5_000)]
    many[4_321]["currency"] = "JPY"
    facts = write(tmp_path, {"orders": many})
    path = Path(facts.tables["orders"].paths[0])
    pq.write_table(pq.read_table(path), path, row_group_size=700)
    assert seal.write(tmp_path, {"orders": [path]}).currencies["orders"] == frozenset(
        {"CNY", "JPY"}
    )


def test_only_a_text_is_a_currency(tmp_path):
    path = tmp_path / "wishes.parquet"
    pq.write_table(pa.table({"merchant_id": ["m1"], "currency": pa.array([7], pa.int64())}), path)
    assert seal.write(tmp_path, {"wishes": [path]}).currencies == {"wishes": None}
