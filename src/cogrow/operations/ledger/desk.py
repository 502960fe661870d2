"""A desk at the books: somebody, on a day, doing one verb at a time, each in its own transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from cogrow.embedded import Limits
from cogrow.errors import N_, LedgerError, message
from cogrow.ledger import corrections, funds, people, proposals, wallet
from cogrow.ledger.accrual import Accrued, Progress, accrue
from cogrow.ledger.journal import Act
from cogrow.ledger.payouts import pay as paying
from cogrow.ledger.payouts import propose
from cogrow.ledger.payouts.rail import Rail
from cogrow.ledger.reports import audit, closing, export, statement
from cogrow.ledger.settlement import Settled, settle
from cogrow.ledger.store.database import Store, open_store
from cogrow.ledger.store.rules import APPEND_ONLY
from cogrow.operations.ledger.derivation import Derived, Where, derivations
from cogrow.operations.ledger.earnings import read_earnings

_T = TypeVar("_T")


class Desk:
    """The verbs. With `dry`, everything is tried and checked, and nothing is kept."""

    def __init__(self, store: Store, act: Act, *, dry: bool = False) -> None:
        self.store, self.act, self.dry = store, act, dry

    def write(self, verb: Callable[..., _T], /, **arguments: Any) -> _T:
        """Do a verb of the ledger that writes, as the person at the desk."""
        return self.store.write(partial(verb, act=self.act, **arguments), dry=self.dry)

    def read(self, verb: Callable[..., _T], /, **arguments: Any) -> _T:
        """Do a verb that only reads."""
        with self.store.read() as connection:
            return verb(connection, **arguments)

    def person_add(self, name: str, full_name: str) -> None:
        """Add a person; the first one adds itself."""
        self.write(people.add_person, name=name, full_name=full_name)

    def person_grant(self, name: str, role: str, merchant: str) -> None:
        """Give a person a role."""
        self.write(people.grant, name=name, role=role, merchant=merchant)

    def person_revoke(self, name: str, role: str, merchant: str) -> None:
        """Take a role away."""
        self.write(people.revoke, name=name, role=role, merchant=merchant)

    def key_add(self, key: str, of: str, secret: str) -> None:
        """Let whoever has the secret act for a person."""
        self.write(people.add_key, key=key, of=of, secret=secret)

    def runtime_role(self, role: str) -> tuple[str, ...]:
        """Make the role that cogrow runs as on PostgreSQL; return the tables it may only add to."""
        self.write(people.add_runtime, role=role)
        return APPEND_ONLY

    def fund_create(self, name: str, currency: str, title: str) -> None:
        """Create an empty fund."""
        self.write(funds.create, name=name, currency=currency, title=title)

    def fund_top_up(self, name: str, number: str, amount: int, funder: str) -> proposals.Proposal:
        """Propose to put money into a fund."""
        return self.write(funds.top_up, name=name, number=number, amount=amount, funder=funder)

    def fund_transfer(self, giver: str, taker: str, number: str, amount: int) -> proposals.Proposal:
        """Propose to move unspent money between funds."""
        return self.write(funds.transfer, giver=giver, taker=taker, number=number, amount=amount)

    def funds(self) -> list[funds.Fund]:
        """Return every fund, for who may see everything."""

        def look(connection: Connection) -> list[funds.Fund]:
            people.require_sight(connection, self.act.actor, None)
            return funds.funds(connection)

        return self.read(look)

    def proposal(self, name: str) -> proposals.Proposal:
        """Return a proposal, to be looked at before a vote."""

        def look(connection: Connection) -> proposals.Proposal:
            people.require_sight(connection, self.act.actor, None)
            return proposals.proposal(connection, name)

        return self.read(look)

    def approve(self, name: str, shown: str) -> proposals.Proposal:
        """Vote for a proposal of any kind, and carry it out once there are votes enough."""
        kind = self.read(proposals.proposal, name=name).kind
        if kind == "payout":
            batch = name.removeprefix("payout:")
            self.write(propose.approve_batch, name=batch, shown=shown)
        elif kind == "close":
            self.write(closing.approve_close, name=name, shown=shown)
        else:
            self.write(proposals.approve_entry, name=name, shown=shown)
        return self.read(proposals.proposal, name=name)

    def accrue(
        self,
        names: Iterable[str],
        folder: Path,
        periods: Sequence[str],
        fund: str | None,
        progress: Progress,
    ) -> Accrued:
        """Book what programs earned in periods."""
        rows, whole = read_earnings(names, folder, periods, fund)
        return accrue(self.store, rows, self.act, whole=whole, dry=self.dry, progress=progress)

    def settle(self, as_of: date | None, progress: Progress) -> Settled:
        """Make due what is mature."""
        return settle(self.store, self.act, as_of, dry=self.dry, progress=progress)

    def wallets(self, merchant: str) -> list[wallet.Wallet]:
        """Return what a merchant has. Raises NotFound for one the books do not know."""
        self.read(wallet.require_booked, merchant=merchant, viewer=self.act.actor)
        return self.read(wallet.wallets, merchant=merchant, viewer=self.act.actor)

    def propose_batch(
        self,
        name: str,
        rail: str,
        currency: str,
        least: int = 1,
        merchants: Sequence[str] | None = None,
    ) -> propose.Batch:
        """Propose to pay out every wallet, or those of some merchants."""
        more = {"least": least, "merchants": merchants}
        return self.write(propose.propose_batch, name=name, rail=rail, currency=currency, **more)

    def resend(self, name: str, failed: str) -> propose.Batch:
        """Propose to pay again what failed in a batch."""
        return self.write(propose.resend, name=name, failed=failed)

    def rail_of(self, name: str) -> str:
        """Return the name of the rail a batch was proposed for."""
        return str(self.proposal(f"payout:{name}").content["rail"])

    def pay(self, name: str, rail: Rail) -> paying.Paid:
        """Send an approved batch. There is no rehearsal of that."""
        self._for_real()
        return paying.pay(self.store, name, rail, self.act)

    def send_again(self, name: str, rail: Rail) -> paying.Paid:
        """Send again, under the same numbers, what nobody knows the end of."""
        self._for_real()
        return paying.resend(self.store, name, rail, self.act)

    def reconcile(self, name: str, rail: Rail) -> paying.Paid:
        """Ask the rail what became of a batch."""
        self._for_real()
        return paying.reconcile(self.store, name, rail, self.act)

    def _for_real(self) -> None:
        if self.dry:
            raise LedgerError(message(N_("What a rail does cannot be rehearsed.")))

    def statements(self, month: str, merchant: str | None) -> list[statement.Statement]:
        """Return statements of a month. Raises NotFound for a month or a merchant the books do not know."""
        with self.store.read() as connection:
            found = list(statement.statements(connection, month, self.act.actor, merchant))
            if merchant is not None and not found:
                wallet.require_booked(connection, merchant, self.act.actor)
            return found

    def derivations(
        self, found: Sequence[statement.Statement], where: Where, progress: Any
    ) -> dict[int, Derived]:
        """Return where the lines of statements come from, by the number of their entry."""
        return derivations(self.store, found, where, Limits(), progress)

    def disputes(self, merchant: str | None) -> list[corrections.Dispute]:
        """Return disputes with their answers."""
        return self.read(corrections.disputes, viewer=self.act.actor, merchant=merchant)

    def audit(self) -> audit.Audited:
        """Derive everything again."""

        def look(connection: Connection) -> audit.Audited:
            people.require_sight(connection, self.act.actor, None)
            return audit.check(connection)

        return self.read(look)

    def export(self, form: str) -> Iterator[str]:
        """Yield the books as text: `hledger` or `csv`."""
        with self.store.read() as connection:
            people.require_sight(connection, self.act.actor, None)
            yield from {"hledger": export.hledger, "csv": export.as_csv}[form](connection)


@contextmanager
def desk(url: str, act: Act, *, dry: bool = False, key: str = "") -> Iterator[Desk]:
    """Yield a desk at the books at `url`; with an API key, for whoever the key acts for."""
    store = open_store(url)
    try:
        if key:
            with store.read() as connection:
                actor, via = people.owner_of(connection, key)
            act = Act(actor, act.at, act.day, via)
        yield Desk(store, act, dry=dry)
    finally:
        store.close()
