"""A mapping that says something wrong: every complaint at its place, all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cogrow.errors import DataError
from cogrow.sources.conform import check
from tests.sources.market import LIMITS

GOOD = """\
timezone: Asia/Shanghai
currency: CNY
inputs:
  shops:
    from: shops.csv
    names: {since: "Joined On"}
    where: id is not null
  sales:
    from: [sales.csv]
tables:
  merchants:
    from: shops
    columns:
      merchant_id: id
      name: title
      category: {constant: apparel}
      industry: "'apparel'"
      joined_on: day(since)
  orders:
    - from: sales
      where: amount > 0
      columns:
        order_id: number
        merchant_id: shop
        buyer_id: buyer
        placed_at: at
imported:
  last_year:
    from: shops
    columns: {merchant_id: id, sales_minor: {money: amount, rounding: half_up}}
"""
FILES = {
    "shops.csv": "id,title,Joined On,amount\nm1,One,2020-01-01,12.345\n",
    "sales.csv": "number,shop,buyer,at,amount\n1,m1,b1,2025-04-01 08:00,10\n2,m1,b1,2025-04-01 08:01,-1\n",
}


def folder_with(folder: Path, mapping: str) -> Path:
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    path = folder / "mapping.yaml"
    path.write_text(mapping, encoding="utf-8")
    return path


def complaints(path: Path) -> list[str]:
    """Return what is told of a mapping: code, line:column, sentence."""
    try:
        issues = check(path, LIMITS).errors
    except DataError as error:
        issues = error.issues
    return [
        f"{issue.code} {issue.where.line}:{issue.where.column} {issue.text().partition(' (')[0]}"
        for issue in issues
    ]


def test_the_good_mapping_is_good(tmp_path: Path) -> None:
    report = check(folder_with(tmp_path, GOOD), LIMITS)
    assert report.issues == ()
    assert {name: (t.read, t.left_out) for name, t in report.tables.items()} == {
        "merchants": (1, 0),
        "orders": (1, 1),
        "last_year": (1, 0),
    }


Case = tuple[str, str, list[str]]


def cases() -> Iterator[Case]:
    """Yield what is replaced, by what, and what is told, from the file beside."""
    text = Path(__file__).with_name("broken_mappings.txt").read_text(encoding="utf-8")
    for block in text.split("\n\n")[1:]:
        lines = block.strip("\n").split("\n")
        old, new, told = ([line[1:] for line in lines if line.startswith(mark)] for mark in "-+!")
        yield "".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new), told


@pytest.mark.parametrize(("old", "new", "told"), list(cases()))
def test_a_broken_mapping_is_told_where_it_is_broken(
    old: str, new: str, told: list[str], tmp_path: Path
) -> None:
    assert old and GOOD.count(old) == 1 and told
    assert complaints(folder_with(tmp_path, GOOD.replace(old, new))) == told


@pytest.mark.parametrize("where", ["amount", "(amount > 0) = at"])
def test_a_filter_that_cannot_be_read_is_the_fault_of_the_row(where: str, tmp_path: Path) -> None:
    path = folder_with(tmp_path, GOOD.replace("where: amount > 0", f"where: {where}"))
    report = check(path, LIMITS)
    (issue,) = report.issues
    assert (issue.code, issue.where.path, issue.where.line, issue.count) == (
        "FCT010",
        "orders.where",
        21,
        2,
    )
    assert (report.tables["orders"].quarantined, report.tables["orders"].left_out) == (2, 0)


def test_money_without_a_currency_is_told(tmp_path: Path) -> None:
    mapping = GOOD.replace("currency: CNY\n", "").replace(
        "        placed_at: at\n", "        placed_at: at\n        currency: {constant: CNY}\n"
    )
    assert complaints(folder_with(tmp_path, mapping)) == [
        "FCT010 29:55 x"[:0]
        + "MAP002 30:53 `sales_minor` is money, but no `currency` is stated for it."
    ]


def test_everything_wrong_in_a_mapping_is_told_at_once(tmp_path: Path) -> None:
    mapping = GOOD.replace("Asia/Shanghai", "Mars/Olympus").replace("      name: title\n", "")
    mapping = mapping.replace("where: amount > 0", "where: amount >").replace(
        "from: sales", "from: sells"
    )
    found = complaints(folder_with(tmp_path, mapping))
    assert [line.partition(" ")[2].partition(" ")[0] for line in found] == [
        "1:11",
        "13:5",
        "19:13",
        "20:22",
    ]


def test_what_is_wrong_in_a_mapping_and_in_its_files_is_told_together(tmp_path: Path) -> None:
    mapping = GOOD.replace("      name: title\n", "").replace("placed_at: at", "placed_at: att")
    path = folder_with(
        tmp_path, mapping.replace("sales_minor: {money: amount", "sales_minor: {money: title")
    )
    report = check(path, LIMITS)
    assert [issue.code for issue in report.issues] == ["MAP001", "FCT002", "FCT010"]
    assert report.tables["last_year"].quarantined == 1


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ("a: [", "YML001"),
        ("timezone: UTC\ntimezone: UTC\n", "YML002 2:1"),
        ("a: &b 1\n", "YML001 1:4"),
        ("a: *b\n", "YML001 1:4"),
        ("", "MAP001"),
        ("[]", "MAP001 1:1"),
        ("x: " + "1" * 300_000, "YML001 1:1"),
    ],
)
def test_what_is_no_mapping(mapping: str, told: str, tmp_path: Path) -> None:
    assert complaints(folder_with(tmp_path, mapping))[0].startswith(told)


def test_missing_files_are_told_with_the_nearest_name(tmp_path: Path) -> None:
    path = folder_with(
        tmp_path, GOOD.replace("shops.csv", "shop.csv").replace("sales.csv", "x/*.csv")
    )
    first, second = complaints(path)
    assert first.startswith("FCT009 5:11 No CSV or Parquet file at ")
    assert first.endswith("shop.csv. Did you mean shops.csv?")
    assert second.startswith("FCT009 9:11 No CSV or Parquet file at ")


def test_a_mapping_that_is_not_there_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    folder_with(tmp_path, GOOD)
    with pytest.raises(DataError) as error:
        check(tmp_path / "maping.yaml", LIMITS)
    assert "Did you mean mapping.yaml?" in str(error.value)


def test_a_program_is_told_from_a_mapping(tmp_path: Path) -> None:
    program = "program: mine\ncurrency: CNY\ntargets: {floor: 1}\nreward: {}\n"
    path = folder_with(tmp_path, program)
    told = "MAP001 1:1 This is a program, not a mapping of facts."
    assert complaints(path) == [f"{told} `cogrow check {path}` checks programs."]


def test_a_mapping_with_a_key_of_programs_is_still_a_mapping(tmp_path: Path) -> None:
    assert complaints(folder_with(tmp_path, "program: mine\n" + GOOD)) == [
        "MAP001 1:1 `program` is not known here. Known here: currency, imported, inputs, tables, timezone."
    ]
