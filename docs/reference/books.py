"""The parts of `ledger.md`: tables, accounts, and what each verb posts, by posting it now."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Column, Table, select

from cogrow.ledger import accrual, corrections, funds, people, proposals, settlement, wallet
from cogrow.ledger.accrual import Earning
from cogrow.ledger.journal import Act
from cogrow.ledger.payouts import pay, propose
from cogrow.ledger.payouts.demonstration import DemonstrationRail
from cogrow.ledger.proposals import Proposal
from cogrow.ledger.store.database import Store, open_store
from cogrow.ledger.store.freeze import METADATA
from cogrow.ledger.store.rules import APPEND_ONLY
from cogrow.ledger.store.schema import CREDITS, DEBITS, KINDS, account, entry, posting
from docs.reference.table import code, complete, table

#: What a row of each table is.
TABLES = {
    "currency": "a currency and its decimals",
    "fund": "a fund",
    "account": "a place money can be, with the bound it never passes",
    "balance": "what stands in an account; postings change it, nothing else",
    "person": "somebody who acts",
    "person_role": "a role of a person, from when until when",
    "api_key": "the hash of a key that acts for a person",
    "approval": "a proposal: exactly what is to happen, and its hash",
    "approval_vote": "somebody's vote for exactly that",
    "period": "an accounting month, open or closed",
    "entry": "the header of an entry: what, when, by whom, under which key",
    "posting": "an amount in an account: debit +, credit -",
    "seal": "the hash of an entry and of the seal before it",
    "audit": "something that was done, chained like seals",
    "run": "an accrual run",
    "settlement": "what is booked of an earning; compared and set, so that a re-run posts the difference",
    "credit_lot": "a portion of ad credit: what is left, and until when",
    "beneficiary": "an account a merchant is paid to, from then on",
    "payout_batch": "payouts proposed together",
    "payout": "one payout and its state",
    "payout_attempt": "what a rail was told, or answered, byte for byte",
    "statement": "a published statement",
    "statement_line": "a line of it",
    "dispute": "what a merchant says is wrong",
    "dispute_answer": "an answer to it",
}
#: How the code of each kind of account begins, and what stands in it.
ACCOUNTS = {
    "accrued": ("liab:accrued:MERCHANT", "earned, not yet mature"),
    "payable": ("liab:payable:MERCHANT", "due: the wallet"),
    "hold": ("liab:hold:MERCHANT", "held back while something is looked into"),
    "ad_credit": ("liab:ad_credit:MERCHANT", "money turned into ad credit"),
    "ad_bonus": (
        "liab:ad_bonus:MERCHANT",
        "given as ad credit: spent first, may expire, never money",
    ),
    "fee_credit": ("liab:fee_credit:MERCHANT", "set against fees"),
    "clawback": ("asset:clawback:MERCHANT", "what the merchant owes us"),
    "in_transit": (
        "liab:in_transit:RAIL",
        "a rail was told to pay it, and has not said how it ended",
    ),
    "bank": ("asset:bank", "our account"),
    "sponsor": ("liab:sponsor:FUND/FUNDER", "a funder's money that is not spent yet"),
    "run_clearing": ("liab:run_clearing:RUN:CHUNK", "zero when a chunk of a run is done"),
    "incentive": ("exp:incentive:FUND", "cost of what merchants earn, less what funders bear"),
    "ad_bonus_cost": ("exp:ad_bonus_cost:FUND", "cost of bonus credit"),
    "writeoff": ("exp:writeoff", "what will not be paid back"),
    "ads": ("rev:ads", "ad credit that was spent"),
    "fees": ("rev:fees", "fees that credit was set against"),
    "authorized": ("budget:authorized:FUND", "the other side of both below"),
    "available": ("budget:available:FUND", "what is left of the fund"),
    "consumed": ("budget:consumed:FUND", "what of it is promised or spent"),
}


def ledger_tables() -> str:
    """Return every table of the books with its columns."""
    complete(METADATA.tables, TABLES)
    return "".join(_table(METADATA.tables[name], said) for name, said in TABLES.items())


def _table(found: Table, said: str) -> str:
    key = ", ".join(code(column.name) for column in found.primary_key.columns)
    changes = "Rows are only added." if found.name in APPEND_ONLY else "Rows change, and never go."
    rows = [
        [code(c.name), _holds(c), "yes" if c.nullable else "", ", ".join(_refers(c))]
        for c in found.columns
    ]
    heads = ["column", "holds", "may be empty", "a row of"]
    return (
        f"### {found.name}\n\n{said.capitalize()}. {changes} Key: {key}.\n\n{table(heads, rows)}\n"
    )


def _holds(column: Column[Any]) -> str:
    return {"str": "text", "int": "whole number", "bytes": "bytes"}[
        column.type.python_type.__name__
    ]


def _refers(column: Column[Any]) -> Iterator[str]:
    names = {key.column.table.name for key in column.foreign_keys}
    yield from (code(name) for name in sorted(names) if name != column.table.name)


def ledger_accounts() -> str:
    """Return the chart of accounts with the bound of each."""
    complete(KINDS, ACCOUNTS)
    rows = []
    for kind, (begins, said) in ACCOUNTS.items():
        bound = "≤ 0" if kind in CREDITS else "≥ 0" if kind in DEBITS else ""
        book = "control" if begins.startswith("budget") else "money"
        rows.append([code(f"{begins}:CURRENCY"), book, bound, said])
    return table(["account", "book", "bound", "what stands in it"], rows)


class _Story:
    """Books in a temporary file, and what each step posts in them."""

    def __init__(self, store: Store, rail: DemonstrationRail) -> None:
        self.store, self.rail, self.seen = store, rail, 0
        for name, role in (("alice", "operator"), ("bob", "finance")):
            self.do(people.add_person, "alice", name=name, full_name=name.title())
            self.do(people.grant, "alice", name=name, role=role)
        for fund in ("F1", "F2"):
            self.do(funds.create, "alice", name=fund, currency="CNY", title=fund)

    @staticmethod
    def act(who: str = "alice", day: date = date(2026, 10, 5)) -> Act:
        return Act(who, datetime(day.year, day.month, day.day, 12, tzinfo=UTC), day)

    def do(self, verb: Callable[..., Any], who: str = "alice", /, **arguments: Any) -> Any:
        return self.store.write(partial(verb, act=self.act(who), **arguments))

    def approve(self, found: Proposal) -> None:
        verb = proposals.approve_entry
        self.do(verb, "bob", name=found.id, shown=found.content_hash)

    def accrue(self, amount: int, period: str) -> None:
        matures = date(2026, 10, 1)
        one = Earning("SPR", "v3", "M1", period, "CNY", amount, "F1", matures)
        accrual.accrue(self.store, [one], self.act())

    def pay(self, batch: propose.Batch) -> None:
        self.do(propose.approve_batch, "bob", name=batch.id, shown=batch.proposal.content_hash)
        pay.pay(self.store, batch.id, self.rail, self.act())

    def home(self, iban: str, bic: str) -> None:
        more = {"merchant": "M1", "name": "M1", "iban": iban, "bic": bic}
        self.do(propose.add_beneficiary, **more)

    def posted(self) -> Iterator[tuple[str, str]]:
        """Yield key and postings of every entry since the last call."""
        query = (
            select(entry.c.id, entry.c.idempotency_key, account.c.code, posting.c.amount)
            .join(posting, posting.c.entry_id == entry.c.id)
            .join(account, account.c.id == posting.c.account_id)
            .where(entry.c.id > self.seen)
            .order_by(entry.c.id, posting.c.line_no)
        )
        lines: dict[str, list[str]] = {}
        with self.store.read() as connection:
            for number, key, place, amount in connection.execute(query):
                self.seen = number
                lines.setdefault(key, []).append(f"`{place}` {amount:+,}")
        for key, found in lines.items():
            yield _named(key), _named("<br>".join(found))


def _named(text: str) -> str:
    """Return a text with words for the hashes of a run and of the keys that it books."""
    return re.sub(r"clear:[0-9a-f]{64}", "clear:KEYS", re.sub(r":[0-9a-f]{16}:", ":RUN:", text))


def _steps(story: _Story) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the worked postings, in the order they happen, each with how it is done."""
    merchant = {"merchant": "M1", "currency": "CNY"}
    convert = {**merchant, "name": "C1", "bonus": Fraction(1, 10), "fund": "F2"}
    owed = {**merchant, "fund": "F1", "reason": "a promise by mail"}

    def failed() -> None:
        story.home("DE89370400440532013000", "FAILDEFF")
        batch = {"name": "P1", "rail": story.rail.name, "currency": "CNY"}
        story.pay(story.do(propose.propose_batch, **batch))

    def again() -> None:
        story.home("DE02120300000000202051", "GOODDEFF")
        story.pay(story.do(propose.resend, name="P2", failed="P1"))

    def funded(fund: str, amount: int, funder: str = "") -> None:
        more = {"name": fund, "number": funder or "1", "amount": amount, "funder": funder}
        story.approve(story.do(funds.top_up, **more))

    yield "fund 1,000,000.00", lambda: funded("F1", 100_000_000)
    yield "a partner adds 5,000.00 to another fund", lambda: funded("F2", 500_000, "brand")
    yield "accrue 7,500.00", lambda: story.accrue(750_000, "2026-08")
    yield "settle", lambda: settlement.settle(story.store, story.act())
    yield (
        "hold 100.00",
        lambda: story.do(wallet.move, **merchant, verb="hold", name="H1", amount=10_000),
    )
    yield (
        "release it",
        lambda: story.do(wallet.move, **merchant, verb="release", name="H1", amount=10_000),
    )
    yield (
        "convert 2,000.00, 10 % bonus",
        lambda: story.do(wallet.convert, amount=200_000, **convert),
    )
    yield (
        "spend 300.00 on ads",
        lambda: story.do(wallet.spend, **merchant, name="S1", amount=30_000),
    )
    yield "pay 5,500.00; it fails", failed
    yield "pay it again, to another account, under a new number", again
    yield "refunds: 7,440.00 after all", lambda: story.accrue(744_000, "2026-08")
    yield "accrue 50.00 of the next period", lambda: story.accrue(5_000, "2026-09")
    yield "settle, with offset", lambda: settlement.settle(story.store, story.act())
    yield (
        "give up the rest",
        lambda: story.approve(
            story.do(corrections.write_off, **merchant, number="1", amount=1_000, reason="closed")
        ),
    )
    yield (
        "adjust by 20.00",
        lambda: story.approve(story.do(corrections.adjust, **owed, number="1", amount=2_000)),
    )
    yield (
        "transfer 1,000.00 between funds",
        lambda: story.approve(
            story.do(funds.transfer, giver="F1", taker="F2", number="1", amount=100_000)
        ),
    )


def ledger_postings() -> str:
    """Return what each verb posts, by doing it."""
    rows = []
    with TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/books.db")
        story = _Story(store, DemonstrationRail(Path(folder) / "rail.json"))
        for step, do in _steps(story):
            do()
            rows += [
                [step if n == 0 else "", code(key), lines]
                for n, (key, lines) in enumerate(story.posted())
            ]
        store.close()
    return table(["step", "idempotency key", "postings, in minor units"], rows)
