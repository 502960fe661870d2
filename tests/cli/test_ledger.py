"""`cogrow ledger`: the life of a program at the command line, two persons, each command once and again."""

from __future__ import annotations

import pytest

from tests.cli.door import cogrow


@pytest.fixture
def ledger(tmp_path, facts):
    """Return a way to type `cogrow ledger …` with books of its own, as somebody, with --json."""
    place = f"sqlite:///{tmp_path / 'books.db'}"

    def typed(who, *words, code=0, day="2025-08-20"):
        said = cogrow("ledger", *words, "--as", who, "--books", place, "--on", day, "--json")
        assert said.code == code, said.out + said.err
        return said.json

    typed("alice", "person", "add", "alice", "Alice")
    typed("alice", "person", "add", "bob", "Bob")
    typed("alice", "person", "grant", "bob", "finance")
    return typed


def approve(ledger, found):
    return ledger("bob", "approve", found["id"], "--hash", found["content_hash"])


def test_from_fund_to_statement(ledger, facts, tmp_path):
    earnings = tmp_path / "earnings"
    program = ("apparel-sprint-rebate", "--period", "2025Q2")
    assert cogrow("earn", *program, "--facts", facts, "--out", earnings).code == 0
    ledger("alice", "fund", "create", "growth")
    approve(ledger, ledger("alice", "fund", "top-up", "growth", "100,000.00", "--number", "1"))
    more = (*program, "--fund", "growth", "--earnings", earnings)
    rehearsed = ledger("alice", "accrue", *more, "--dry-run")
    booked = ledger("alice", "accrue", *more)
    assert booked == rehearsed
    assert booked["more"]["CNY"] > 0
    assert ledger("alice", "accrue", *more)["entries"] == 0
    settled = ledger("alice", "settle", day="2025-12-31")
    assert settled["due"]["CNY"] == booked["more"]["CNY"]
    statements = ledger("alice", "statement", "2025-12")
    richest = max(statements, key=lambda one: sum(one["closing"].values()))
    merchant = richest["merchant"]
    wallet = ("wallet", "convert", merchant, "0.01", "--number", "c1")
    assert ledger("alice", *wallet)["new"]
    assert not ledger("alice", *wallet)["new"]
    ledger(
        "alice", "payout", "beneficiary", merchant, "Shen", "DE89370400440532013000", "COBADEFFXXX"
    )
    batch = ledger("alice", "payout", "propose", "b1")
    assert [item["merchant"] for item in batch["content"]["items"]] == [merchant]
    refused = ledger("alice", "approve", batch["id"], "--hash", batch["content_hash"], code=5)
    assert "Nobody approves a proposal of their own" in refused["error"]
    approve(ledger, batch)
    folder = tmp_path / "payouts"
    assert ledger("alice", "payout", "pay", "b1", "--folder", folder)["states"] == {"sent": 1}
    number = batch["content"]["items"][0]["number"]
    outcomes = f"number,outcome,reference\n{number},paid,R1\n"
    (folder / "outcomes.csv").write_text(outcomes, encoding="utf-8")
    done = ledger("alice", "payout", "reconcile", "b1", "--folder", folder)
    assert done["states"] == {"paid": 1}
    assert ledger("alice", "audit")["faults"] == []
    ledger("alice", "export", "hledger", "--out", tmp_path / "books.journal")
    assert merchant in (tmp_path / "books.journal").read_text(encoding="utf-8")
    page = tmp_path / "statements.html"
    ledger("alice", "statement", "2025-12", merchant, "--html", page)
    assert merchant in page.read_text(encoding="utf-8")
    [fund] = ledger("alice", "fund", "list")
    assert fund["authorized"] == fund["available"] + fund["consumed"] == 10_000_000


def test_nobody_acts_without_a_name(tmp_path):
    said = cogrow("ledger", "audit", "--books", f"sqlite:///{tmp_path / 'books.db'}")
    assert said.code == 2
    assert "--as PERSON" in said.err


def test_what_is_no_amount_is_said(ledger, tmp_path):
    ledger("alice", "fund", "create", "growth")
    books = f"sqlite:///{tmp_path / 'books.db'}"
    words = ("fund", "top-up", "growth", "1.005", "--number", "1", "--as", "alice")
    said = cogrow("ledger", *words, "--books", books)
    assert said.code == 2
    assert "no amount of CNY" in said.err
