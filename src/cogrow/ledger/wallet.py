"""The wallet: what a merchant may withdraw, turn into ad credit, and spend; and what is held back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from sqlalchemy import Connection, func, select

from cogrow.errors import N_, LedgerError, NotFound, joined, message, nearest
from cogrow.ledger import accounts
from cogrow.ledger.accounts import Account
from cogrow.ledger.claims import KEY_COLUMNS, draw, lots, owed
from cogrow.ledger.journal import Act, Entry, Posted, entry_lines, note, posted, write
from cogrow.ledger.people import STAFF, require, require_sight, roles_of
from cogrow.ledger.store.bulk import insert_rows
from cogrow.ledger.store.claims import credit_lot, settlement
from cogrow.ledger.store.refusals import DuplicateKey, InsufficientFund
from cogrow.ledger.store.schema import account, balance, entry
from cogrow.money import Money, round_half_up

#: What stands in a wallet, in the order it is shown.
KINDS = ("accrued", "payable", "hold", "ad_credit", "ad_bonus", "fee_credit", "clawback")
#: How many names are compared with one nobody knows.
MOST_COMPARED = 1_000
Pairs = list[tuple[Account, int]]


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a merchant has in one currency, in minor units by kind; `clawback` is what it owes, and
    `expiring` the credit that is gone by a day.
    """

    merchant: str
    currency: str
    amounts: dict[str, int]
    expiring: dict[str, int]


def wallets(connection: Connection, merchant: str, viewer: str) -> list[Wallet]:
    """Return a merchant's wallets, one for each currency. Raises NotAllowed for who may not see them."""
    require_sight(connection, viewer, merchant)
    query = (
        select(account.c.currency, account.c.kind, balance.c.posted)
        .join(balance, balance.c.account_id == account.c.id)
        .where(account.c.merchant_id == merchant)
        .order_by(account.c.currency)
    )
    found: dict[str, dict[str, int]] = {}
    for currency, kind, amount in connection.execute(query):
        found.setdefault(currency, dict.fromkeys(KINDS, 0))[kind] = abs(amount)
    left = (
        select(credit_lot.c.currency, credit_lot.c.expires_on, func.sum(credit_lot.c.remaining))
        .where(
            credit_lot.c.merchant_id == merchant,
            credit_lot.c.remaining > 0,
            credit_lot.c.expires_on != "",
        )
        .group_by(credit_lot.c.currency, credit_lot.c.expires_on)
        .order_by(credit_lot.c.expires_on)
    )
    expiring: dict[str, dict[str, int]] = {}
    for currency, day, amount in connection.execute(left):
        expiring.setdefault(currency, {})[day] = int(amount)
    return [
        Wallet(merchant, currency, amounts, expiring.get(currency, {}))
        for currency, amounts in found.items()
    ]


def require_booked(connection: Connection, merchant: str, viewer: str) -> None:
    """Raise NotFound where nothing was ever booked for a merchant; who may see everybody's books is told the
    nearest name there is.
    """
    require_sight(connection, viewer, merchant)
    own = select(account.c.id).where(account.c.merchant_id == merchant)
    if connection.execute(own.limit(1)).first() is not None:
        return
    what = message(N_("The books know no merchant {name}."), name=repr(merchant))
    if {role for role, _ in roles_of(connection, viewer)}.intersection(STAFF):
        # Of many thousands, those that begin alike: comparing takes its time.
        begins = func.lower(account.c.merchant_id).startswith(
            merchant[: len(merchant) // 2].lower(), autoescape=True
        )
        alike = select(account.c.merchant_id).where(begins).distinct()
        names = connection.execute(alike.order_by(account.c.merchant_id).limit(MOST_COMPARED))
        what = joined(what, nearest(merchant, names.scalars()))
    raise NotFound(what)


def _once(
    connection: Connection, kind: str, name: str, asked: str, lines: Pairs, act: Act, merchant: str
) -> Posted:
    """Post an entry under `kind:name`. What was asked for is kept in it, to tell a repeat from a clash."""
    key = f"{kind}:{name}"
    one = Entry(kind, key, entry_lines(*lines), source_type=kind, source_id=asked)
    number = write(connection, [one], act)[0]
    note(connection, act, kind, key=key, merchant=merchant, asked=asked)
    return Posted(number, key, new=True)


def _before(connection: Connection, kind: str, name: str, asked: str) -> Posted | None:
    found = posted(connection, f"{kind}:{name}")
    if found is None:
        return None
    query = select(entry.c.source_id).where(entry.c.id == found[0])
    if connection.execute(query).scalar_one() != asked:
        what = N_("The key {key} is used already, for another entry.")
        raise DuplicateKey(message(what, key=f"{kind}:{name}"))
    return Posted(found[0], f"{kind}:{name}", new=False)


def _positive(amount: int) -> None:
    if type(amount) is not int:
        raise TypeError("minor units must be int")
    if amount <= 0:
        raise LedgerError(message(N_("The amount must be more than 0.")))


def convert(
    connection: Connection,
    name: str,
    merchant: str,
    currency: str,
    amount: int,
    act: Act,
    bonus: Fraction = Fraction(0),
    fund: str | None = None,
    expires_on: date | None = None,
) -> Posted:
    """Turn money of a wallet into ad credit, with a bonus of `bonus` times the amount from a fund, rounded
    half up once. The bonus is spent first and is never money again.

    Credit expires as the terms say under which its money was earned, counted from the act's day; the bonus on
    `expires_on`, else with the last of that credit. Raises InsufficientFund where wallet or fund has not
    enough.
    """
    _positive(amount)
    if ("merchant", merchant) not in _roles(connection, act):
        require(connection, act, "operator")
    until = expires_on.isoformat() if expires_on else ""
    asked = f"{merchant} {currency} {amount} {bonus} {fund or ''} {until}"
    if (found := _before(connection, "convert", name, asked)) is not None:
        return found
    extra = round_half_up(amount * bonus)
    if extra < 0 or (extra and fund is None):
        raise LedgerError(message(N_("A bonus is more than 0 and comes from a fund.")))
    pairs: Pairs = [
        (accounts.of_merchant("payable", merchant, currency), amount),
        (accounts.of_merchant("ad_credit", merchant, currency), -amount),
    ]
    portions = _portions(connection, merchant, currency, amount, act.day)
    rows = []
    for number, ((day, source), part) in enumerate(sorted(portions.items()), start=1):
        cost = accounts.of_fund("incentive", source, currency).code if source else ""
        lot = f"convert:{name}" + (f":{number}" if number > 1 else "")
        rows.append(_lot(lot, merchant, currency, "ad_credit", source or None, cost, part, day))
    if extra and fund is not None:
        bonus_cost = accounts.of_fund("ad_bonus_cost", fund, currency)
        forever = any(not day for day, _ in portions)
        until = until or ("" if forever else max(day for day, _ in portions))
        pairs += [
            (bonus_cost, extra),
            (accounts.of_merchant("ad_bonus", merchant, currency), -extra),
            (accounts.of_fund("consumed", fund, currency), extra),
            (accounts.of_fund("available", fund, currency), -extra),
        ]
        rows.append(
            _lot(
                f"convert:{name}:bonus",
                merchant,
                currency,
                "ad_bonus",
                fund,
                bonus_cost.code,
                extra,
                until,
            )
        )
    insert_rows(connection, credit_lot, rows)
    return _once(connection, "convert", name, asked, pairs, act, merchant)


def _portions(
    connection: Connection, merchant: str, currency: str, amount: int, day: date
) -> dict[tuple[str, str], int]:
    """Return an amount of a wallet by the last day of the credit it becomes ("": none) and the fund that has
    it again after that. Money leaves a wallet in the order in which it became due.
    """
    here = owed(
        connection, [merchant], ("payable", "hold")
    )  # locked, then its claims are looked at
    query = (
        select(settlement)
        .where(
            settlement.c.merchant_id == merchant,
            settlement.c.currency == currency,
            settlement.c.pays == "cash",
        )
        .order_by(settlement.c.matures_on, *(settlement.c[name] for name in KEY_COLUMNS))
    )
    rows = connection.execute(query).all()
    came = [max(0, row.posted_earned - row.unsettled) for row in rows]
    gone = max(0, sum(came) - sum(n for (_, code, _), n in here.items() if code == currency))
    found: dict[tuple[str, str], int] = defaultdict(int)
    for row, part in zip(rows, came, strict=True):
        lost = min(part, gone)
        taken = min(part - lost, amount)
        gone, amount = gone - lost, amount - taken
        if taken and row.expires_on:
            lasts = date.fromisoformat(row.expires_on) - date.fromisoformat(row.matures_on)
            found[(day + lasts).isoformat(), row.fund_id] += taken
        elif taken:
            found["", ""] += taken
    if amount:  # what came by a correction
        found["", ""] += amount
    return found


def _roles(connection: Connection, act: Act) -> set[tuple[str, str]]:
    return roles_of(connection, act.actor)


def _lot(
    name: str,
    merchant: str,
    currency: str,
    kind: str,
    fund: str | None,
    cost: str,
    amount: int,
    until: str,
) -> dict[str, object]:
    return {
        "id": name,
        "merchant_id": merchant,
        "currency": currency,
        "kind": kind,
        "fund_id": fund,
        "cost_code": cost,
        "granted": amount,
        "remaining": amount,
        "expires_on": until,
    }


def spend(
    connection: Connection, name: str, merchant: str, currency: str, amount: int, act: Act
) -> Posted:
    """Spend ad credit: bonus first, and of it what expires first. Raises InsufficientFund."""
    _positive(amount)
    require(connection, act, "operator")
    asked = f"{merchant} {currency} {amount}"
    if (found := _before(connection, "spend", name, asked)) is not None:
        return found
    pairs: Pairs = [(accounts.revenue("ads", currency), -amount)]
    rest = amount
    for lot in lots(connection, merchant, currency):
        expired = lot["expires_on"] and lot["expires_on"] <= act.day.isoformat()
        part = 0 if expired else min(lot["remaining"], rest)
        if part:
            draw(connection, lot, part)
            pairs.append((accounts.of_merchant(lot["kind"], merchant, currency), part))
            rest -= part
    if rest:
        what = N_("{merchant} has {short} too little ad credit.")
        raise InsufficientFund(message(what, merchant=merchant, short=str(Money(rest, currency))))
    return _once(connection, "spend", name, asked, pairs, act, merchant)


def expire(connection: Connection, act: Act, as_of: date | None = None) -> list[Posted]:
    """Take back credit that expires by `as_of` (else the act's day); its fund has it again."""
    require(connection, act, "operator")
    day = (as_of or act.day).isoformat()
    query = (
        select(credit_lot)
        .where(
            credit_lot.c.remaining > 0,
            credit_lot.c.expires_on != "",
            credit_lot.c.expires_on <= day,
        )
        .order_by(credit_lot.c.id)
        .with_for_update()
    )
    done = []
    rows = connection.execute(query).mappings().all()
    for lot in [{str(name): value for name, value in row.items()} for row in rows]:
        merchant, currency, fund, left = (
            lot[name] for name in ("merchant_id", "currency", "fund_id", "remaining")
        )
        kind = "ad_bonus_cost" if lot["cost_code"].startswith("exp:ad_bonus") else "incentive"
        pairs: Pairs = [
            (accounts.of_merchant(lot["kind"], merchant, currency), left),
            (accounts.of_fund(kind, fund, currency), -left),
            (accounts.of_fund("consumed", fund, currency), -left),
            (accounts.of_fund("available", fund, currency), left),
        ]
        draw(connection, lot, left)
        done.append(
            _once(connection, "expire", lot["id"], f"{merchant} {left}", pairs, act, merchant)
        )
    return done


def move(
    connection: Connection,
    verb: str,
    name: str,
    merchant: str,
    currency: str,
    amount: int,
    act: Act,
) -> Posted:
    """Hold back what is payable (`hold`), let it go again (`release`), or set fee credit against fees
    (`offset`). Raises InsufficientFund where there is less.
    """
    _positive(amount)
    require(connection, act, "operator")
    asked = f"{merchant} {currency} {amount}"
    if (found := _before(connection, verb, name, asked)) is not None:
        return found
    payable = accounts.of_merchant("payable", merchant, currency)
    held = accounts.of_merchant("hold", merchant, currency)
    giver, taker = {
        "hold": (payable, held),
        "release": (held, payable),
        "offset": (
            accounts.of_merchant("fee_credit", merchant, currency),
            accounts.revenue("fees", currency),
        ),
    }[verb]
    return _once(connection, verb, name, asked, [(giver, amount), (taker, -amount)], act, merchant)
