"""Every fault of facts by itself: planted once, found with its code, its place, its count, its rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cogrow.errors import Severity
from cogrow.sources.conform import check
from cogrow.sources.faults import FAULTS
from tests.sources.market import LIMITS, Market, csv_folder, market

Change = Callable[[Market], Any]


def more(table: str, base: int = 0, /, **values: object) -> Change:
    """Return a change that adds a row like another one, with other values."""
    return lambda facts: facts[table].append(facts[table][base] | values)


def edit(table: str, at: int = 0, **values: object) -> Change:
    return lambda facts: facts[table][at].update(values)


def every(table: str, **values: object) -> Change:
    return lambda facts: [row.update(values) for row in facts[table]]


def lone(**values: object) -> Change:
    """Return a change that adds a refund without an order."""
    columns: dict[str, object] = {"refund_id": "r9", "order_id": None, "line_no": None}
    return more("refunds", 0, **(columns | {"merchant_id": "m1", "currency": "CNY"} | values))


#: name → change, code, place, count, what the first sample shows
ROWS: dict[str, tuple[Change, str, str, int, dict[str, str]]] = {
    "a word for an amount": (
        edit("order_lines", 2, paid_minor="ten"),
        "FCT010", "order_lines.paid_minor", 1,
        {"file": "order_lines.csv", "row": "3", "order_id": "o2", "line_no": "1", "paid_minor": "ten"},
    ),
    "an amount with separators": (
        edit("order_lines", 2, paid_minor="1,000"),
        "FCT010", "order_lines.paid_minor", 1, {"paid_minor": "1,000"},
    ),
    "an amount in scientific form": (
        edit("order_lines", 2, paid_minor="1e3"),
        "FCT010", "order_lines.paid_minor", 1, {"paid_minor": "1e3"},
    ),
    "half a line": (
        edit("order_lines", 2, line_no="1.5"), "FCT010", "order_lines.line_no", 1, {"line_no": "1.5"},
    ),
    "no such day": (
        edit("merchants", 2, joined_on="2025-02-30"), "FCT010", "merchants.joined_on", 1,
        {"merchant_id": "m3", "joined_on": "2025-02-30"},
    ),
    "an instant in another form": (
        edit("refunds", 1, refunded_at="30/04/2025 10:00"), "FCT010", "refunds.refunded_at", 1,
        {"refund_id": "r2"},
    ),
    "an hour that does not exist": (
        edit("refunds", 1, refunded_at="2025-04-30 24:30:00"), "FCT010", "refunds.refunded_at", 1,
        {"refund_id": "r2"},
    ),
    "neither true nor false": (
        edit("ad_spend", verified="perhaps"), "FCT010", "ad_spend.verified", 1, {"verified": "perhaps"},
    ),
    "no key": (more("merchants", merchant_id=None), "FCT011", "merchants.merchant_id", 1, {"row": "4"}),
    "a blank key": (more("merchants", merchant_id="  "), "FCT011", "merchants.merchant_id", 1, {}),
    "no amount": (edit("ad_spend", spend_minor=None), "FCT011", "ad_spend.spend_minor", 1, {}),
    "no name": (edit("merchants", 2, name=None), "FCT011", "merchants.name", 1, {"merchant_id": "m3"}),
    "a currency nobody has": (
        edit("ad_spend", currency="RMB"), "FCT012", "ad_spend.currency", 1, {"currency": "RMB"},
    ),
    "a part of a fen": (
        edit("order_lines", 2, paid_minor="10.5"), "FCT013", "order_lines.paid_minor", 1,
        {"paid_minor": "10.5"},
    ),
    "more than a table can hold": (
        edit("order_lines", 2, paid_minor=2**63), "FCT014", "order_lines.paid_minor", 1,
        {"paid_minor": "9223372036854775808"},
    ),
    "more pieces than can be counted": (
        edit("order_lines", 2, quantity=2**31), "FCT014", "order_lines.quantity", 1, {},
    ),
    "a number too large": (
        edit("merchants", 2, brand_score="1000000000000"), "FCT014", "merchants.brand_score", 1, {},
    ),
    "paid below zero": (edit("order_lines", 2, paid_minor=-1), "FCT015", "order_lines.paid_minor", 1, {}),
    "a return among the sales": (
        edit("order_lines", 2, quantity=-1), "FCT015", "order_lines.quantity", 1, {},
    ),
    "refunded below zero": (
        edit("refunds", 1, refunded_minor=-7), "FCT015", "refunds.refunded_minor", 1, {},
    ),
    "the year 9999": (
        edit("merchants", 2, joined_on="9999-12-31"), "FCT016", "merchants.joined_on", 1, {},
    ),
    "long ago": (
        edit("refunds", 1, refunded_at="1989-12-31 23:59:59"), "FCT016", "refunds.refunded_at", 1, {},
    ),
    "seven decimals": (
        edit("merchants", 2, brand_score="1.2345678"), "FCT017", "merchants.brand_score", 1,
        {"brand_score": "1.2345678"},
    ),
    "said twice": (more("ad_spend"), "FCT020", "ad_spend", 1, {"row": "2", "platform": "video"}),
    "said three times": (
        lambda facts: facts["ad_spend"].extend(dict(facts["ad_spend"][0]) for _ in range(2)),
        "FCT020", "ad_spend", 2, {"row": "2"},
    ),
    "said otherwise": (
        more("ad_spend", spend_minor=98), "FCT021", "ad_spend", 2, {"row": "1", "campaign_id": "c1"},
    ),
    "said twice and otherwise": (
        lambda facts: (more("ad_spend")(facts), more("ad_spend", spend_minor=1)(facts)),
        "FCT021", "ad_spend", 3, {"row": "1"},
    ),
    "an unreadable version": (
        more("ad_spend", verified="perhaps"), "FCT021", "ad_spend", 2, {},
    ),
    "a merchant nobody knows": (
        more("products", product_id="p9", merchant_id="m9"), "FCT022", "products.merchant_id", 1,
        {"product_id": "p9", "merchant_id": "m9"},
    ),
    "an order nobody knows": (
        more("order_lines", order_id="o9"), "FCT022", "order_lines.order_id", 1, {"order_id": "o9"},
    ),
    "a product nobody knows": (
        edit("order_lines", 2, product_id="p9"), "FCT022", "order_lines.product_id", 1, {"product_id": "p9"},
    ),
    "a line nobody knows": (
        edit("refunds", 0, line_no=7), "FCT022", "refunds.line_no", 1, {"order_id": "o1", "line_no": "7"},
    ),
    "an imported row of a merchant nobody knows": (
        more("last_year", merchant_id="m9"), "FCT022", "last_year.merchant_id", 1, {"merchant_id": "m9"},
    ),
    "a merchant set aside": (
        lambda facts: (edit("merchants", 2, name=None)(facts), edit("products", merchant_id="m3")(facts)),
        "FCT023", "products.merchant_id", 1, {"product_id": "p1"},
    ),
    "back more than the order": (
        edit("refunds", 1, refunded_minor=4004), "FCT024", "refunds.refunded_minor", 1,
        {"refund_id": "r2", "order_id": "o2", "refunded_minor": "4004"},
    ),
    "back more than the order in two": (
        more("refunds", 1, refund_id="r3", refunded_minor=3997), "FCT024", "refunds.refunded_minor", 2, {},
    ),
    "back more than the line": (
        edit("refunds", 0, refunded_minor=1002), "FCT025", "refunds.refunded_minor", 1,
        {"refund_id": "r1", "line_no": "1"},
    ),
    "a refund of nothing": (lone(merchant_id=None), "FCT026", "refunds", 1, {"refund_id": "r9"}),
    "a refund in no currency": (lone(currency=None), "FCT026", "refunds", 1, {"refund_id": "r9"}),
    "a lone refund of a merchant nobody knows": (
        lone(merchant_id="m9"), "FCT022", "refunds.merchant_id", 1, {"refund_id": "r9", "merchant_id": "m9"},
    ),
    "a refund in two currencies": (
        edit("refunds", 1, currency="USD"), "FCT027", "refunds", 1, {"order_id": "o2", "currency": "USD"},
    ),
}  # fmt: skip


def found(facts: Market, tmp_path: Path) -> tuple[dict[tuple[str, str], Any], Any]:
    report = check(csv_folder(tmp_path / "in", facts), LIMITS)
    return {(issue.code, issue.where.path): issue for issue in report.issues}, report


@pytest.mark.parametrize("name", ROWS)
def test_a_row_at_fault_is_reported_and_set_aside(name: str, tmp_path: Path) -> None:
    change, code, path, count, sample = ROWS[name]
    facts = market()
    change(facts)
    issues, report = found(facts, tmp_path)
    issue = issues[code, path]
    assert issue.severity is Severity.WARNING
    assert issue.count == count
    assert len(issue.samples) == min(count, 5)
    assert sample.items() <= issue.samples[0].items()
    table = path.partition(".")[0]
    counts = report.tables[table]
    assert counts.read == len(facts[table])
    if code == "FCT020":
        assert (counts.quarantined, counts.repeated) == (0, count)
    else:
        assert counts.quarantined == count
    # One fault is one complaint, except where its row is named by others or is also said otherwise.
    others = {"an unreadable version": "FCT010", "a merchant set aside": "FCT011"}.get(
        name, "FCT023"
    )
    assert {found_code for found_code, _ in issues} <= {code, others}


def test_a_lone_refund_needs_no_order(tmp_path: Path) -> None:
    facts = market()
    lone()(facts)
    issues, report = found(facts, tmp_path)
    assert issues == {}
    assert report.tables["refunds"].accepted == 3


def test_repeats_of_a_quarantined_row_are_quarantined_with_it(tmp_path: Path) -> None:
    facts = market()
    for _ in range(2):
        more("products", product_id="p9", merchant_id="m9")(facts)
    issues, report = found(facts, tmp_path)
    assert {key: issue.count for key, issue in issues.items()} == {
        ("FCT022", "products.merchant_id"): 2
    }
    assert (report.tables["products"].quarantined, report.tables["products"].repeated) == (2, 0)


def test_samples_are_the_first_five_rows(tmp_path: Path) -> None:
    facts = market()
    facts["order_lines"] = [
        facts["order_lines"][0] | {"line_no": n, "paid_minor": "x" * n} for n in range(9, 0, -1)
    ]
    facts["refunds"] = []
    issues, _ = found(facts | {"refunds": market()["refunds"][1:]}, tmp_path)
    samples = issues["FCT010", "order_lines.paid_minor"].samples
    assert [sample["row"] for sample in samples] == ["1", "2", "3", "4", "5"]
    assert [sample["paid_minor"] for sample in samples] == ["x" * n for n in (9, 8, 7, 6, 5)]


#: name → change, code, place, what is told
WHOLE: dict[str, tuple[Change, str, str, str]] = {
    "no merchants at all": (
        lambda facts: facts.pop("merchants"), "FCT001", "merchants",
        "There is no table `merchants`, and every program needs it.",
    ),
    "lines without orders": (
        lambda facts: (facts.pop("orders"), facts.pop("refunds")), "FCT001", "orders",
        "There is no table `orders`, and `order_lines` needs it.",
    ),
    "refunds without orders": (
        lambda facts: (facts.pop("orders"), facts.pop("order_lines")), "FCT001", "orders",
        "There is no table `orders`, and `refunds` needs it.",
    ),
    "a column short": (
        lambda facts: [row.pop("buyer_id") for row in facts["orders"]], "FCT002", "orders.buyer_id",
        "Columns found: order_id, merchant_id, currency, placed_at, status.",
    ),
    "a column misspelled": (
        lambda facts: [row.update(paid_minr=row.pop("paid_minor")) for row in facts["order_lines"]],
        "FCT002", "order_lines.paid_minor",
        "`order_lines` has no column `paid_minor`. Did you mean paid_minr?",
    ),
    "merchants and no rows": (
        lambda facts: every("merchants", merchant_id=None)(facts), "FCT005", "merchants",
        "The table `merchants` has no accepted row; without it nothing can be computed.",
    ),
    "a table misspelled": (
        lambda facts: facts.update(order=facts.pop("orders")), "FCT018", "order",
        "`order` is no table of cogrow. Did you mean orders?",
    ),
    "an imported table without merchants": (
        lambda facts: facts.update(weather=[{"day": "2025-01-01", "rain": 3}]),
        "FCT002", "weather.merchant_id",
        "`weather` has no column `merchant_id`.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_what_stops(name: str, tmp_path: Path) -> None:
    change, code, path, told = WHOLE[name]
    facts = market()
    change(facts)
    issues, report = found(facts, tmp_path)
    issue = issues[code, path]
    assert issue.severity is Severity.ERROR
    assert told in issue.text()
    assert issue in report.errors


def test_a_column_nobody_knows_is_left_out_with_a_word(tmp_path: Path) -> None:
    facts = market()
    for row in facts["orders"]:
        row["chanel"] = "live"
    issues, report = found(facts, tmp_path)
    issue = issues["FCT006", "orders.chanel"]
    assert issue.severity is Severity.WARNING
    assert issue.hint is not None and issue.hint.render() == "Did you mean channel?"
    assert report.errors == ()


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    facts = market()
    del facts["merchants"]
    edit("ad_spend", currency="RMB")(facts)
    for row in facts["products"]:
        del row["category"]
    issues, report = found(facts, tmp_path)
    assert {
        ("FCT001", "merchants"),
        ("FCT002", "products.category"),
        ("FCT012", "ad_spend.currency"),
    } <= (issues.keys())
    assert [issue.severity for issue in report.issues] == sorted(
        issue.severity for issue in report.issues
    )


def test_every_fault_is_tried() -> None:
    here = {code for _, code, _, _, _ in ROWS.values()} | {code for _, code, _, _ in WHOLE.values()}
    elsewhere = {
        "FCT003", "FCT004", "FCT008", "FCT009", "FCT019",  # test_files.py, test_csv.py
        "FCT006",  # above
        "FCT007",  # test_types.py
        "FCT028", "FCT029", "FCT032", "FCT033",  # test_adding.py
        "FCT030", "FCT031",  # test_seal.py
    }  # fmt: skip
    assert here | elsewhere == FAULTS.keys()
