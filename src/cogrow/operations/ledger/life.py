"""The life of a program's money, told on a demo marketplace: every step is a real verb on real books.

Two persons, alice and bob; the rail `demonstration`, which moves no money, refuses one payee and loses the
reply about another.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Any

from cogrow.embedded import Limits
from cogrow.errors import N_, Message, message
from cogrow.ledger.journal import Act
from cogrow.ledger.payouts.demonstration import LOST, REFUSED, DemonstrationRail
from cogrow.ledger.payouts.propose import Batch, add_beneficiary
from cogrow.ledger.proposals import Proposal
from cogrow.ledger.reports.closing import propose_close
from cogrow.ledger.reports.statement import Statement
from cogrow.ledger.store.database import Store, open_store
from cogrow.ledger.store.refusals import NotApproved
from cogrow.ledger.wallet import convert
from cogrow.money import format_minor
from cogrow.operations.earn import Earned, Progress, earn
from cogrow.operations.ledger.cast import Cast, cast, sent_back
from cogrow.operations.ledger.derivation import Derived, Where
from cogrow.operations.ledger.desk import Desk
from cogrow.operations.simulate import refunds_arrive

FUND, CURRENCY = "growth", "CNY"
BONUS = Fraction(1, 10)
JULY, PAYDAY, ASKED = date(2025, 7, 10), date(2025, 7, 11), date(2025, 7, 14)
AUGUST, OCTOBER, CLOSING = date(2025, 8, 5), date(2025, 10, 10), date(2025, 10, 31)
IBAN, OTHER_IBAN, BIC = "DE89370400440532013000", "DE02120300000000202051", "DEMODEFF"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done: on which day, by which command after `cogrow ledger`, and what came of it."""

    day: date
    verb: str
    says: Message


def silent(label: str, done: int, total: int) -> None:
    """Report no progress."""


class Life:
    """The books of the demo in the folder `out`, made anew, and the steps of the story."""

    def __init__(self, out: Path, earned: Sequence[Earned], limits: Limits) -> None:
        self.out, self.limits = out, limits
        self.periods = list(dict.fromkeys(one.period.name for one in earned))
        self.programs = list(dict.fromkeys(one.program.id for one in earned))
        self.earned = earned
        self.earnings = earned[0].path.parents[1]
        self.cast: Cast = cast(earned)
        self.books = out / "books.db"
        self.rail = DemonstrationRail(out / "rail.json")
        self.months: list[str] = []

    @property
    def url(self) -> str:
        """Return the URL of the books."""
        return f"sqlite:///{self.books}"

    def steps(self, facts: Path, progress: Progress) -> Iterator[Step]:
        """Live it, and yield each step once it is done."""
        for name in ("facts", "earnings"):
            shutil.rmtree(self.out / name, ignore_errors=True)
        for path in (*self.out.glob(f"{self.books.name}*"), self.rail.file):  # its journal, too
            path.unlink(missing_ok=True)
        self.out.mkdir(parents=True, exist_ok=True)
        store = open_store(self.url)
        try:
            yield self._fund(store)
            yield from self._earned(store, JULY, self.periods[0], self.earnings)
            yield from self._convert(store)
            yield from self._pay(store)
            yield from self._restate(store, facts, progress)
            yield from self._earned(store, OCTOBER, self.periods[1], self.earnings)
            yield from self._close(store)
        finally:
            store.close()

    def statements(self, progress: Progress) -> tuple[list[Statement], dict[int, Derived]]:
        """Return the published statements of the merchant the story follows, and what they come from."""
        store = open_store(self.url)
        try:
            desk = _desk(store, "alice", CLOSING)
            found = [
                one for month in self.months for one in desk.statements(month, self.cast.followed)
            ]
            where = Where((self.out / "earnings", self.earnings), self.out / "facts")
            return found, desk.derivations(found, where, progress)
        finally:
            store.close()

    def _fund(self, store: Store) -> Step:
        alice = _desk(store, "alice", JULY)
        alice.person_add("alice", "Alice")
        alice.person_add("bob", "Bob")
        alice.person_grant("bob", "finance", "")
        alice.fund_create(FUND, CURRENCY, FUND)
        total = sum(one.summary.amount_minor for one in self.earned)
        amount = -(-total * 6 // 5 // 1_000_000) * 1_000_000  # some more, in whole ten thousands
        found = alice.fund_top_up(FUND, "1", amount, "")
        try:
            alice.approve(found.id, found.content_hash)
        except NotApproved:
            _approve(store, found, JULY)
        what = N_("{amount} set aside: proposed by alice, who may not approve it; approved by bob.")
        return Step(JULY, "fund top-up", message(what, amount=_shown(amount)))

    def _earned(self, store: Store, day: date, period: str, earnings: Path) -> Iterator[Step]:
        desk = _desk(store, "alice", day)

        def book() -> Any:
            return desk.accrue(self.programs, earnings, [period], FUND, lambda done, total: None)

        booked = book()
        self.months += [f"{day:%Y-%m}"] if booked.entries else []
        said = {"more": _shown(booked.more[CURRENCY]), "period": period}
        if period == self.periods[0]:
            what = N_("{more} earned in {period} is owed now. Run again, it posts {again} entries.")
            yield Step(day, "accrue", message(what, **said, again=f"{book().entries:,}"))
        else:
            yield Step(day, "accrue", message(N_("{more} earned in {period} is owed now."), **said))
        done = desk.settle(None, lambda done, total: None)
        due, offset = done.due[CURRENCY], done.offset[CURRENCY]
        what = N_("{due} of it is due, in the wallets of {count} merchants.")
        if offset:
            what = N_("{due} of it is due; {offset} pays what {merchant} owed us.")
        said = {"due": _shown(due), "offset": _shown(offset), "merchant": self.cast.followed}
        yield Step(day, "settle", message(what, **said, count=f"{done.merchants:,}"))

    def _convert(self, store: Store) -> Iterator[Step]:
        merchant = self.cast.converts
        desk = _desk(store, "alice", PAYDAY)
        [wallet] = desk.wallets(merchant)
        amount = wallet.amounts["payable"] // 400 * 100  # a quarter, in whole yuan
        if not amount:
            return
        more = {"merchant": merchant, "currency": CURRENCY, "amount": amount, "fund": FUND}
        desk.write(convert, name="1", bonus=BONUS, **more)
        [after] = desk.wallets(merchant)
        what = N_("{merchant} turns {amount} of its wallet into ad credit and gets {bonus} more.")
        said = {"amount": _shown(amount), "bonus": _shown(after.amounts["ad_bonus"])}
        yield Step(PAYDAY, "wallet convert", message(what, merchant=merchant, **said))

    def _pay(self, store: Store) -> Iterator[Step]:
        alice = _desk(store, "alice", PAYDAY)
        banks = {self.cast.fails: f"{REFUSED}DEFF", self.cast.lost: f"{LOST}DEFF"}
        for merchant in self.cast.everybody:
            _home(alice, merchant, IBAN, banks.get(merchant, BIC))
        batch = alice.propose_batch("july", self.rail.name, CURRENCY, merchants=self.cast.everybody)
        what = N_("{count} payouts of {total}, to be sent over a rail that moves no money.")
        said = {"count": f"{len(batch.items):,}", "total": _shown(batch.total)}
        yield Step(PAYDAY, "payout propose", message(what, **said))
        approve = N_("bob approves: who gets how much, to which account. That money is set apart.")
        _approve(store, batch.proposal, PAYDAY)
        yield Step(PAYDAY, "approve", message(approve))
        states = alice.pay("july", self.rail).states
        what = N_("{paid} paid. {fails}: refused, its money is back. {lost}: no reply, so unknown.")
        went = f"{states.get('paid', 0):,}"
        said = {"paid": went, "fails": self.cast.fails, "lost": self.cast.lost}
        yield Step(PAYDAY, "payout pay", message(what, **said))
        later = _desk(store, "alice", ASKED)
        later.reconcile("july", self.rail)
        what = N_("The rail is asked: {lost} was paid. Nothing was sent twice.")
        yield Step(ASKED, "payout reconcile", message(what, lost=self.cast.lost))
        yield self._resend(store, later)

    def _resend(self, store: Store, desk: Desk) -> Step:
        _home(desk, self.cast.fails, OTHER_IBAN, BIC)
        batch: Batch = desk.resend("july-again", "july")
        _approve(store, batch.proposal, ASKED)
        desk.pay(batch.id, self.rail)
        what = N_("{fails} names another account: a new number, approved again, {total} paid.")
        said = {"fails": self.cast.fails, "total": _shown(batch.total)}
        return Step(ASKED, "payout resend", message(what, **said))

    def _restate(self, store: Store, facts: Path, progress: Progress) -> Iterator[Step]:
        back = sent_back(self.cast, self.earned, facts, self.limits, progress)
        if not back:
            return
        restated = self.cast.restated
        later, when = self.out / "facts", datetime.combine(AUGUST, time(), UTC).replace(tzinfo=None)
        refunds_arrive(facts, later, back, when)
        what = N_("A month later {merchant} refunds orders of {period}: {amount}.")
        said = {"period": self.periods[0], "merchant": self.cast.followed}
        refunded = _shown(sum(amount for *_, amount in back))
        yield Step(AUGUST, "", message(what, **said, amount=refunded))
        name, period = restated.program.id, restated.period.name
        earn([name], later, [period], self.out / "earnings", self.limits, progress)
        booked = _desk(store, "alice", AUGUST).accrue(
            [name], self.out / "earnings", [period], FUND, lambda done, total: None
        )
        self.months += [f"{AUGUST:%Y-%m}"] if booked.entries else []
        what = N_(
            "{period} computed again: {less} less. It was paid already, so it owes us {clawback}."
        )
        amounts = {"less": booked.less[CURRENCY], "clawback": booked.clawback[CURRENCY]}
        said = {name: _shown(amount) for name, amount in amounts.items()}
        yield Step(AUGUST, "accrue", message(what, period=period, **said))

    def _close(self, store: Store) -> Iterator[Step]:
        alice = _desk(store, "alice", CLOSING)
        for month in self.months:
            _approve(store, alice.write(propose_close, name=month), CLOSING)
        what = N_("{months} are closed for good; every merchant has its statements.")
        yield Step(CLOSING, "close", message(what, months=", ".join(self.months)))
        found = alice.audit()
        what = N_("{entries} entries derived again, {faults} faults.")
        said = {"entries": f"{found.entries:,}", "faults": len(found.faults)}
        yield Step(CLOSING, "audit", message(what, **said))


def _shown(amount: int) -> str:
    return f"{format_minor(amount, CURRENCY)} {CURRENCY}"


def _desk(store: Store, who: str, day: date) -> Desk:
    # The clock of the story: the same story has the same hashes.
    return Desk(store, Act(who, datetime.combine(day, time(9), UTC), day))


def _approve(store: Store, found: Proposal, day: date) -> None:
    _desk(store, "bob", day).approve(found.id, found.content_hash)


def _home(desk: Desk, merchant: str, iban: str, bic: str) -> None:
    desk.write(add_beneficiary, merchant=merchant, name=f"{merchant} Ltd", iban=iban, bic=bic)
