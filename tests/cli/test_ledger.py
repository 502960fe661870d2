"""`cogrow ledger`: the life of a program at the command line, two persons, each command once and again."""

from __future__ import annotations

import shlex

import pytest

from cogrow.ledger.reports.audit import Audited
from cogrow.operations.choose import library
from cogrow.operations.ledger.desk import Desk
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


@pytest.fixture
def due(ledger, facts, tmp_path):
    """Return a merchant with money in its wallet, earned and settled in August, and the earnings."""
    program, earnings = ("apparel-sprint-rebate", "--period", "2025Q2"), tmp_path / "earnings"
    assert cogrow("earn", *program, "--facts", facts, "--out", earnings).code == 0
    ledger("alice", "fund", "create", "growth")
    approve(ledger, ledger("alice", "fund", "top-up", "growth", "100,000.00", "--number", "1"))
    ledger("alice", "accrue", *program, "--fund", "growth", "--earnings", earnings)
    ledger("alice", "settle")
    found = ledger("alice", "statement", "2025-08")
    return max(found, key=lambda one: sum(one["closing"].values()))["merchant"], earnings


def test_what_failed_is_proposed_again_and_what_is_not_paid_back_is_given_up(ledger, due, tmp_path):
    merchant, _ = due
    home = ("payout", "beneficiary", merchant, "Lin")
    ledger("alice", *home, "DE89370400440532013000", "FAILDEFF")
    approve(ledger, ledger("alice", "payout", "propose", "b1", "--rail", "demonstration"))
    folder = ("--folder", tmp_path / "payouts")
    assert ledger("alice", "payout", "pay", "b1", *folder)["states"] == {"failed": 1}
    ledger("alice", *home, "DE02120300000000202051", "GOODDEFF")
    rehearsed = ledger("alice", "payout", "resend", "b1", "b2", "--dry-run")
    again = ledger("alice", "payout", "resend", "b1", "b2")
    assert rehearsed == again == ledger("alice", "payout", "resend", "b1", "b2")
    approve(ledger, again)
    assert ledger("alice", "payout", "pay", "b2", *folder)["states"] == {"paid": 1}
    ledger("alice", "payout", "resend", "b1", "b3", code=5)
    less = ("adjust", merchant, "-5.00", "--fund", "growth", "--reason", "x", "--number", "1")
    approve(ledger, ledger("alice", *less))
    give_up = ("write-off", merchant, "5.00", "--reason", "gone", "--number", "1")
    rehearsed = ledger("alice", *give_up, "--dry-run")
    found = ledger("alice", *give_up)
    assert rehearsed == found
    approve(ledger, found)
    assert ledger("alice", *give_up)["votes"] == 1
    ledger("alice", "write-off", merchant, "0.01", "--reason", "x", "--number", "2", code=5)
    [wallet] = ledger("alice", "wallet", "show", merchant)
    assert wallet["amounts"]["clawback"] == 0
    assert ledger("alice", "audit")["faults"] == []


def test_lines_of_a_statement_open_into_their_derivation(ledger, due, facts, tmp_path):
    merchant, earnings = due
    where = ("--earnings", earnings, "--facts", facts)
    [found] = ledger("alice", "statement", "2025-08", merchant, *where)
    [line] = [one for one in found["lines"] if one["kind"] == "accrue"]
    told = line["derivation"]
    assert told["command"].startswith(
        f"cogrow explain apparel-sprint-rebate {merchant} --period 2025Q2"
    )
    assert sum(part["amount"] for part in told["parts"]) == line["amount"]
    assert told["steps"][-1]["amount_minor"] == line["amount"]
    [bare] = ledger("alice", "statement", "2025-08", merchant)
    assert bare["lines"][0]["derivation"]["steps"] == []
    page = tmp_path / "statement.html"
    ledger("alice", "statement", "2025-08", merchant, *where, "--html", page)
    text = page.read_text(encoding="utf-8")
    last = told["steps"][-1]["says"]
    assert text.count("<details>") == 1, "folded on the screen"
    assert f"<li>{last}</li></ol>" in text
    assert "details::details-content { content-visibility: visible" in text, "and open on paper"
    assert not any(part in text for part in ("<script", "src=", "http"))


def test_a_statement_says_which_file_explains_a_program_of_ones_own(ledger, facts, tmp_path):
    """The printed command works as it is for what the file is told of, and says FILE where it is not."""
    mine, earnings = tmp_path / "my rebate.yaml", tmp_path / "earnings"
    text = library()["apparel-sprint-rebate"].read_text(encoding="utf-8")
    mine.write_text(text.replace("apparel-sprint-rebate", "home-rebate"), encoding="utf-8")
    assert cogrow("earn", mine, "--period", "2025Q2", "--facts", facts, "--out", earnings).code == 0
    ledger("alice", "fund", "create", "growth")
    approve(ledger, ledger("alice", "fund", "top-up", "growth", "100,000.00", "--number", "1"))
    booked = (str(mine), "--period", "2025Q2", "--fund", "growth", "--earnings", earnings)
    ledger("alice", "accrue", *booked)
    merchant = ledger("alice", "statement", "2025-08")[0]["merchant"]
    asked = ("2025-08", merchant, "--earnings", earnings, "--facts", facts)
    at = ("--books", f"sqlite:///{tmp_path / 'books.db'}", "--as", "alice")
    bare = cogrow("ledger", "statement", *asked, *at)
    assert bare.code == 0, bare.err
    assert f"cogrow explain FILE {merchant} --period 2025Q2" in bare.out
    assert "FILE is the file of home-rebate; `statement` takes it as --program FILE." in bare.out
    page = tmp_path / "statement.html"
    ledger("alice", "statement", *asked, "--html", page)
    assert "FILE is the file of home-rebate" in page.read_text(encoding="utf-8")
    [told] = ledger("alice", "statement", *asked, "--program", mine)
    [line] = told["lines"]
    assert line["derivation"]["steps"]
    words = shlex.split(line["derivation"]["command"])
    assert words[:3] == ["cogrow", "explain", str(mine)]
    assert cogrow(*words[1:], "--earnings", earnings).code == 0
    [kept] = ledger("alice", "statement", *asked, "--program", "apparel-sprint-rebate")
    assert kept["lines"][0]["derivation"]["unnamed"]


def test_a_merchant_the_books_do_not_know_is_said(ledger, due):
    merchant, _ = due
    mistyped = f"{merchant}x"
    for words in (("wallet", "show"), ("statement", "2025-08")):
        said = ledger("alice", *words, "NOPE", code=4)["error"]
        assert said == "The books know no merchant 'NOPE'."
        assert f"Did you mean {merchant}?" in ledger("alice", *words, mistyped, code=4)["error"]
    ledger("alice", "person", "add", "mei", "Mei")
    ledger("alice", "person", "grant", "mei", "merchant", "--merchant", mistyped)
    said = ledger("mei", "wallet", "show", mistyped, code=4)["error"]
    assert "Did you mean" not in said, "nobody is told who else there is"


def test_a_month_without_books_is_said(ledger, due, tmp_path):
    merchant, _ = due
    said = ledger("alice", "statement", "2025-8", code=4)["error"]
    assert said == "'2025-8' is no month; write it like 2025-07. Did you mean 2025-08?"
    said = ledger("alice", "close", "2025-07", code=4)["error"]
    assert said == "Nothing was booked in 2025-07. There are entries from 2025-08 to 2025-08."
    ledger("alice", "fund", "create", "other")
    top_up = ledger("alice", "fund", "top-up", "other", "1.00", "--number", "1", day="2025-06-01")
    vote = ("approve", top_up["id"], "--hash", top_up["content_hash"])
    ledger("bob", *vote, day="2025-06-01")
    assert ledger("alice", "statement", "2025-06", merchant) == []
    books = ("--books", f"sqlite:///{tmp_path / 'books.db'}", "--as", "alice")
    assert cogrow("ledger", "statement", "2025-06", merchant, *books).out.startswith("No statement")


def test_what_nobody_knows_the_end_of_is_sent_again(ledger, due, tmp_path):
    """A rail that tells a number it has seen takes the same one again, and pays it once."""
    merchant, _ = due
    home = ("payout", "beneficiary", merchant, "Lin", "DE89370400440532013000")
    ledger("alice", *home, "LOSTDEFF")
    only = ("--merchant", merchant)
    approve(ledger, ledger("alice", "payout", "propose", "b1", "--rail", "demonstration", *only))
    folder = ("--folder", tmp_path / "payouts")
    assert ledger("alice", "payout", "pay", "b1", *folder)["states"] == {"unknown": 1}
    assert ledger("alice", "payout", "send-again", "b1", *folder)["states"] == {"unknown": 1}
    ledger("alice", "payout", "send-again", "b1", *folder, "--dry-run", code=5)
    assert ledger("alice", "payout", "reconcile", "b1", *folder)["states"] == {"paid": 1}
    assert ledger("alice", "payout", "send-again", "b1", *folder)["states"] == {"paid": 1}
    assert ledger("alice", "audit")["faults"] == []


def test_a_file_is_not_sent_again(ledger, due, tmp_path):
    merchant, _ = due
    ledger("alice", "payout", "beneficiary", merchant, "Lin", "DE89370400440532013000", "GOODDEFF")
    approve(ledger, ledger("alice", "payout", "propose", "b1"))
    refused = ledger("alice", "payout", "send-again", "b1", code=5)
    assert "may pay a number twice" in refused["error"]


def test_an_account_the_rail_will_not_take_is_said_at_once(ledger, due, tmp_path):
    """Where it is written down, where it is proposed, and where it is not sent."""
    merchant, _ = due
    mistyped = "DE89370400440532013001"
    why = f"The check digits of the IBAN {mistyped} do not fit; it is mistyped somewhere."
    home = ("payout", "beneficiary", merchant, "Lin", mistyped, "GOODDEFF")
    assert ledger("alice", *home)["not_taken"] == why
    at = ("--books", f"sqlite:///{tmp_path / 'books.db'}", "--as", "alice", "--on", "2025-08-20")
    assert f"The rail file will not take it. {why}" in cogrow("ledger", *home, *at).out
    said = cogrow("ledger", "payout", "propose", "b1", *at).out
    assert f"{merchant} will not be paid. {why}" in said
    approve(ledger, ledger("alice", "proposal", "payout:b1"))
    folder = ("--folder", tmp_path / "payouts")
    done = cogrow("ledger", "payout", "pay", "b1", *folder, *at)
    assert f"b1:{merchant} was not sent. {why}" in done.out
    assert ledger("alice", "payout", "pay", "b1", *folder)["states"] == {"failed": 1}


def test_counts_are_grouped_and_amounts_stand_to_the_right(ledger, due, tmp_path, monkeypatch):
    merchant, _ = due
    at = ("--books", f"sqlite:///{tmp_path / 'books.db'}", "--as", "alice")
    monkeypatch.setattr(Desk, "audit", lambda _: Audited(2080, 8333, "0" * 64))
    assert "2,080 entries, 8,333 postings" in cogrow("ledger", "audit", *at).out
    table = cogrow("ledger", "wallet", "show", merchant, *at).out.splitlines()
    assert len({len(line) for line in table}) == 1, "every line ends with an amount, at one place"


def test_a_role_is_taken_away(ledger):
    ledger("alice", "person", "revoke", "bob", "finance")
    ledger("alice", "fund", "create", "growth")
    found = ledger("alice", "fund", "top-up", "growth", "1.00", "--number", "1")
    refused = ledger("bob", "approve", found["id"], "--hash", found["content_hash"], code=5)
    assert "finance" in refused["error"]


def test_a_wallet_is_shown_in_words(ledger, due, tmp_path):
    merchant, _ = due
    more = ("--bonus", "10%", "--fund", "growth", "--expires", "2026-01-31", "--number", "c1")
    ledger("alice", "wallet", "convert", merchant, "1.00", *more)
    [found] = ledger("alice", "wallet", "show", merchant)
    assert found["expiring"] == {"2026-01-31": 10}
    books = ("--books", f"sqlite:///{tmp_path / 'books.db'}", "--as", "alice")
    said = {
        language: cogrow("--lang", language, "ledger", "wallet", "show", merchant, *books).out
        for language in ("en", "zh")
    }
    assert "ad credit, bonus" in said["en"]
    assert "0.10 CNY of the credit expires on 2026-01-31." in said["en"]
    assert "广告" in said["zh"]
    for text in said.values():
        assert not any(kind in text for kind in found["amounts"])
    ledger("alice", "wallet", "expire", "--as-of", "2026-01-30")
    [found] = ledger("alice", "wallet", "show", merchant)
    assert found["amounts"]["ad_bonus"] == 10
    ledger("alice", "wallet", "expire", "--as-of", "2026-01-31")
    [found] = ledger("alice", "wallet", "show", merchant)
    assert (found["amounts"]["ad_bonus"], found["expiring"]) == (0, {})
