"""The chart of accounts: every place money can be, with the bound it never passes.

Debit is +, credit is -. A liability is at most 0, an asset and a control balance at least 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, select

from cogrow.errors import N_, LedgerError, message
from cogrow.ledger.store.bulk import among, insert_tuples, new_ids
from cogrow.ledger.store.schema import CREDITS, DEBITS, account

ACCOUNT = (
    "id",
    "code",
    "book",
    "kind",
    "merchant_id",
    "fund_id",
    "currency",
    "min_posted",
    "max_posted",
)


#: The kinds of account that control a fund; all others are money.
CONTROL = frozenset({"authorized", "available", "consumed"})


class Account(NamedTuple):
    """One account: its code says everything else."""

    code: str
    kind: str
    currency: str
    merchant: str | None = None
    fund: str | None = None

    @property
    def book(self) -> str:
        """Return `B` for the control of a fund, `F` for money."""
        return "B" if self.kind in CONTROL else "F"


def _owned(side: str, kind: str, owner: str, currency: str) -> str:
    if not owner or "  " in owner or ";" in owner or not owner.isprintable():
        what = N_("{name} cannot be the name of an account's owner.")
        raise LedgerError(message(what, name=repr(owner)))
    return f"{side}:{kind}:{owner}:{currency}"


def of_merchant(kind: str, merchant: str, currency: str) -> Account:
    """Return a merchant's account: accrued, payable, hold, ad_credit, ad_bonus or clawback."""
    side = "asset" if kind == "clawback" else "liab"
    return Account(_owned(side, kind, merchant, currency), kind, currency, merchant=merchant)


@lru_cache(maxsize=256)
def of_fund(kind: str, fund: str, currency: str) -> Account:
    """Return a fund's account: incentive or ad_bonus_cost; authorized, available or consumed."""
    side = "exp" if kind in ("incentive", "ad_bonus_cost") else "budget"
    return Account(_owned(side, kind, fund, currency), kind, currency, fund=fund)


@lru_cache(maxsize=256)
def sponsor(fund: str, funder: str, currency: str) -> Account:
    """Return the account of the money that a funder put into a fund."""
    return Account(
        _owned("liab", "sponsor", f"{fund}/{funder}", currency), "sponsor", currency, fund=fund
    )


def bank(currency: str) -> Account:
    """Return the settlement account of a currency."""
    return Account(f"asset:bank:{currency}", "bank", currency)


def in_transit(rail: str, currency: str) -> Account:
    """Return the account of what a rail was told to pay and has not confirmed."""
    return Account(_owned("liab", "in_transit", rail, currency), "in_transit", currency)


@lru_cache(maxsize=256)
def clearing(run: str, chunk: int, currency: str) -> Account:
    """Return the account through which a chunk of a run goes; zero when the chunk is done."""
    return Account(f"liab:run_clearing:{run}:{chunk}:{currency}", "run_clearing", currency)


def writeoff(currency: str) -> Account:
    """Return the account of what will not be recovered."""
    return Account(f"exp:writeoff:{currency}", "writeoff", currency)


def revenue(kind: str, currency: str) -> Account:
    """Return the revenue account `ads` or `fees`, where spent credit and offset fees arrive."""
    return Account(f"rev:{kind}:{currency}", kind, currency)


def numbers(connection: Connection, by_code: Mapping[str, Account]) -> dict[str, int]:
    """Return the number of every account by its code; accounts not there yet are opened."""
    codes = sorted(by_code)
    found = _known(connection, codes)
    missing = [code for code in codes if code not in found]
    if missing:
        rows = []
        new = dict(zip(missing, new_ids(connection, account, len(missing)), strict=True))
        for code, number in new.items():
            one = by_code[code]
            low, high = 0 if one.kind in DEBITS else None, 0 if one.kind in CREDITS else None
            owner = one.merchant, one.fund, one.currency
            rows.append((number, one.code, one.book, one.kind, *owner, low, high))
        # Who opens the same account at the same time is waited for, then all is done again.
        insert_tuples(connection, account, ACCOUNT, rows)
        found |= new
    return found


def _known(connection: Connection, codes: list[str]) -> dict[str, int]:
    query = select(account.c.code, account.c.id).where(among(connection, account.c.code, codes))
    return dict(connection.execute(query).all())
