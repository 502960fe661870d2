"""What the database itself refuses, whatever code writes: every one of these on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cogrow.ledger.accounts import bank, writeoff
from cogrow.ledger.journal import Entry, Line
from cogrow.ledger.payouts import pay as paying
from cogrow.ledger.reports import closing
from cogrow.ledger.store.database import open_store
from tests.ledger.books import Books, act, earned
from tests.ledger.conftest import DIALECTS
from tests.ledger.fake_rail import FakeRail

ENTRY = (
    "INSERT INTO entry (id, kind, idempotency_key, payload_hash, period_id, origin, effective_on, posted_at,"
    " source_type, source_id, actor, via, posting_count, content_version, content_hash, approval_id,"
    " reverses_entry_id) VALUES ({id}, '{kind}', '{key}', '{payload}', '{period}', '', '2026-10-05',"
    " '2026-10-05T12:00:00Z', '', '', 'alice', 'person', {count}, 1, 'x', {approval}, {reverses})"
)
LINE = (
    "INSERT INTO posting (entry_id, line_no, of_lines, account_id, book, currency, amount) SELECT"
    " {id}, {n}, {of}, id, {book}, {currency}, {amount} FROM account WHERE code = '{code}'"
)
SEAL = (
    "INSERT INTO seal (seq, entry_id, prev_hash, hash) SELECT max(seq) + 1, {id},"
    " (SELECT hash FROM seal ORDER BY seq DESC LIMIT 1), 'sealed {id}' FROM seal"
)
SEPTEMBER = date(2026, 9, 20)
BANK, PAYABLE, AVAILABLE = "asset:bank:CNY", "liab:payable:M1:CNY", "budget:available:F1:CNY"


def header(number: int = 900, **more: object) -> str:
    values = {
        "id": number,
        "kind": "hold",
        "key": f"k{number}",
        "payload": "p",
        "period": "2026-10",
        "count": 2,
        "approval": "NULL",
        "reverses": "NULL",
    }
    return ENTRY.format(**(values | more))


def line(n: int, code: str, amount: object, number: int = 900, of: int = 2, **more: str) -> str:
    values = {"book": "book", "currency": "currency"} | more
    return LINE.format(id=number, n=n, of=of, code=code, amount=amount, **values)


def pair(amount: object = 5, number: int = 900) -> tuple[str, str]:
    return line(1, PAYABLE, amount, number), line(2, "liab:hold:M1:CNY", f"-{amount}", number)


SEAL_900 = SEAL.format(id=900)
VOTE = (
    "INSERT INTO approval_vote (approval_id, person_id, content_hash, via, voted_at) SELECT id, '{who}',"
    " {hash}, '{via}', '2026-10-05T12:00:00Z' FROM approval WHERE id = '{name}'"
)
#: What somebody who got into the database may try, and what it is told.
HOSTILE: dict[str, tuple[tuple[str, ...], str]] = {
    "unbalanced": (
        (line(1, PAYABLE, 5), line(2, "liab:hold:M1:CNY", -4), header(), SEAL_900),
        "unbalanced",
    ),
    "a posting short": ((*pair(), header(count=3), SEAL_900), "unbalanced"),
    "balanced across books only": (
        (line(1, BANK, 5), line(2, AVAILABLE, -5), header(), SEAL_900),
        "unbalanced",
    ),
    "a posting without entry": (pair(), "FOREIGN KEY|fk_posting"),
    "an entry without seal": ((*pair(), header()), "FOREIGN KEY|fk_entry_id"),
    "a header without postings": ((header(count=0),), "postings_some"),
    "a posting of a finished entry": ((line(3, BANK, 5, number=3, of=2),), "line_of_lines"),
    "a posting beside a finished entry": (
        (line(5, BANK, 5, number=3, of=9), line(6, PAYABLE, -5, number=3, of=9)),
        "FOREIGN KEY|fk_posting|balance_by_posting",
    ),
    "nothing": ((line(1, PAYABLE, 0),), "amount_some"),
    "another currency": ((line(1, PAYABLE, 5, currency="'USD'"),), "FOREIGN KEY|fk_posting"),
    "another book": ((line(1, PAYABLE, 5, book="'B'"),), "FOREIGN KEY|fk_posting"),
    "more than is payable": ((*pair(10_000_000), header(), SEAL_900), "balance_not_above"),
    "more than the fund has": (
        (line(1, AVAILABLE, -200_000_000), line(2, "budget:authorized:F1:CNY", 200_000_000)),
        "balance_not_below",
    ),
    "a closed month": ((*pair(), header(period="2026-09"), SEAL_900), "period_closed"),
    "a closed month opened": (("UPDATE period SET status = 'open' WHERE id = '2026-09'",), "period_"),
    "a month closed by nobody": (
        ("UPDATE period SET status = 'closed' WHERE id = '2026-10'",),
        "closed_whole|not_approved",
    ),
    "an edited posting": (("UPDATE posting SET amount = amount + 1",), "append_only"),
    "a deleted posting": (("DELETE FROM posting WHERE entry_id = 3",), "append_only"),
    "an edited entry": (("UPDATE entry SET actor = 'bob'",), "append_only"),
    "a deleted entry": (("DELETE FROM entry",), "append_only"),
    "an edited seal": (("UPDATE seal SET hash = 'x' WHERE seq = 1",), "append_only"),
    "an edited statement": (("UPDATE statement SET closing = 0",), "append_only"),
    "a deleted note": (("DELETE FROM audit",), "append_only"),
    "a balance set by hand": (
        ("UPDATE balance SET posted = posted - 1, version = version + 1",),
        "balance_by_posting",
    ),
    "a bound removed": (("UPDATE balance SET max_posted = NULL",), "balance_by_posting"),
    "an account without its bound": (
        (
            "INSERT INTO account (code, book, kind, merchant_id, currency) VALUES"
            " ('liab:payable:M9:CNY', 'F', 'payable', 'M9', 'CNY')",
        ),
        "credit_bound",
    ),
    "the same key": ((*pair(), header(key="fund:F1:1"), SEAL_900), "idempotency_key"),
    "a second reversal": (
        (*pair(), header(reverses=2), SEAL_900, *pair(5, 901), header(901, reverses=2)),
        "not_a_reversal|reverses_entry_id",
    ),
    "a reversal of other amounts": ((*pair(), header(reverses=2), SEAL_900), "not_a_reversal"),
    "a fork of the chain": (
        (*pair(), header(), "INSERT INTO seal (seq, entry_id, prev_hash, hash) VALUES (99, 900, 'x', 'y')"),
        "chain_broken",
    ),
    "a second seal after the same one": (
        (
            *pair(),
            header(),
            "INSERT INTO seal (seq, entry_id, prev_hash, hash)"
            " SELECT seq, 900, prev_hash, 'y' FROM seal ORDER BY seq DESC LIMIT 1",
        ),
        "UNIQUE|pk_seal",
    ),
    "a seal of nothing": ((SEAL_900,), "FOREIGN KEY|fk_seal_entry_id"),
    "an entry of nobody": (
        (*pair(), header().replace("'alice'", "'zoe'"), SEAL_900),
        "FOREIGN KEY|fk_entry_actor",
    ),
    "a month that is not": (
        (*pair(), header(period="2031-01"), SEAL_900),
        "period_closed|fk_entry_period_id",
    ),
    "an account in no currency": (
        (
            "INSERT INTO account (code, book, kind, merchant_id, currency, max_posted) VALUES"
            " ('liab:payable:M9:XXQ', 'F', 'payable', 'M9', 'XXQ', 0)",
        ),
        "FOREIGN KEY|fk_account_currency",
    ),
    "a balance of no account": (
        ("INSERT INTO balance (account_id, posted, version) VALUES (999, 0, 0)",),
        "FOREIGN KEY|balance_by_posting",
    ),
    "a claim on no fund": (
        ("UPDATE settlement SET fund_id = 'F9'",),
        "FOREIGN KEY|fk_settlement_fund_id",
    ),
    "a claim of no run": (
        (
            "INSERT INTO settlement (program_id, program_version, merchant_id, period, currency, revision,"
            " posted_earned, posted_shares, unsettled, settled_count, fund_id, pays, matures_on,"
            " expires_on, last_run_id, last_input_hash) SELECT 'again', program_version, merchant_id,"
            " period, currency, revision, posted_earned, posted_shares, unsettled, settled_count,"
            " fund_id, pays, matures_on, expires_on, 'none', last_input_hash FROM settlement LIMIT 1",
        ),
        "FOREIGN KEY|fk_settlement_last_run_id",
    ),
    "a fund of one's own making": (
        (
            line(1, AVAILABLE, 5),
            line(2, "budget:authorized:F1:CNY", -5),
            header(kind="fund", approval="'fund:F1:2'"),
        ),
        "not_approved",
    ),
    "an adjustment without approval": ((*pair(), header(kind="adjust"), SEAL_900), "four_eyes|not_approved"),
    "an approval for something else": (
        (*pair(), header(kind="fund", approval="'payout:P1'", payload="other"), SEAL_900),
        "not_approved",
    ),
    "a vote for oneself": (
        (VOTE.format(who="bob", hash="content_hash", via="person", name="fund:F1:3"),),
        "own_proposal",
    ),
    "a vote of who may not": (
        (VOTE.format(who="dora", hash="content_hash", via="person", name="fund:F1:2"),),
        "may_not_approve",
    ),
    "a vote for other content": (
        (VOTE.format(who="bob", hash="'other'", via="person", name="fund:F1:2"),),
        "FOREIGN KEY|fk_approval_vote",
    ),
    "a vote by API key": (
        (VOTE.format(who="bob", hash="content_hash", via="key", name="fund:F1:2"),),
        "by_a_person",
    ),
    "an edited proposal": (("UPDATE approval SET maker = 'bob'",), "append_only"),
    "a payout approved by its maker": (
        ("UPDATE payout SET status = 'approved', checker = maker WHERE status = 'proposed'",),
        "four_eyes|approved_before_sent|not_approved",
    ),
    "a payout without approval": (
        ("UPDATE payout SET status = 'sending' WHERE status = 'proposed'",),
        "payout_step|approved_before_sent",
    ),
    "a payout to somebody else": (
        ("UPDATE payout SET beneficiary_fingerprint = 'mine' WHERE status = 'proposed'",),
        "payout_changed",
    ),
    "a larger payout": (("UPDATE payout SET amount = amount + 1",), "payout_changed"),
    "a paid payout again": (
        ("UPDATE payout SET status = 'approved' WHERE status = 'paid'",),
        "payout_step|final",
    ),
    "a second live payout": (
        (
            "INSERT INTO payout (id, batch_id, merchant_id, currency, amount, rail, rail_number,"
            " beneficiary_id, beneficiary_fingerprint, status, maker) SELECT 'again', batch_id, merchant_id,"
            " currency, amount, rail, 'again', beneficiary_id, beneficiary_fingerprint, 'proposed', maker"
            " FROM payout WHERE status = 'proposed'",
        ),
        "UNIQUE|uq_payout_live",
    ),
    "an edited request": (("UPDATE payout_attempt SET content = 'x'",), "append_only"),
    "a claim below zero": (("UPDATE settlement SET unsettled = -1",), "unsettled_bound"),
    "half a claim": (
        ("UPDATE settlement SET unsettled = 'some'",),
        "whole|bigint",
    ),
    "a forgotten claim": (("DELETE FROM settlement",), "append_only"),
    "more credit than was given": (("UPDATE credit_lot SET remaining = granted + 1",), "remaining_bound"),
}  # fmt: skip


@pytest.fixture(scope="module", params=DIALECTS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Books]:
    """Yield books with something of everything in them, September closed."""
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("hostile") / "books.db"
        shutil.copy(request.getfixturevalue("empty_file"), path)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("server").fresh("hostile", "template_books")
    store = open_store(url)
    books = Books(store)
    books.fund(day=SEPTEMBER)
    books.accrue(earned("M1", 1_000), earned("M2", 2_000), day=SEPTEMBER)
    books.close("2026-09")
    books.settle()
    books.home("M1", "M2")
    books.approve(books.propose("P1", merchants=["M2"]))
    paying.pay(store, "P1", FakeRail(), act())
    books.convert("C1", "M1", 100, bonus=0, fund=None)
    books.propose("P2", merchants=["M1"])
    books.hold("H1", "M1", 50)
    books.propose_fund("F1", 5, "2")
    books.propose_fund("F1", 5, "3", who="bob")
    yield books
    store.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_the_database_refuses(world, name):
    statements, said = HOSTILE[name]
    before = world.audit()
    with pytest.raises(DBAPIError) as refusal, world.store.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    assert any(part in str(refusal.value.orig) for part in said.split("|")), refusal.value.orig
    after = world.audit()
    assert (after.head, after.faults) == (before.head, [])


def test_what_is_honest_passes(world):
    """The same statements with nothing wrong in them are taken."""
    with world.store.engine.connect() as connection:
        transaction = connection.begin()
        for statement in (*pair(), header(), SEAL_900):
            connection.execute(text(statement))
        if world.store.dialect == "postgresql":
            connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        else:
            assert connection.execute(text("PRAGMA foreign_key_check")).fetchall() == []
        transaction.rollback()


def test_who_closes_a_month_waits_for_who_posts_into_it(server):
    store = open_store(server.fresh("waits", "template_books"))
    books = Books(store)
    books.fund()
    books.accrue(earned("M1", 1_000))
    books.settle()
    books.hold("H1", "M1", 5)
    closes = "SELECT 1 FROM period WHERE id = '2026-10' FOR UPDATE NOWAIT"
    with store.engine.connect() as posting, store.engine.connect() as closing:
        with posting.begin() as begun:
            for statement in (*pair(), header(), SEAL_900):
                posting.execute(text(statement))
            with pytest.raises(DBAPIError, match="could not obtain lock"), closing.begin():
                closing.execute(text(closes))
            begun.rollback()
        with closing.begin():
            assert closing.execute(text(closes)).scalar_one() == 1
    store.close()


def test_tables_are_not_emptied(server):
    store = open_store(server.fresh("emptied", "template_books"))
    for table in ("posting", "entry", "seal", "balance", "settlement", "audit"):
        with pytest.raises(DBAPIError, match="append_only"), store.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {table} CASCADE"))
    store.close()


def test_a_month_is_closed_by_two(books):
    books.fund()
    found = books.store.write(partial(closing.propose_close, name="2026-10", act=act()))
    statement = (
        "UPDATE period SET status = 'closed', closed_at = '2026-11-01T00:00:00Z',"
        f" close_head_hash = '{found.content['head']}', approval_id = '{found.id}'"
    )
    with pytest.raises(DBAPIError, match="not_approved"), books.store.engine.begin() as connection:
        connection.execute(text(statement))
    assert books.close("2026-10") == 0


@pytest.mark.parametrize("amount", [0.5, True, "5", None])
def test_python_takes_nothing_but_whole_numbers(amount):
    with pytest.raises(TypeError):
        Entry("hold", "k", (Line(bank("CNY"), amount), Line(writeoff("CNY"), amount)))


def test_half_a_minor_unit_is_refused_or_found(books):
    """SQLite refuses it. PostgreSQL rounds it without a word, and then it is not what was sealed."""
    books.fund()
    books.accrue(earned("M1", 1_000))
    books.settle()
    books.hold("H1", "M1", 5)
    statements = (
        line(1, PAYABLE, "1.5"),
        line(2, "liab:hold:M1:CNY", "-1.5"),
        header(),
        SEAL_900,
    )

    def attack():
        with books.store.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    if books.store.dialect == "sqlite":
        with pytest.raises(DBAPIError, match="amount_whole"):
            attack()
    else:
        attack()
        assert books.audit().faults[0].entry == 900
