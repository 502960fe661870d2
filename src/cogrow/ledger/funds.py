"""Funds: money set aside for promises. What is left of one can never be spent twice, or below zero."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from cogrow.errors import N_, DataError, LedgerError, NotFound, message
from cogrow.ledger import accounts
from cogrow.ledger.journal import Act, Entry, entry_lines, note
from cogrow.ledger.people import require
from cogrow.ledger.proposals import Proposal, propose_entry
from cogrow.ledger.store.refusals import InsufficientFund
from cogrow.ledger.store.schema import account, balance, fund
from cogrow.money import EXPONENTS, Money


@dataclass(frozen=True, slots=True)
class Fund:
    """A fund in minor units: authorized = available + consumed. Funders' money is what they have left."""

    id: str
    title: str
    currency: str
    authorized: int
    available: int
    consumed: int
    funders: tuple[tuple[str, int], ...] = ()


def create(connection: Connection, name: str, currency: str, title: str, act: Act) -> None:
    """Create an empty fund, or find it there as described. Raises LedgerError where it is another."""
    require(connection, act, "operator", "finance")
    if currency not in EXPONENTS:
        raise NotFound(message(N_("{code} is no currency we know."), code=repr(currency)))
    found = connection.execute(select(fund).where(fund.c.id == name)).first()
    if found is not None:
        if (found.currency, found.title) != (currency, title):
            raise LedgerError(message(N_("There is another fund {name}."), name=repr(name)))
        return
    connection.execute(
        fund.insert().values(id=name, currency=currency, title=title, created_at=act.instant)
    )
    note(connection, act, "fund create", fund=name, currency=currency, title=title)


def currency_of(connection: Connection, name: str) -> str:
    """Return the currency of a fund. Raises NotFound."""
    found: str | None = connection.execute(
        select(fund.c.currency).where(fund.c.id == name)
    ).scalar()
    if found is None:
        raise NotFound(message(N_("There is no fund {name}."), name=repr(name)))
    return found


def top_up(
    connection: Connection, name: str, number: str, amount: int, act: Act, funder: str = ""
) -> Proposal:
    """Propose to put `amount` minor units into a fund; less than zero takes unspent money out.

    `number` tells top-ups of one fund apart. Money of a `funder` arrives at the bank, and is owed to it
    until it is spent.
    """
    currency = currency_of(connection, name)
    pairs = [
        (accounts.of_fund("available", name, currency), amount),
        (accounts.of_fund("authorized", name, currency), -amount),
    ]
    if funder:
        pairs += [
            (accounts.bank(currency), amount),
            (accounts.sponsor(name, funder, currency), -amount),
        ]
    one = Entry(
        "fund", f"fund:{name}:{number}", entry_lines(*pairs), source_type="fund", source_id=name
    )
    return propose_entry(connection, one, act)


def transfer(
    connection: Connection, giver: str, taker: str, number: str, amount: int, act: Act
) -> Proposal:
    """Propose to move `amount` minor units of what is unspent from one fund to another."""
    currency = currency_of(connection, giver)
    if amount <= 0 or giver == taker or currency_of(connection, taker) != currency:
        what = N_("A transfer moves some money between two funds of one currency.")
        raise LedgerError(message(what))
    pairs = [
        (accounts.of_fund("available", giver, currency), -amount),
        (accounts.of_fund("authorized", giver, currency), amount),
        (accounts.of_fund("available", taker, currency), amount),
        (accounts.of_fund("authorized", taker, currency), -amount),
    ]
    key = f"transfer:{giver}:{taker}:{number}"
    one = Entry("transfer", key, entry_lines(*pairs), source_type="fund", source_id=giver)
    return propose_entry(connection, one, act)


def funds(connection: Connection) -> list[Fund]:
    """Return every fund with what it has, ordered by id."""
    query = (
        select(account.c.fund_id, account.c.kind, account.c.code, balance.c.posted)
        .join(balance, balance.c.account_id == account.c.id)
        .where(account.c.fund_id.is_not(None))
    )
    sums: dict[tuple[str, str], int] = {}
    funders: dict[str, list[tuple[str, int]]] = {}
    for name, kind, code, posted in connection.execute(query):
        sums[name, kind] = posted
        if kind == "sponsor":
            who = code.removeprefix(f"liab:sponsor:{name}/").rpartition(":")[0]
            funders.setdefault(name, []).append((who, -posted))
    return [
        Fund(
            one.id,
            one.title,
            one.currency,
            -sums.get((one.id, "authorized"), 0),
            sums.get((one.id, "available"), 0),
            sums.get((one.id, "consumed"), 0),
            tuple(sorted(funders.get(one.id, []))),
        )
        for one in connection.execute(select(fund).order_by(fund.c.id))
    ]


def cover(connection: Connection, wanted: Mapping[tuple[str, str], int]) -> None:
    """Check that funds have what is needed of them, by fund and currency, in minor units.

    Raises InsufficientFund, and DataError where a fund is in another currency.
    """
    needed: dict[str, int] = defaultdict(int)
    for (name, currency), amount in sorted(wanted.items()):
        needed[name] += amount
        if currency_of(connection, name) != currency:
            what = N_("The fund {fund} is not in {currency}.")
            raise DataError(message(what, fund=name, currency=currency))
    found = {one.id: one for one in funds(connection)} if needed else {}
    for name, amount in sorted(needed.items()):
        own = found[name]
        if amount > own.available:
            what = N_("The fund {fund} has {has} left, and {needed} is needed.")
            left, wants = (str(Money(n, own.currency)) for n in (own.available, amount))
            raise InsufficientFund(message(what, fund=name, has=left, needed=wants))
