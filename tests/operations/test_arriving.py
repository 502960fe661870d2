"""What arrives is computed for those it is about: `earn` again, with a file of facts more."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.engines import run as running
from cogrow.engines.batch.affected import renewed
from cogrow.engines.scans import share
from cogrow.operations.earn import FILES, Earned, earn
from cogrow.sources import seal
from tests.fact_files import Row, write
from tests.operations import market as made
from tests.operations.market import DUAL, LIMITS, PROGRAM, Market, market, program, quiet
from tests.operations.test_kept import LIFETIME, year

Q2, Q3, Q4 = "2025Q2", "2025Q3", "2025Q4"
MAY, AUGUST = (datetime.fromisoformat(f"2025-0{month}-02 04:00") for month in (5, 8))

ORDER: Row = {"order_id": "n1", "merchant_id": "m1", "buyer_id": "b", "currency": "CNY"}
LINE: Row = {"order_id": "n1", "line_no": 1, "product_id": "p1", "quantity": 1, "paid_minor": 9_000}


@pytest.fixture
def anew(monkeypatch) -> list[set[str]]:
    """Return whom earnings were computed anew for, run by run, where that was not everybody."""
    found: list[set[str]] = []

    def watched(before, table):
        found.append(set(table.column("merchant_id").to_pylist()))
        return renewed(before, table)

    monkeypatch.setattr(running, "renewed", watched)
    return found


def arriving(folder: Path, facts: Market, later: Market) -> None:
    """Write facts, and those that arrive later into files of their own."""
    whole = {name: [*facts[name], *later.get(name, ())] for name in facts}
    files = {
        name: [Path(path) for path in one.paths]
        for name, one in write(folder, facts).tables.items()
    }
    named = write(folder / "like", whole).tables  # every file with the columns of all rows
    for name, rows in later.items():
        table = pq.read_table(named[name].paths[0]).slice(len(facts[name]), len(rows))
        files[name].append(folder / name / "later.parquet")
        pq.write_table(table, files[name][-1])
    seal.write(folder, files)


def earned(
    tmp_path: Path, text: str, *periods: str, keep: bool = True, beside: str = ""
) -> list[Earned]:
    """Earn a program with these terms, and another one beside it."""
    files = [program(tmp_path, text)] + [program(tmp_path, beside, "other")] * bool(beside)
    out = tmp_path / ("out" if keep else "scratch")
    names = [str(file) for file in files]
    found, _ = earn(names, tmp_path / "facts", periods, out, LIMITS, quiet, keep=keep)
    return found


def rows_of(found: list[Earned]) -> list[pa.Table]:
    """Return the rows of earnings, without what their files say of themselves."""
    return [pq.read_table(one.path).replace_schema_metadata(None) for one in found]


def both_days(
    tmp_path: Path,
    text: str,
    later: Market,
    *periods: str,
    facts: Market | None = None,
    beside: str = "",
) -> list[Earned]:
    """Earn before the later facts arrive and after, demand what is earned from nothing, and return it."""
    facts = facts or market()
    arriving(tmp_path / "facts", facts, {})
    earned(tmp_path, text, *periods, beside=beside)
    arriving(tmp_path / "facts", facts, later)
    after = earned(tmp_path, text, *periods, beside=beside)
    again = earned(tmp_path, text, *periods, beside=beside, keep=False)
    assert rows_of(after) == rows_of(again)
    return after


def order(placed: datetime, **other: Any) -> Market:
    return {"orders": [ORDER | {"placed_at": placed} | other], "order_lines": [LINE]}


REFUND = {
    "refund_id": "r2",
    "order_id": "o5",
    "line_no": 1,
    "refunded_minor": 100,
    "refunded_at": AUGUST,
}


@pytest.mark.parametrize(
    ("later", "whose"),
    [
        (order(MAY), [{"m1"}]),
        (order(AUGUST), []),  # no file of the quarter: its earnings stay
        ({"refunds": [REFUND | {"refunded_at": MAY}]}, [{"m2"}]),
        ({"refunds": [REFUND]}, []),
        ({"merchants": [market()["merchants"][0] | {"merchant_id": "m0"}]}, [{"m0"}]),
        (order(MAY, merchant_id="m9"), [set()]),  # nobody knows the merchant
    ],
)
def test_earnings_are_computed_anew_for_those_new_facts_are_about(tmp_path, anew, later, whose):
    (one,) = both_days(tmp_path, DUAL, later, Q2)
    assert (anew, one.kept) == (whose, not whose)


def only(monkeypatch, condition: str) -> None:
    """Let programs count only the order lines that meet the condition."""
    some = PROGRAM.replace("order_lines: all", f"order_lines: {condition}")
    monkeypatch.setattr(made, "PROGRAM", some)


def test_a_product_that_arrives_late_counts_for_whoever_sold_it(tmp_path, anew, monkeypatch):
    """Nothing says that it belongs to the merchant who did."""
    only(monkeypatch, "products.category = 'shirts'")
    facts = market()
    facts["order_lines"] = [
        line | {"product_id": "p2" if line["order_id"] == "o5" else "p1"}
        for line in facts["order_lines"]
    ]
    late = {"products": [facts["products"][0] | {"product_id": "p2"}]}
    both_days(tmp_path, DUAL, late, Q2, facts=facts)
    assert anew == [{"m2"}]


def test_an_order_that_arrives_late_counts_for_whom_its_refund_names(tmp_path, anew, monkeypatch):
    """Nobody knows whether that refund counts before; then it is taken off the sales of m2."""
    only(monkeypatch, "buyer_id <> 'b-none'")
    facts = named(market(), order_id="n1", line_no=1, merchant_id="m2")
    both_days(tmp_path, DUAL, order(MAY), Q2, facts=facts)
    assert anew == [{"m1", "m2"}]


def named(facts: Market, **refund: Any) -> Market:
    """Return the facts whose refunds name their merchant, and one refund more."""
    own = [row | {"merchant_id": "m1", "currency": "CNY"} for row in facts["refunds"]]
    return facts | {"refunds": [*own, own[0] | {"refund_id": "r9"} | refund]}


def test_a_refund_of_no_order_counts_on_its_own_day(tmp_path, anew):
    facts = named(market())
    late = {"refunds": [facts["refunds"].pop() | {"order_id": None, "merchant_id": "m2"}]}
    both_days(tmp_path, "refunds: {dated_by: order}\n" + DUAL, late, Q2, facts=facts)
    assert anew == [{"m2"}]


def test_a_refund_of_an_order_of_another_merchant_is_told_apart_by_its_lines(
    tmp_path, anew, monkeypatch
):
    """In a table that several programs share, of m2 alone, it is of an order of m1."""
    only(monkeypatch, "products.category = 'shirts'")
    monkeypatch.setattr(share, "FEWEST_OF_SOME", 1)
    facts = named(market(), merchant_id="m2", line_no=None)
    text = "refunds: {dated_by: order}\n" + DUAL
    both_days(tmp_path, text, order(MAY, merchant_id="m2"), Q2, facts=facts)
    assert anew == [{"m2"}]


def test_a_file_that_is_gone_computes_everybody(tmp_path, anew):
    arriving(tmp_path / "facts", market(), order(MAY))
    before = earned(tmp_path, DUAL, Q2)
    arriving(tmp_path / "facts", market(), {})
    after = earned(tmp_path, DUAL, Q2)
    assert (anew, after[0].kept) == ([], False)
    assert before[0].summary.amount_minor != after[0].summary.amount_minor


def test_another_text_of_the_program_computes_everybody(tmp_path, anew):
    arriving(tmp_path / "facts", market(), {})
    earned(tmp_path, DUAL, Q2)
    arriving(tmp_path / "facts", market(), order(MAY))
    earned(tmp_path, DUAL.replace("rate: 3%", "rate: 4%"), Q2)
    assert not anew


SHARED = "fund: {id: ours, amount: 12 CNY, per: period, exhausted: pro_rata}"


def test_who_shares_a_fund_gets_less_where_another_earns_more(tmp_path, anew):
    """They are not computed anew up to the fund, and share it again."""
    after = both_days(tmp_path, DUAL + SHARED, order(MAY), Q2)
    rows = pq.read_table(after[0].path).to_pylist()
    assert [row["merchant_id"] for row in rows if row["reason"] == "fund_short"] == ["m1", "m2"]
    assert not anew


def rate(of: str, percent: int, more: str) -> str:
    return f"reward: {{rate: {{pays_on: {of}, rate: {percent}%}}}}\n{more}\n"


def test_a_row_that_counts_for_nobody_leaves_what_a_fund_pays(tmp_path, anew):
    """m3 does not take part; 12.00 are shared for 120.00 and 105.00."""
    text = rate("net_sales", 10, "merchants: category = 'apparel'\n" + SHARED)
    (one,) = both_days(tmp_path, text, order(MAY, merchant_id="m3"), Q2)
    amounts = [row["amount_minor"] for row in pq.read_table(one.path).to_pylist()]
    assert amounts == [6_40, 5_60, 0, 0]
    assert not one.kept
    assert not anew


def test_what_a_fund_pays_others_counts_where_it_is_taken_off(tmp_path, anew):
    """Nothing of m2 is new, and the program before has less for it."""
    order_of = "stacking: {in_order: [other, trial]}\n"
    text = rate("net_sales - taken", 10, order_of)
    _, second = both_days(
        tmp_path, text, order(MAY), Q2, beside=rate("net_sales", 5, order_of + SHARED)
    )
    assert not second.kept
    assert not anew


def test_what_another_reads_tells_whom_its_new_facts_are_about(tmp_path, anew):
    """The other was computed before, alone, and is there; nothing else reads visits."""
    order_of = "stacking: {in_order: [other, trial]}\n"
    other = "metrics: {seen: count(visits)}\n" + rate("seen * 1 CNY", 10, "")
    text, visit = rate("net_sales - taken", 10, order_of), {"visited_at": MAY, "source": "search"}
    visits = [
        visit | {"visit_id": name, "merchant_id": name, "visitor_id": "b"} for name in ("m1", "m2")
    ]
    facts, later = market() | {"visits": visits[:1]}, {"visits": visits[1:]}
    arriving(tmp_path / "facts", facts, {})
    earned(tmp_path, text, Q2, beside=other)
    arriving(tmp_path / "facts", facts, later)
    names = [str(tmp_path / "other.yaml")]
    earn(names, tmp_path / "facts", [Q2], tmp_path / "out", LIMITS, quiet)
    after = earned(tmp_path, text, Q2, beside=other)
    assert [one.kept for one in after] == [False, True]
    assert rows_of(after) == rows_of(earned(tmp_path, text, Q2, beside=other, keep=False))
    assert anew == [{"m2"}, {"m2"}]


def test_what_is_offered_to_everybody_counts_beside_a_fund(tmp_path, anew):
    """Of m3 nothing is new, and it is the other program that pays it most."""
    best_of = "stacking: {best_of: [other, trial]}\n"
    other = f"merchants: category = 'beauty'\n{rate('net_sales', 50, best_of)}"
    text = rate("net_sales", 10, best_of + SHARED)
    both_days(tmp_path, text, order(MAY), Q2, beside=other)
    assert not anew


def test_who_takes_part_beside_a_fund_is_known_of_everybody(tmp_path, anew):
    """m3 does not pass the gate of the other program, which comes first, so that this one pays it."""
    exclusive = "stacking: {exclusive: [other, trial]}\n"
    gated = "gates: [baseline > 0]\nbaseline: net_sales of the same quarter last year\n"
    text = rate("net_sales", 10, exclusive + SHARED)
    found = both_days(
        tmp_path, text, order(MAY), Q2, beside=gated + rate("net_sales", 5, exclusive)
    )
    paid = {
        row["merchant_id"]: row["amount_minor"] for row in pq.read_table(found[0].path).to_pylist()
    }
    assert paid["m3"] > 0
    assert not anew


def test_what_is_offered_to_everybody_counts_beside_one_that_is_computed_whole(tmp_path, anew):
    """Of m2 nothing is new; the other program has no earnings any more, and must not think it is the best."""
    best_of = "stacking: {best_of: [other, trial]}\n"
    text, other = rate("net_sales", 10, best_of), rate("net_sales", 5, best_of)
    arriving(tmp_path / "facts", market(), {})
    _, second = earned(tmp_path, text, Q2, beside=other)
    second.path.unlink()
    arriving(tmp_path / "facts", market(), order(MAY))
    after = earned(tmp_path, text, Q2, beside=other)
    assert rows_of(after) == rows_of(earned(tmp_path, text, Q2, beside=other, keep=False))
    assert not anew


def test_what_a_later_period_builds_on_is_computed_anew_for_the_same(tmp_path, anew):
    later = order(MAY)
    later["orders"].append(ORDER | {"order_id": "o9", "merchant_id": "m2", "placed_at": AUGUST})
    later["order_lines"].append(LINE | {"order_id": "o9"})
    quarters = both_days(tmp_path, LIFETIME, later, Q2, Q3, Q4, facts=year())
    assert anew == [{"m1"}, {"m1", "m2"}, {"m1", "m2"}]
    assert not any(one.kept for one in quarters)


@pytest.mark.parametrize("what", ["more", "none", "not said", "not whole"])
def test_earnings_cannot_say_that_they_were_made_from_more(tmp_path, anew, what):
    """Which files they name is bound by the hash of all they are made from: else everybody is computed."""
    facts = tmp_path / "facts"
    arriving(facts, market(), {})
    (one,) = earned(tmp_path, DUAL, Q2)
    arriving(facts, market(), order(MAY))
    table = pq.read_table(one.path)
    said = dict(table.schema.metadata)
    files = json.loads(said[FILES])
    if what == "more":
        (other,) = earned(tmp_path, DUAL, Q2, keep=False)
        files = json.loads(pq.read_schema(other.path).metadata[FILES])
    elif what == "none":
        files = {"files": [], "runs": [[]]}
    elif what == "not whole":
        files["runs"][0].append(len(files["files"]))
    said[FILES] = b"" if what == "not said" else json.dumps(files).encode()
    pq.write_table(table.replace_schema_metadata(said), one.path)
    after = earned(tmp_path, DUAL, Q2)
    assert not anew
    assert rows_of(after) == rows_of(earned(tmp_path, DUAL, Q2, keep=False))


@pytest.mark.parametrize(
    "terms",
    [
        "reward: {rate: {pays_on: net_sales, rate: 1%}}\nlimits: {lifetime: 12 CNY}\n",
        "reward: {rate: {pays_on: net_sales, rate: 1%}, accumulate: year to date}\n",
    ],
)
def test_what_others_had_before_counts_beside_a_fund(tmp_path, anew, terms):
    """m2 has sales in both quarters, and of it nothing is new."""
    facts = year()
    facts["orders"].append(ORDER | {"order_id": "n2", "merchant_id": "m2", "placed_at": AUGUST})
    facts["order_lines"].append(LINE | {"order_id": "n2", "paid_minor": 50_000})
    found = both_days(tmp_path, terms + SHARED, order(AUGUST), Q2, Q3, facts=facts)
    paid = {row["merchant_id"]: row for row in pq.read_table(found[1].path).to_pylist()}
    assert paid["m2"]["limited_minor"] > 0
    assert not anew
