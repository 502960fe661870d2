"""What gave way to replaced rows: kept beside the facts, by the seal."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cogrow.ids import file_hash
from cogrow.sources import seal
from cogrow.sources.adding import add
from cogrow.sources.conform import conform
from tests.sources.market import LIMITS, at, csv_folder, market
from tests.sources.test_adding import new

ORDERS = frozenset({"orders"})


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    conform(csv_folder(tmp_path / "in", market()), tmp_path / "facts", LIMITS)
    return tmp_path / "facts"


def test_what_gave_way_stays_beside_the_facts(tmp_path: Path, facts: Path) -> None:
    """With what took its place, and the hashes of the file before and after: once more, one more of both."""
    first = market()["orders"][0]
    files = [facts / "orders" / "2025-04.parquet"]
    for status in ("returned", "closed"):
        late = new(tmp_path, {"orders": [first | {"status": status}]})
        before = file_hash(files[-1])
        (called,) = add(late, facts, LIMITS, replacing=ORDERS).files
        files.append(facts / called)
        found = seal.read(facts)
        assert found is not None
        change = found.changes[-1]
        assert (change.gone, change.instead) == (before, file_hash(files[-1]))
        assert file_hash(Path(change.path)) == change.sha256
    paths = sorted((facts / seal.CHANGES).iterdir())
    told = [pq.read_table(path).column("status").to_pylist() for path in paths]
    assert told == [["returned", "closed"], [first.get("status"), "returned"]]


def test_no_more_of_what_gave_way_is_kept_than_is_of_use(
    tmp_path: Path, facts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "MOST_CHANGES", 2)
    for status in ("returned", "closed", "returned"):
        late = new(tmp_path, {"orders": [market()["orders"][0] | {"status": status}]})
        add(late, facts, LIMITS, replacing=ORDERS)
    found = seal.read(facts)
    assert found is not None
    kept = sorted(str(path) for path in (facts / seal.CHANGES).iterdir())
    assert kept == sorted(one.path for one in found.changes)
    assert len(kept) == 2


def test_of_a_row_that_moves_to_another_month_the_file_it_left_tells(
    tmp_path: Path, facts: Path
) -> None:
    """The new one is told of by a file of its own."""
    moved = [market()["orders"][0] | {"placed_at": at("2025-06-01 00:00:00")}]
    add(new(tmp_path, {"orders": moved}), facts, LIMITS, replacing=ORDERS)
    (change,) = (facts / seal.CHANGES).iterdir()
    assert pq.read_table(change).column("placed_at").to_pylist() != [moved[0]["placed_at"]]
    assert pq.read_metadata(change).num_rows == 1
