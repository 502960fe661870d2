"""Books as tests speak of them: people, funds, earnings, and what a merchant has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from cogrow.ledger import accrual, funds, people, proposals, settlement, wallet
from cogrow.ledger.accrual import Accrued, Earning
from cogrow.ledger.journal import Act, Posted
from cogrow.ledger.payouts import propose
from cogrow.ledger.payouts.propose import Batch
from cogrow.ledger.proposals import Proposal
from cogrow.ledger.reports import closing, statement
from cogrow.ledger.reports.audit import Audited, check
from cogrow.ledger.reports.statement import Statement
from cogrow.ledger.settlement import Settled
from cogrow.ledger.store.claims import payout
from cogrow.ledger.store.database import Store
from cogrow.ledger.store.schema import account, balance, period

TODAY = date(2026, 10, 5)
#: In memory, where the system has such a folder: a process that is killed loses nothing there either, and no
#: commit waits for a disk.
_MEMORY = Path("/dev/shm")
PEOPLE = {"alice": "operator", "bob": "finance", "carol": "finance", "dora": "auditor"}


@contextmanager
def quick_folder() -> Iterator[Path]:
    """Yield a folder for books of SQLite."""
    here = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with TemporaryDirectory(dir=here) as folder:
        yield Path(folder)


def act(actor: str = "alice", day: date = TODAY, via: str = "person") -> Act:
    """Return somebody doing something on a day, at noon."""
    return Act(actor, datetime(day.year, day.month, day.day, 12, tzinfo=UTC), day, via)


def earned(merchant: str, amount: int, **more: Any) -> Earning:
    """Return an earning of September, mature at the end of it."""
    values: dict[str, Any] = {
        "program": "SPR",
        "version": "v3",
        "period": "2026-09",
        "currency": "CNY",
        "fund": "F1",
        "matures_on": date(2026, 10, 1),
    } | more
    return Earning(merchant=merchant, amount=amount, **values)


class Books:
    """Books with four people, and the verbs in few words."""

    def __init__(self, store: Store, *, people_there: bool = False) -> None:
        self.store = store
        if not people_there:
            store.write(self._people)

    @staticmethod
    def _people(connection: Any) -> None:
        for name, role in PEOPLE.items():
            people.add_person(connection, name, name.title(), act("alice"))
            people.grant(connection, name, role, act("alice"))

    def propose_fund(
        self,
        name: str,
        amount: int,
        number: str,
        funder: str = "",
        day: date = TODAY,
        who: str = "alice",
    ) -> Proposal:
        def work(connection: Any) -> Proposal:
            funds.create(connection, name, "CNY", name, act(who, day))
            return funds.top_up(connection, name, number, amount, act(who, day), funder)

        return self.store.write(work)

    def fund(
        self,
        name: str = "F1",
        amount: int = 100_000_000,
        number: str = "1",
        funder: str = "",
        day: date = TODAY,
    ) -> Posted:
        found = self.propose_fund(name, amount, number, funder, day)
        voter = act("bob", day)
        done = self.store.write(
            partial(proposals.approve_entry, name=found.id, shown=found.content_hash, act=voter)
        )
        assert done is not None
        return done

    def hold(self, name: str, merchant: str, amount: int, verb: str = "hold") -> Posted:
        more: dict[str, Any] = {
            "name": name,
            "merchant": merchant,
            "currency": "CNY",
            "amount": amount,
        }
        return self.store.write(partial(wallet.move, verb=verb, act=act(), **more))

    def accrue(
        self, *earnings: Earning, day: date = TODAY, booked_by: date | None = None, **more: Any
    ) -> Accrued:
        who = act(day=booked_by or day)
        return accrual.accrue(self.store, earnings, who, day, **more)

    def settle(self, day: date = TODAY, **more: Any) -> Settled:
        return settlement.settle(self.store, act(day=day), **more)

    def convert(self, name: str, merchant: str, amount: int, **more: Any) -> Posted:
        values: dict[str, Any] = {
            "bonus": Fraction(1, 10),
            "fund": "F2",
            "expires_on": date(2027, 1, 1),
        } | more
        return self.store.write(
            lambda c: wallet.convert(c, name, merchant, "CNY", amount, act(), **values)
        )

    def has(self, merchant: str, viewer: str = "alice") -> dict[str, int]:
        """Return what a merchant has, by kind, without what is 0."""
        with self.store.read() as connection:
            found = wallet.wallets(connection, merchant, viewer)
        return {kind: n for one in found for kind, n in one.amounts.items() if n}

    def wallet(self, merchant: str) -> wallet.Wallet:
        """Return what a merchant has in the one currency it has anything in."""
        with self.store.read() as connection:
            [found] = wallet.wallets(connection, merchant, "alice")
        return found

    def posted(self, code: str) -> int:
        """Return the balance of an account; 0 where there is none."""
        query = (
            select(balance.c.posted)
            .join(account, account.c.id == balance.c.account_id)
            .where(account.c.code == code)
        )
        with self.store.read() as connection:
            return connection.execute(query).scalar() or 0

    def balances(self) -> dict[str, int]:
        """Return the balance of every account."""
        query = select(account.c.code, balance.c.posted).join(
            balance, balance.c.account_id == account.c.id
        )
        with self.store.read() as connection:
            return {row.code: row.posted for row in connection.execute(query)}

    def statements(
        self, month: str, merchant: str | None = None, viewer: str = "alice"
    ) -> list[Statement]:
        with self.store.read() as connection:
            return list(statement.statements(connection, month, viewer, merchant))

    def audit(self) -> Audited:
        with self.store.read() as connection:
            return check(connection)

    def clean(self) -> None:
        """Fail unless the auditor finds nothing wrong."""
        assert [str(fault.what) for fault in self.audit().faults] == []

    def home(self, *merchants: str) -> None:
        """Give merchants an account to be paid to."""
        for name in merchants:
            to: dict[str, Any] = {"name": name, "iban": f"DE00{name:0>18}", "bic": "COBADEFF"}
            self.store.write(partial(propose.add_beneficiary, merchant=name, act=act(), **to))

    def propose(self, name: str, **more: Any) -> Batch:
        work = partial(
            propose.propose_batch, name=name, rail="fake", currency="CNY", act=act(), **more
        )
        return self.store.write(work)

    def approve(self, batch: Batch, *voters: str) -> Proposal:
        for voter in voters or ("bob",):
            found = self.store.write(
                partial(
                    propose.approve_batch,
                    name=batch.id,
                    shown=batch.proposal.content_hash,
                    act=act(voter),
                )
            )
        return found

    def close(self, month: str, day: date = TODAY, signed_off: str = "") -> int | None:
        found = self.store.write(
            partial(closing.propose_close, name=month, act=act(day=day), signed_off=signed_off)
        )
        return self.store.write(
            partial(
                closing.approve_close, name=found.id, shown=found.content_hash, act=act("bob", day)
            )
        )

    def is_proposed(self, batch: str) -> bool:
        """Tell whether there is such a batch."""
        return bool(self.states(batch))

    def is_closed(self, month: str) -> bool:
        """Tell whether a month is closed."""
        query = select(period.c.status).where(period.c.id == month)
        with self.store.read() as connection:
            return connection.execute(query).scalar() == "closed"

    def states(self, batch: str) -> dict[str, str]:
        """Return the state of each payout of a batch, by merchant."""
        query = select(payout.c.merchant_id, payout.c.status).where(payout.c.batch_id == batch)
        with self.store.read() as connection:
            return {row.merchant_id: row.status for row in connection.execute(query)}
