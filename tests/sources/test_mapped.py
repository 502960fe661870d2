"""What a mapping makes of the user's own files: splits, filters, distinct rows, money, ids, places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.sources.conform import check, conform
from tests.sources.market import LIMITS, table_of

#: One file of sales and returns, the way a till writes it.
TILL = """\
Receipt,Shop No.,When,Article,Qty,Price,Paid in
r1,s1,2025-04-02 10:00:00,shirt,2,19.995,CNY
r1,s1,2025-04-02 10:00:00,hat,1,5.00,CNY
r2,s2,2025-04-01 09:00:00,shirt,1,20.00,JPY
r3,s1,2025-04-03 09:00:00,hat,-1,5.00,CNY
r4,,2025-04-03 09:00:00,hat,1,5.00,CNY
r5,s2,2025-04-04 00:30:00,hat,3,0.335,CNY
"""
MAPPING = """\
timezone: Asia/Shanghai
inputs:
  till:
    from: till*.csv
    names: {shop: Shop No., paid_in: Paid in}
    where: shop is not null
tables:
  merchants:
    from: till
    distinct: true
    columns:
      merchant_id: shop
      name: concat('Shop ', shop)
      category: {constant: apparel}
      industry: {constant: apparel}
      joined_on: min(day(When))
      last_seen: max(When)
  orders:
    from: till
    where: Qty > 0
    distinct: true
    columns:
      {order_id: Receipt, merchant_id: shop, buyer_id: {constant: walk-in}, placed_at: When,
       currency: paid_in}
  order_lines:
    from: till
    where: Qty > 0
    currency: paid_in
    columns:
      order_id: Receipt
      line_no: row_number()
      product_id: Article
      quantity: Qty
      paid_minor: {money: Qty * Price, rounding: half_up}
  refunds:
    from: till
    where: Qty < 0
    columns:
      refund_id: concat(file_name(), ':', text(row_number()))
      merchant_id: shop
      currency: paid_in
      refunded_at: When
      refunded_minor: {money: abs(Qty * Price)}
"""


def written(folder: Path, mapping: str = MAPPING, till: str = TILL) -> Path:
    (folder / "till-1.csv").write_text(till, encoding="utf-8")
    path = folder / "mapping.yaml"
    path.write_text(mapping, encoding="utf-8")
    return path


def rows(folder: Path, table: str, *columns: str) -> list[tuple[Any, ...]]:
    found = table_of(folder, table).to_pylist()
    return [tuple(row[column] for column in columns) for row in found]


def test_one_file_becomes_four_tables(tmp_path: Path) -> None:
    report = conform(written(tmp_path), tmp_path / "out", LIMITS)
    assert report.issues == ()
    out = tmp_path / "out"
    days = [
        (m, n, str(j)) for m, n, j in rows(out, "merchants", "merchant_id", "name", "joined_on")
    ]
    assert days == [("s2", "Shop s2", "2025-04-01"), ("s1", "Shop s1", "2025-04-02")]
    assert rows(out, "orders", "order_id", "currency") == [
        ("r2", "JPY"),
        ("r1", "CNY"),
        ("r5", "CNY"),
    ]
    assert str(rows(out, "orders", "placed_at")[2][0]) == "2025-04-03 16:30:00"
    assert rows(out, "order_lines", "order_id", "line_no", "paid_minor") == [
        ("r2", 3, 20), ("r1", 1, 3999), ("r1", 2, 500), ("r5", 6, 101),
    ]  # fmt: skip
    assert rows(out, "refunds", "refund_id", "merchant_id", "refunded_minor") == [
        ("till-1.csv:4", "s1", 500)
    ]
    counts = {n: (t.read, t.written, t.repeated, t.left_out) for n, t in report.tables.items()}
    assert counts == {
        "merchants": (5, 2, 3, 1),
        "orders": (4, 3, 1, 2),
        "order_lines": (4, 4, 0, 2),
        "refunds": (1, 1, 0, 5),
    }


def test_exact_money_refuses_parts_of_a_minor_unit(tmp_path: Path) -> None:
    mapping = MAPPING.replace(", rounding: half_up", "")
    report = check(written(tmp_path, mapping), LIMITS)
    (issue,) = report.issues
    assert (issue.code, issue.where.path, issue.count) == ("FCT013", "order_lines.paid_minor", 1)
    assert issue.samples[0].items() >= {"row": "6", "Qty": "3", "Price": "0.335"}.items()
    assert issue.where.line == mapping[: mapping.index("paid_minor:")].count("\n") + 1


def test_money_in_a_currency_nobody_has_is_told_where_it_stands(tmp_path: Path) -> None:
    report = check(written(tmp_path, till=TILL.replace("JPY", "RMB")), LIMITS)
    found = {(issue.code, issue.where.path): issue.count for issue in report.issues}
    assert found == {
        ("FCT012", "orders.currency"): 1,
        ("FCT012", "order_lines.paid_minor"): 1,
        ("FCT023", "order_lines.order_id"): 1,
    }


def test_distinct_rows_that_disagree_are_set_aside_with_all_they_stand_for(tmp_path: Path) -> None:
    till = TILL.replace("r1,s1,2025-04-02 10:00:00,hat", "r1,s1,2025-04-02 10:00:01,hat")
    report = conform(
        written(tmp_path, till=till + TILL.splitlines()[1] + "\n"), tmp_path / "out", LIMITS
    )
    found = {(issue.code, issue.where.path): issue.count for issue in report.issues}
    # Two rows of one receipt agree on the second, one does not: three source rows, two distinct ones.
    assert found == {("FCT021", "orders"): 3, ("FCT023", "order_lines.order_id"): 3}
    orders = report.tables["orders"]
    assert (orders.read, orders.quarantined, orders.accepted, orders.written) == (5, 3, 2, 2)
    aside = rows(tmp_path / "out" / "quarantine", "orders", "order_id", "_rows")
    assert sorted(aside) == [("r1", 1), ("r1", 2)]


def test_a_row_its_filter_cannot_judge_is_read_and_set_aside(tmp_path: Path) -> None:
    report = check(written(tmp_path, till=TILL.replace("hat,-1", "hat,minus one")), LIMITS)
    refunds = report.tables["refunds"]
    assert (refunds.read, refunds.quarantined, refunds.left_out) == (1, 1, 5)
    places = {issue.where.path for issue in report.issues if issue.code == "FCT010"}
    assert {"refunds.where", "orders.where", "order_lines.where"} <= places


def test_several_files_are_one_input_and_name_their_rows(tmp_path: Path) -> None:
    path = written(tmp_path)
    header, *lines = TILL.splitlines()
    second = [line.replace("r", "q", 1) for line in lines]
    turned = "\n".join(",".join(line.split(",")[::-1]) for line in [header, *second])
    (tmp_path / "till-2.csv").write_text(turned + "\n", encoding="utf-8")
    report = conform(path, tmp_path / "out", LIMITS)
    assert report.issues == ()
    assert sorted(rows(tmp_path / "out", "refunds", "refund_id")) == [
        ("till-1.csv:4",),
        ("till-2.csv:4",),
    ]
    assert report.tables["merchants"].read == 10


def test_parts_of_a_table_may_be_made_each_in_its_way(tmp_path: Path) -> None:
    parts = """\
  ad_spend:
    - from: till
      where: Article = 'hat'
      columns: {merchant_id: shop, platform: {constant: video}, campaign_id: text(row_number()),
                day: day(When), spend_minor: {money: 1}, currency: {constant: CNY}}
    - from: till
      where: Article = 'shirt'
      currency: "'JPY'"
      columns: {merchant_id: shop, platform: {constant: search}, campaign_id: text(row_number()),
                day: When, spend_minor: {money: 1}, currency: {constant: JPY}, verified: {constant: 'yes'}}
"""
    report = conform(written(tmp_path, MAPPING + parts), tmp_path / "out", LIMITS)
    assert report.issues == ()
    found = rows(tmp_path / "out", "ad_spend", "platform", "spend_minor", "verified")
    assert sorted(found, key=str) == [("search", 1, True)] * 2 + [("video", 100, None)] * 3
    assert report.tables["ad_spend"].left_out == 7


def test_samples_come_by_file_and_row_whatever_is_read_first(tmp_path: Path) -> None:
    for name in ("a", "b"):
        lines = "".join(f"{name}{n},x\n" for n in range(1, 4))
        (tmp_path / f"{name}.csv").write_text(f"id,day\n{lines}", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(
        "timezone: UTC\ninputs:\n  last: {from: b.csv}\n  first: {from: a.csv}\ntables:\n  merchants:\n"
        "    from: [last, first]\n    columns: {merchant_id: id, name: id, category: id, industry: id,"
        " joined_on: day}\n",
        encoding="utf-8",
    )
    issue = check(tmp_path / "mapping.yaml", LIMITS).issues[-1]
    assert issue.code == "FCT010"
    assert [sample["merchant_id"] for sample in issue.samples] == ["a1", "a2", "a3", "b1", "b2"]


def test_the_data_may_lie_elsewhere(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "till-1.csv").rename(tmp_path / "data" / "till-1.csv")
    assert [issue.code for issue in check(path, LIMITS).errors] == ["FCT009"]
    assert check(path, LIMITS, base=tmp_path / "data").issues == ()


def test_an_imported_table_takes_any_columns_by_their_kind(tmp_path: Path) -> None:
    imported = """\
imported:
  plan_2025:
    from: till
    where: row_number() < 2
    columns:
      merchant_id: shop
      period: {constant: 2025Q2}
      goal_minor: {money: 12.5}
      share: 12.5%
      since: day(When)
      sent_at: When
      seen_at: instant(When)
      large: Qty > 1
      pieces: number(Qty)
"""
    mapping = MAPPING.replace("inputs:", "currency: CNY\ninputs:", 1) + imported
    report = conform(written(tmp_path, mapping), tmp_path / "out", LIMITS)
    assert report.issues == ()
    schema = table_of(tmp_path / "out", "plan_2025").schema
    assert {field.name: str(field.type) for field in schema} == {
        "merchant_id": "string", "period": "string", "goal_minor": "int64", "share": "decimal128(18, 6)",
        "since": "date32[day]", "sent_at": "string", "seen_at": "timestamp[us]", "large": "bool",
        "pieces": "decimal128(18, 6)",
    }  # fmt: skip


def test_a_column_missing_from_one_of_several_files_is_told(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "till-2.csv").write_text(TILL.replace(",Qty,", ",Quantity,"), encoding="utf-8")
    issues = check(path, LIMITS).errors
    assert {issue.code for issue in issues} == {"FCT002"}
    assert all("has no column `Qty`" in issue.text() for issue in issues)


@pytest.mark.parametrize(
    ("type_", "value", "told"),
    [
        (pa.list_(pa.string()), ["s1"], "`shop` holds VARCHAR[], which is of no use here."),
        (pa.struct([("a", pa.string())]), {"a": "s1"}, "of no use here"),
        (pa.binary(), b"s1", "`shop` holds BLOB, which is of no use here."),
    ],
)
def test_a_column_of_a_type_of_no_use_stops(
    type_: pa.DataType, value: Any, told: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"shop": pa.array([value], type_)}), tmp_path / "shops.parquet")
    (tmp_path / "mapping.yaml").write_text(
        "timezone: UTC\ninputs: {shops: {from: shops.parquet}}\ntables:\n  merchants:\n    from: shops\n"
        "    columns: {merchant_id: shop, name: {constant: x}, category: {constant: x},"
        " industry: {constant: x}, joined_on: 2025-01-01}\n",
        encoding="utf-8",
    )
    (issue,) = check(tmp_path / "mapping.yaml", LIMITS).errors
    assert issue.code == "FCT007"
    assert told in issue.text()
    assert issue.where.line == 6
