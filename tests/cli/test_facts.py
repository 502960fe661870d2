"""`cogrow facts add` says what became of new rows, in both languages, and as data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.door import cogrow

MERCHANTS = "merchant_id,name,category,industry,joined_on\nm1,North,apparel,apparel,2025-01-01\n"
ORDERS = "order_id,merchant_id,buyer_id,currency,placed_at\n"
FIRST = "o1,m1,b1,CNY,2025-05-12 02:00:00\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder worked in: facts of one order, and a new day with another."""
    monkeypatch.chdir(tmp_path)
    for name in ("old", "new"):
        Path(name).mkdir()
    Path("old/merchants.csv").write_text(MERCHANTS, encoding="utf-8")
    Path("old/orders.csv").write_text(ORDERS + FIRST, encoding="utf-8")
    Path("new/orders.csv").write_text(
        ORDERS + FIRST + "o2,m1,b2,CNY,2025-06-01 02:00:00\n", encoding="utf-8"
    )
    assert cogrow("facts", "import", "old", "--out", "facts").code == 0
    return tmp_path


def test_what_was_new_and_where_it_is(here: Path) -> None:
    trial = cogrow("facts", "add", "new", "--to", "facts", "--dry-run", "--json").json
    assert not Path("facts/orders/2025-06-01.parquet").exists()
    said = cogrow("facts", "add", "new", "--to", "facts")
    assert said.code == 0, said.err
    assert said.out.splitlines()[1:] == [
        "  orders     2    1              1          0            0         0",
        "→ orders/2025-06-01.parquet",
    ]
    assert Path("facts/orders/2025-06-01.parquet").exists()
    again = cogrow("facts", "add", "new", "--to", "facts", "--json").json
    assert (trial["dry_run"], again["dry_run"]) == (True, False)
    assert (trial["files"], again["files"]) == (["orders/2025-06-01.parquet"], [])
    assert trial["tables"]["orders"] == {
        "read": 2, "accepted": 2, "repeated": 1, "quarantined": 0, "left_out": 0, "written": 1,
        "already_there": 1, "replaced": 0,
    }  # fmt: skip
    assert "都已在其中" in cogrow("--lang", "zh", "facts", "add", "new", "--to", "facts").out


def test_what_changed_is_set_aside_until_it_may_replace(here: Path) -> None:
    changed = FIRST.replace("b1", "b9")
    Path("new/orders.csv").write_text(ORDERS + changed, encoding="utf-8")
    said = cogrow("facts", "add", "new", "--to", "facts")
    assert (said.code, "✓" in said.out) == (0, False)
    assert "warning FCT028" in said.err and "--replace orders" in said.err
    rest = ("--to", "facts", "--replace", "orders", "--json")
    found = cogrow("facts", "add", "new", *rest).json
    assert found["tables"]["orders"]["replaced"] == 1
    assert (found["files"], found["gone"]) == (
        ["orders/2025-05.2.parquet"], ["orders/2025-05.parquet"],
    )  # fmt: skip


def test_facts_that_are_not_sealed_are_not_added_to(here: Path) -> None:
    said = cogrow("facts", "add", "new", "--to", "old")
    assert (said.code, said.out) == (3, "")
    assert "old holds no sealed facts to add to" in said.err
    said = cogrow("facts", "add", "new", "--to", "facts", "--replace", "visits", "--json")
    assert (said.code, said.json["exit_code"]) == (3, 3)
