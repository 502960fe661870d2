"""accrue: book what was earned. Only the difference to what is booked is posted, once, however often run.

Merchants are booked in chunks, a transaction each. All of a merchant is in one chunk, and what a chunk does
to a merchant depends on nothing else, so neither order nor size of the chunks changes an amount.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from cogrow.errors import N_, DataError, message
from cogrow.ledger import accounts
from cogrow.ledger.accounts import Account
from cogrow.ledger.claims import (
    KEY_COLUMNS,
    Claim,
    Key,
    draw,
    locked,
    lots,
    owed,
    save,
    seen,
)
from cogrow.ledger.funds import cover
from cogrow.ledger.journal import Act, Entry, digest, entry_lines, note, write
from cogrow.ledger.people import require
from cogrow.ledger.periods import period_of
from cogrow.ledger.store.claims import PAYS, run, settlement
from cogrow.ledger.store.database import Store, uncollected
from cogrow.ledger.store.turns import Turn, as_foreseen, at_once

CHUNK = 10_000
Progress = Callable[[int, int], None]
Pairs = list[tuple[Account, int]]
#: A program and a period: earnings are always the whole of both.
Scope = tuple[str, str]
_BOOKED = ("posted_earned", "posted_shares", "fund_id")


@dataclass(frozen=True, slots=True)
class Earning:
    """What a merchant earned in a period under a version of a program, in minor units; less than 0 where a
    later period takes back what an earlier one earned.

    `shares` are the parts other funders bear; the rest is the fund's own money.
    """

    program: str
    version: str
    merchant: str
    period: str
    currency: str
    amount: int
    fund: str
    matures_on: date
    shares: tuple[tuple[str, int], ...] = ()
    pays: str = "cash"
    expires_on: date | None = None

    @property
    def key(self) -> Key:
        """Return what it is booked under."""
        return self.program, self.version, self.merchant, self.period, self.currency

    def said(self) -> str:
        """Return all of it as text, by which one run is told from another."""
        days = str(self.matures_on), str(self.expires_on)
        return repr((*self.key, self.amount, self.fund, *days, self.shares, self.pays))


@dataclass(slots=True)
class Accrued:
    """What a run posted: entries, amounts in minor units by currency, and how many rows were as booked."""

    run: str
    entries: int = 0
    unchanged: int = 0
    more: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    less: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    clawback: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@uncollected()
def accrue(
    store: Store,
    earnings: Iterable[Earning],
    act: Act,
    day: date | None = None,
    *,
    whole: Iterable[Scope] = (),
    chunk: int = CHUNK,
    dry: bool = False,
    progress: Progress = lambda done, total: None,
) -> Accrued:
    """Book earnings on `day` (else the act's). They are the whole of every program and period they name,
    and of those in `whole`, where perhaps nobody earned: what is booked there and no longer earned, under
    any version, is taken back.

    Raises InsufficientFund before anything is posted where a fund cannot cover all of it.
    """
    wanted = _checked(earnings)
    scopes = {(key[0], key[3]) for key in wanted} | set(whole)
    run_id = digest([*map(Earning.said, wanted.values()), *map(repr, sorted(scopes))])[:16]
    with store.read() as connection:
        require(connection, act, "operator")
        differences, needed = _differences(connection, wanted, scopes)
        cover(connection, needed)
    # Who owes something back comes first: it is there for the others, and no chunk asks for more than all.
    merchants = sorted(differences, key=lambda name: (differences[name] > 0, name))
    result = Accrued(run_id, unchanged=len(wanted))
    chunks = [merchants[at : at + chunk] for at in range(0, len(merchants), chunk)]
    by_merchant: dict[str, dict[Key, Earning]] = defaultdict(dict)
    for key, one in wanted.items():
        by_merchant[key[2]][key] = one

    def foresee(number: int) -> _Chunk | None:
        planned = _Chunk(run_id, number, scopes, seen(store, chunks[number]))
        return None if planned.rise(chunks[number], by_merchant) else planned

    def book(connection: Connection, number: int, foreseen: _Chunk | None, turn: Turn) -> Accrued:
        if foreseen is not None:
            return foreseen.book(connection, act, day, turn)
        here = _Chunk(run_id, number, scopes, locked(connection, chunks[number]))
        here.fall(connection, here.rise(chunks[number], by_merchant))
        return here.book(connection, act, day, turn)

    def all_of_it(connection: Connection) -> list[Accrued]:
        _begin(connection, run_id, act, day)
        return [book(connection, number, None, at_once) for number in range(len(chunks))]

    if dry:
        done = store.write(all_of_it, dry=True)
    else:
        done = []
        if chunks:
            store.write(lambda connection: _begin(connection, run_id, act, day))
        falling = sum(differences[some[0]] <= 0 for some in chunks)
        for part in as_foreseen(store, foresee, book, range(len(chunks)), first=falling):
            done.append(part)
            progress(len(done), len(chunks))
    for part in done:
        result.entries += part.entries
        result.unchanged -= part.unchanged
        for name in ("more", "less", "clawback"):
            for currency, amount in getattr(part, name).items():
                getattr(result, name)[currency] += amount
    return result


def _checked(earnings: Iterable[Earning]) -> dict[Key, Earning]:
    wanted: dict[Key, Earning] = {}
    for one in earnings:
        if type(one.amount) is not int or any(type(part) is not int for _, part in one.shares):
            raise TypeError("minor units must be int")
        shared = sum(part for _, part in one.shares)
        low, high = sorted((0, one.amount))
        if not low <= shared <= high or one.pays not in PAYS:
            what = N_("The earnings of {merchant} in {period} make no sense: {found}.")
            raise DataError(
                message(what, merchant=one.merchant, period=one.period, found=str(one.amount))
            )
        if one.key in wanted:
            what = N_("{merchant} is there twice for {program} in {period}.")
            raise DataError(
                message(what, merchant=one.merchant, program=one.program, period=one.period)
            )
        wanted[one.key] = one
    return dict(sorted(wanted.items()))


def _begin(connection: Connection, run_id: str, act: Act, day: date | None) -> None:
    # The month is open before chunks are written beside each other: one of them would wait for who opens it.
    period_of(connection, day or act.day, act.day)
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(run)
    connection.execute(
        insert.on_conflict_do_nothing(index_elements=["id"]).values(
            id=run_id, kind="accrue", input_hash=run_id, started_at=act.instant, actor=act.actor
        )
    )
    note(connection, act, "accrue", run=run_id)


def _differences(
    connection: Connection, wanted: Mapping[Key, Earning], whole: Iterable[Scope]
) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Return the change of every merchant whose books must change, and that of each fund and currency."""
    scopes = sorted(whole)
    columns = [settlement.c[name] for name in (*KEY_COLUMNS, *_BOOKED)]
    booked: dict[Key, tuple[int, str, str]] = {}
    for at in range(0, len(scopes), 500):
        query = select(*columns).where(
            tuple_(settlement.c.program_id, settlement.c.period).in_(scopes[at : at + 500])
        )
        for row in connection.execute(query).all():
            booked[tuple(row[:5])] = row[5], row[6], row[7]
    found: dict[str, int] = defaultdict(int)
    needed: dict[tuple[str, str], int] = defaultdict(int)
    for key in wanted.keys() | booked.keys():
        earning = wanted.get(key)
        amount, shares, fund = booked.get(key, (0, "", ""))
        target = earning.amount if earning is not None else 0
        if target != amount or (earning is not None and amount and _shares(earning) != shares):
            found[key[2]] += target - amount
            needed[fund or (earning.fund if earning else ""), key[4]] += target - amount
    return found, needed


def _shares(earning: Earning) -> str:
    if not earning.shares:
        return ""
    parts = {name: part for name, part in earning.shares if part}
    return json.dumps(parts, sort_keys=True) if parts else ""


def _shrink(connection: Connection, merchant: str, currency: str, amount: int) -> None:
    """Take bonus credit back, what lasts longest first: what expires soon is nearly gone anyway."""
    for lot in reversed(
        [one for one in lots(connection, merchant, currency) if one["kind"] == "ad_bonus"]
    ):
        if part := min(lot["remaining"], amount):
            draw(connection, lot, part)
            amount -= part


class _Chunk:
    """The booking of some merchants in one transaction. What only rises is foreseen while another chunk is
    written; what is taken back depends on balances, and is seen when they are locked.
    """

    def __init__(
        self, run_id: str, number: int, scopes: set[Scope], claims: dict[Key, Claim]
    ) -> None:
        self.run, self.number, self.scopes, self.claims = run_id, number, scopes, claims
        self.result = Accrued(run_id)
        self.entries: list[Entry] = []
        self.cleared: dict[Account, int] = defaultdict(int)
        self.changed: dict[tuple[str, str], int] = defaultdict(int)
        self.keys: list[str] = []
        self.balances: dict[tuple[str, str, str], int] = {}
        self.by_merchant: dict[str, list[Claim]] = defaultdict(list)
        for claim in claims.values():
            self.by_merchant[claim.key[2]].append(claim)

    def rise(
        self, merchants: Sequence[str], wanted: Mapping[str, Mapping[Key, Earning]]
    ) -> list[tuple[Claim, Earning | None]]:
        """Post what is more than booked; return what is less."""
        falling: list[tuple[Claim, Earning | None]] = []
        for merchant in merchants:
            mine = wanted.get(merchant, {})
            for key, earning in mine.items():
                if key not in self.claims:
                    self.by_merchant[merchant].append(self._new(earning))
                claim = self.claims[key]
                if earning.amount < claim.values["posted_earned"]:
                    falling.append((claim, earning))
                else:
                    self._rise(claim, earning)
            falling += [
                (claim, None)
                for claim in self.by_merchant[merchant]
                if claim.key not in mine
                and (claim.key[0], claim.key[3]) in self.scopes
                and claim.values["posted_earned"]
            ]
        return falling

    def fall(self, connection: Connection, falling: Sequence[tuple[Claim, Earning | None]]) -> None:
        """Post what is less than booked, from balances that are locked with it."""
        if falling:
            names = sorted({claim.key[2] for claim, _ in falling})
            self.balances = owed(connection, names, ("payable", "hold", "ad_bonus"))
        for claim, target in falling:
            self._fall(connection, claim, target)

    def book(self, connection: Connection, act: Act, day: date | None, turn: Turn) -> Accrued:
        """Write all that was posted, and return what it comes to."""
        save(connection, self.claims.values())
        clearing = list(self._clearing())
        write(connection, self.entries, act, day, last=clearing, turn=turn)
        self.result.entries = len(self.entries) + len(clearing)
        return self.result

    def _new(self, earning: Earning) -> Claim:
        program, version, merchant, period, currency = key = earning.key
        values = {
            "program_id": program,
            "program_version": version,
            "merchant_id": merchant,
            "period": period,
            "currency": currency,
            "revision": 0,
            "posted_earned": 0,
            "posted_shares": "",
            "unsettled": 0,
            "settled_count": 0,
            "fund_id": earning.fund,
            "pays": earning.pays,
            "matures_on": earning.matures_on.isoformat(),
            "expires_on": earning.expires_on.isoformat() if earning.expires_on else "",
            "last_run_id": self.run,
            "last_input_hash": "",
        }
        claim = self.claims[key] = Claim(key, values)
        return claim

    def _rise(self, claim: Claim, earning: Earning) -> None:
        more = earning.amount - claim.values["posted_earned"]
        if not more and (not earning.amount or _shares(earning) == claim.values["posted_shares"]):
            return
        claim.set(unsettled=claim.unsettled + more, matures_on=earning.matures_on.isoformat())
        _, _, merchant, _, currency = claim.key
        self.result.more[currency] += more
        self._post(
            claim, earning, more, [(accounts.of_merchant("accrued", merchant, currency), -more)]
        )

    def _fall(self, connection: Connection, claim: Claim, earning: Earning | None) -> None:
        """Take back from accrued, payable, hold, then bonus; what is left, the merchant owes us."""
        _, _, merchant, _, currency = claim.key
        less = rest = claim.values["posted_earned"] - (earning.amount if earning else 0)
        mine = self.by_merchant[merchant]
        others = sorted((c for c in mine if c is not claim), key=lambda c: (c.key[3], c.key))
        taken = 0
        for one in (claim, *others):
            if one.key[4] == currency and (part := min(one.unsettled, rest)):
                one.set(unsettled=one.unsettled - part)
                taken, rest = taken + part, rest - part
        pairs: Pairs = [(accounts.of_merchant("accrued", merchant, currency), taken)]
        kinds = ("payable", "hold", *["ad_bonus"] * (claim.values["pays"] == "ad_credit"))
        for kind in kinds:
            place = merchant, currency, kind
            part = min(self.balances.get(place, 0), rest)
            if part:
                self.balances[place] -= part
                rest -= part
                pairs.append((accounts.of_merchant(kind, merchant, currency), part))
                if kind == "ad_bonus":
                    _shrink(connection, merchant, currency, part)
        pairs.append((accounts.of_merchant("clawback", merchant, currency), rest))
        self.result.less[currency] += less
        self.result.clawback[currency] += rest
        self._post(claim, earning, -less, pairs)

    def _post(self, claim: Claim, earning: Earning | None, change: int, pairs: Pairs) -> None:
        program, version, merchant, period, currency = claim.key
        revision = claim.values["revision"] + 1
        key = f"accrue:{program}@{version}:{merchant}:{period}:{currency}:{revision}"
        place = accounts.clearing(self.run, self.number, currency)
        lines = entry_lines(*pairs, (place, change))
        if lines:
            self.entries.append(
                Entry("accrue", key, lines, period, "earning", f"{program}@{version}")
            )
        self.keys.append(key)
        fund, old = claim.values["fund_id"], claim.values["posted_shares"]
        new = _shares(earning) if earning else ""
        self.changed[fund, currency] += change
        if old or new:
            self._share(fund, currency, json.loads(old or "{}"), json.loads(new or "{}"))
        claim.set(
            revision=revision,
            posted_earned=claim.values["posted_earned"] + change,
            posted_shares=new,
            last_run_id=self.run,
            last_input_hash=self.run,
        )
        self.result.unchanged += earning is not None

    def _share(
        self, fund: str, currency: str, old: Mapping[str, int], new: Mapping[str, int]
    ) -> None:
        """Let other funders bear their parts; the rest is the fund's own."""
        for name in sorted(old.keys() | new.keys()):
            part = new.get(name, 0) - old.get(name, 0)
            self.cleared[accounts.sponsor(fund, name, currency)] += part
            self.cleared[accounts.of_fund("incentive", fund, currency)] -= part

    def _clearing(self) -> Iterator[Entry]:
        """Charge the funds once for the whole chunk: their accounts are the busiest of all."""
        pairs = list(self.cleared.items())
        for (fund, currency), change in self.changed.items():
            place = accounts.clearing(self.run, self.number, currency)
            charged = {"incentive": change, "consumed": change, "available": -change}
            pairs.append((place, -change))
            pairs += [
                (accounts.of_fund(kind, fund, currency), part) for kind, part in charged.items()
            ]
        if lines := entry_lines(*pairs):
            key = f"clear:{digest(self.keys)}"
            yield Entry("clear", key, lines, source_type="run", source_id=self.run)
