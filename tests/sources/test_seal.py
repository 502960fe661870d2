"""The seal: what it vouches for, and every way a folder can stop being what was sealed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.errors import DataError
from cogrow.facts import Kind
from cogrow.sources import seal
from cogrow.sources.conform import conform
from tests.sources.market import LIMITS, market, parquet_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    conform(parquet_folder(tmp_path / "in", market()), tmp_path / "facts", LIMITS)
    return tmp_path / "facts"


def test_a_folder_without_seal_is_no_facts(tmp_path: Path) -> None:
    assert seal.read(tmp_path) is None


def test_the_seal_says_what_is_there(folder: Path) -> None:
    facts = seal.read(folder)
    assert facts is not None
    assert facts.tables["orders"].rows == 5
    assert facts.tables["orders"].paths == (str(folder / "orders" / "2025-04.parquet"),)
    assert facts.tables["ad_spend"].columns == {
        "merchant_id": Kind.TEXT, "platform": Kind.TEXT, "campaign_id": Kind.TEXT, "currency": Kind.TEXT,
        "day": Kind.DAY, "spend_minor": Kind.MONEY, "verified": Kind.FLAG,
    }  # fmt: skip
    assert facts.tables["merchants"].columns["brand_score"] is Kind.NUMBER
    assert facts.tables["order_lines"].columns["quantity"] is Kind.COUNT
    assert facts.tables["refunds"].columns["refunded_at"] is Kind.INSTANT
    assert facts.currencies == dict.fromkeys(facts.tables) | {
        "orders": frozenset({"CNY"}), "ad_spend": frozenset({"CNY"})
    }  # fmt: skip


def flip(path: Path) -> None:
    """Change one byte, and nothing else: not the size, and not the time of change either."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        content = json.loads((folder / seal.NAME).read_bytes())
        change(content)
        (folder / seal.NAME).write_text(json.dumps(content), encoding="utf-8")

    return changed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: flip(folder / "orders" / "2025-04.parquet"), "its content is another."),
        (lambda folder: (folder / "orders" / "2025-04.parquet").unlink(), "it is gone."),
        (
            lambda folder: (folder / "orders" / "2025-04.parquet").write_bytes(b"PAR1"),
            "it has 4 bytes, not ",
        ),
        (lambda folder: (folder / seal.NAME).write_bytes(b"{"), "it is not a seal of facts."),
        (lambda folder: (folder / seal.NAME).write_bytes(b"[]"), "it is not a seal of facts."),
        (lambda folder: (folder / seal.NAME).write_bytes(b"\xff"), "it is not a seal of facts."),
        (edit(lambda content: content.pop("version")), "it is not a seal of facts."),
        (edit(lambda content: content["tables"].update(orders=3)), "it is not a seal of facts."),
        (edit(lambda content: content.update(format=99)), "it has format 99; this cogrow reads"),
        (
            edit(lambda content: content["tables"]["orders"]["files"][0].update(currencies=7)),
            "it is not a seal of facts.",
        ),
    ],
    ids=range(10),
)
def test_a_changed_folder_is_refused(
    change: Callable[[Path], object], told: str, folder: Path
) -> None:
    change(folder)
    with pytest.raises(DataError) as error:
        seal.read(folder)
    assert [issue.code for issue in error.value.issues] == ["FCT030"]
    assert told in str(error.value)


def test_a_copy_is_as_good_as_the_original(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    assert (copy / "orders" / "2025-04.parquet").stat().st_mtime_ns != (
        folder / "orders" / "2025-04.parquet"
    ).stat().st_mtime_ns
    first, second = seal.read(folder), seal.read(copy)
    assert first and second and first.version == second.version
    flip(copy / "orders" / "2025-04.parquet")
    with pytest.raises(DataError, match="its content is another"):
        seal.read(copy)


def test_files_of_the_same_size_and_time_are_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The price of a fast start: a change that also sets the old time again is not seen."""
    monkeypatch.setattr(seal, "file_hash", lambda path: pytest.fail(f"{path} was read"))
    path = folder / "orders" / "2025-04.parquet"
    status = path.stat()
    flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert seal.read(folder) is not None


def test_the_version_is_that_of_the_content(folder: Path, tmp_path: Path) -> None:
    facts = seal.read(folder)
    other = market()
    other["orders"][0]["buyer_id"] = "b9"
    conform(parquet_folder(tmp_path / "in", other), tmp_path / "other", LIMITS)
    changed = seal.read(tmp_path / "other")
    assert facts and changed and facts.version != changed.version


def merchants(**columns: pa.Array) -> pa.Table:
    named = dict.fromkeys(("merchant_id", "name", "category", "industry"), pa.array(["m"]))
    return pa.table({**named, "joined_on": pa.array([0], pa.date32()), **columns})


def test_files_made_elsewhere_are_sealed_as_they_are(tmp_path: Path) -> None:
    for number in (1, 2):
        pq.write_table(
            merchants(score=pa.array([number], pa.int64())), tmp_path / f"{number}.parquet"
        )
    facts = seal.write(tmp_path, {"merchants": [tmp_path / "1.parquet", tmp_path / "2.parquet"]})
    assert facts == seal.read(tmp_path)
    assert facts.tables["merchants"].rows == 2
    assert facts.tables["merchants"].columns["score"] is Kind.MONEY


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (merchants(joined_on=pa.array(["2025-01-01"])), "FCT031"),
        (merchants(brand_score=pa.array([1.5])), "FCT031"),
        (merchants(tags=pa.array([["a"]])), "FCT031"),
        (merchants().drop_columns(["industry"]), "FCT002"),
    ],
    ids=range(4),
)
def test_files_that_break_the_contract_are_not_sealed(
    table: pa.Table, code: str, tmp_path: Path
) -> None:
    pq.write_table(table, tmp_path / "merchants.parquet")
    with pytest.raises(DataError) as error:
        seal.write(tmp_path, {"merchants": [tmp_path / "merchants.parquet"]})
    assert [issue.code for issue in error.value.issues] == [code]
    assert not (tmp_path / seal.NAME).exists()
