"""CSV files: what is detected, what has to be stated, and lines that are no rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cogrow.errors import Severity
from cogrow.sources.conform import check, conform
from tests.sources.market import LIMITS, table_of

MAPPING = """\
timezone: Asia/Shanghai
inputs:
  shops:
    from: shops.csv
    csv: {options}
    names: {names}
tables:
  merchants:
    from: shops
    columns: {{merchant_id: id, name: name, category: what, industry: what, joined_on: since}}
"""
NAMES = "{id: 编号, name: 名称, what: 类目, since: 入驻}"
HEADER = ["编号", "名称", "类目", "入驻"]
ROWS = [["m1", "一号店", "服饰", "2020-01-01"], ["m2", "二号店", "美妆", "2021-02-03"]]


def table(delimiter: str = ",", header: bool = True, end: str = "\n") -> str:
    return "".join(delimiter.join(row) + end for row in ([HEADER] if header else []) + ROWS)


def source(folder: Path, content: bytes, options: str = "{}", names: str = NAMES) -> Path:
    (folder / "shops.csv").write_bytes(content)
    path = folder / "mapping.yaml"
    path.write_text(MAPPING.format(options=options, names=names), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (table().encode(), "{}"),
        (table(end="\r\n").encode(), "{}"),
        (table(";").encode(), "{}"),
        (table("\t").encode(), "{}"),
        (table("|").encode(), "{}"),
        (table("^").encode(), "{delimiter: ^}"),
        (table().encode("utf-8-sig"), "{}"),
        (table().encode("utf-16"), "{}"),
        (table().encode("gb18030"), "{encoding: gb18030}"),
        (table(";").encode("gbk"), "{encoding: GBK, delimiter: ;}"),
        (table().rstrip("\n").encode(), "{}"),
        (("\n" + table() + "\n\n").encode(), "{}"),
        (table().replace("一号店", '"一号店"').encode(), "{}"),
        (table().replace("m1,", " m1 ,").replace(" m1 ", "m1").encode(), "{header: true}"),
    ],
)
def test_forms_of_csv(content: bytes, options: str, tmp_path: Path) -> None:
    report = conform(source(tmp_path, content, options), tmp_path / "out", LIMITS)
    assert report.issues == ()
    found = table_of(tmp_path / "out", "merchants").to_pylist()
    assert [[row["merchant_id"], row["name"], row["category"]] for row in found] == [
        row[:3] for row in ROWS
    ]


def test_a_file_without_header_calls_its_columns_by_number(tmp_path: Path) -> None:
    names = "{id: column_1, name: column_2, what: column_3, since: column_4}"
    path = source(tmp_path, table(header=False).encode(), "{header: false}", names)
    assert check(path, LIMITS).tables["merchants"].written == 2


def test_quoted_fields_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    content = table().replace("一号店", '"一,号\n""店"""').encode()
    conform(source(tmp_path, content), tmp_path / "out", LIMITS)
    found = table_of(tmp_path / "out", "merchants").to_pylist()
    assert found[0]["name"] == '一,号\n"店"'


def test_a_wrong_delimiter_is_told(tmp_path: Path) -> None:
    report = check(source(tmp_path, table(";").encode(), '{delimiter: ","}'), LIMITS)
    issue = next(issue for issue in report.issues if issue.code == "FCT004")
    assert issue.severity is Severity.ERROR
    assert issue.text().startswith(
        "shops.csv has one column when cut at `,`, but its first line holds `;` 3 times."
        " State `delimiter: `;``."
    )


def test_an_unknown_delimiter_shows_the_one_column_found(tmp_path: Path) -> None:
    report = check(source(tmp_path, table("^").encode()), LIMITS)
    text = "\n".join(issue.text() for issue in report.errors)
    assert "has no column `编号`" in text
    assert "编号^名称^类目^入驻" in text


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (table().encode("gb18030"), "{}", "it is not UTF-8 text; state its `encoding`"),
        (table().encode(), "{encoding: klingon}", "there is no encoding 'klingon'."),
        (table().encode("gb18030")[:-30] + b"\xff\xff\n", "{encoding: gb18030}", "near byte"),
        (b"", "{}", "it is empty."),
        (b"\n \n", "{}", "it is empty."),
        (table().replace("名称", "编号").encode(), "{}", "the column 编号 stands there twice."),
    ],
)
def test_what_cannot_be_read(content: bytes, options: str, told: str, tmp_path: Path) -> None:
    report = check(source(tmp_path, content, options), LIMITS)
    issue = next(issue for issue in report.errors if issue.code == "FCT003")
    assert told in issue.text()


def test_a_header_and_no_rows_is_an_empty_table(tmp_path: Path) -> None:
    report = check(source(tmp_path, table().splitlines()[0].encode()), LIMITS)
    assert [issue.code for issue in report.issues] == ["FCT005"]
    assert report.tables["merchants"].read == 0


BROKEN = [
    ("m3,三号店,运动\n", "m3,三号店,运动"),
    ("m3,三号店,运动,2020-01-01,more\n", "m3,三号店,运动,2020-01-01,more"),
    ('"m3"x,三号店,运动,2020-01-01\n', '"m3"x'),
    ('"m3,三号店,运动,2020-01-01\n', '"m3,三号店'),
]


@pytest.mark.parametrize(("line", "shown"), BROKEN)
def test_a_line_that_is_no_row_is_counted_and_kept(line: str, shown: str, tmp_path: Path) -> None:
    report = conform(source(tmp_path, (table() + line).encode()), tmp_path / "out", LIMITS)
    (issue,) = report.issues
    assert (issue.code, issue.count, issue.severity) == ("FCT008", 1, Severity.WARNING)
    assert shown in issue.samples[0]["line"]
    assert issue.samples[0]["row"] == "4"
    counts = report.tables["merchants"]
    assert (counts.read, counts.accepted, counts.quarantined, counts.left_out) == (3, 2, 1, 0)
    (row,) = pq.read_table(tmp_path / "out" / "quarantine" / "merchants.parquet").to_pylist()
    assert row["_codes"] == "FCT008"
    assert shown.split('"')[-1] in row["_source"]


def test_bytes_outside_the_encoding_make_a_line_no_row(tmp_path: Path) -> None:
    content = (table() + "m3,三号店,运动,2020-01-01\n" * 30_000).encode()
    head, tail = content[: 700_000 // 2], content[700_000 // 2 :]
    at = tail.index(b"\n") + 1
    report = check(
        source(tmp_path, head + tail[:at] + b"m4,\xff\xfe,x,2020-01-01\n" + tail[at:]), LIMITS
    )
    found = {issue.code: issue.count for issue in report.issues}
    assert found == {"FCT008": 1, "FCT020": 29_999}
    assert report.tables["merchants"].read == 30_003


def test_a_blank_field_is_missing_and_a_blank_line_is_nothing(tmp_path: Path) -> None:
    content = table().replace("二号店", '""') + "\n\n"
    report = check(source(tmp_path, content.encode()), LIMITS)
    assert [(issue.code, issue.where.path) for issue in report.issues] == [
        ("FCT011", "merchants.name")
    ]
    assert report.tables["merchants"].read == 2
