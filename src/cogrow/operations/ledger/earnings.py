"""Earnings as `earn` wrote them, turned into plain rows for the ledger, which knows no promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cogrow.errors import N_, DataError, NotFound, UsageError, message
from cogrow.ledger.accrual import Earning, Scope
from cogrow.operations.choose import programs
from cogrow.operations.earn import DAYS, path_of, whole
from cogrow.period import parse_period
from cogrow.programs.program import Program

if TYPE_CHECKING:
    import pyarrow as pa

#: The funder that is the platform itself: its share is the fund's own money.
PLATFORM = "platform"


def read_earnings(
    names: Iterable[str], folder: Path, period_names: Sequence[str], fund: str | None = None
) -> tuple[Iterator[Earning], set[Scope]]:
    """Return what every merchant earned by the programs in the periods, all components together, and the
    programs and periods these are the whole of. Periods are called as `earn` calls its files.

    `fund` is where a program that names no fund is paid from. Raises NotFound where there are no such
    earnings, DataError where they were computed from other terms.
    """
    chosen, _ = programs(names)
    files = [(one, _file(one, folder, name)) for one in chosen for name in period_names]
    scopes = {path: (program.id, _period(program, path)) for program, path in files}
    _refuse_half(scopes)
    for program in chosen:
        if program.fund is None and fund is None:
            what = N_("{program} names no fund; say one with --fund.")
            raise NotFound(message(what, program=program.id))
    once = {path: program for program, path in files}
    rows = (row for path, program in once.items() for row in _earnings(program, path, fund))
    return rows, set(scopes.values())


def _file(program: Program, folder: Path, name: str) -> Path:
    """Return the file of a period: under the name that was typed, else under the period's own."""
    path = folder / path_of(program, name)
    if path.is_file():
        return path
    try:
        own = parse_period(name).name
    except UsageError:
        own = name
    if not (path := folder / path_of(program, own)).is_file():
        what = N_("There are no earnings of {program} in {period}: {file} is not there.")
        raise NotFound(message(what, program=program.id, period=name, file=str(path)))
    return path


def _period(program: Program, path: Path) -> str:
    """Return the name of the period of a file; the version may stand behind it."""
    names = _intact(path, ["period"]).column("period").unique().to_pylist()
    if len(names) != 1:
        what = N_("{file} was computed from other terms of {program}; run `cogrow earn` again.")
        raise DataError(message(what, file=str(path), program=program.id))
    return str(names[0])


def _refuse_half(files: Mapping[Path, Scope]) -> None:
    """Raise DataError where a period has earnings of further versions of a program: what is booked is
    the whole truth of the period, so a part of it would take the rest back.
    """
    for one, (name, period) in files.items():
        for path in sorted(one.parent.glob("*.parquet")):
            same = path.stem == period or path.stem.startswith(f"{period}.")
            if same and path not in files:
                what = N_("{file} holds earnings of {period} too; name every version of {name}.")
                raise DataError(message(what, file=str(path), period=period, name=name))


def _end(table: pa.Table, path: Path) -> date:
    """Return the first day after the period."""
    days = (table.schema.metadata or {}).get(DAYS)
    if days is not None:
        return date.fromisoformat(days.decode().partition("/")[2])
    return parse_period(str(table.column("period")[0].as_py())).end


def _intact(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Return the earnings of a file, or some of their columns. Raises DataError for one that is damaged, or
    comes to something else than it says: nobody is paid by what was changed since it was computed.
    """
    table = whole(path, columns)
    if table is None:
        what = N_("{file} is not as `cogrow earn` wrote it; remove it and run that again.")
        raise DataError(message(what, file=str(path)))
    return table


def _earnings(program: Program, path: Path, fund: str | None) -> Iterator[Earning]:
    import pyarrow.compute as pc

    table = _intact(path)
    if set(table.column("version").unique().to_pylist()) - {program.version}:
        what = N_("{file} was computed from other terms of {program}; run `cogrow earn` again.")
        raise DataError(message(what, file=str(path), program=program.id))
    funders = list(program.fund.funders) if program.fund is not None else []
    columns = ["merchant_id", "amount_minor", *(f"funder_{name}_minor" for name in funders)]
    paid = table.filter(pc.not_equal(table.column("amount_minor"), 0))  # of all merchants, few
    sums: dict[str, list[int]] = {}
    for row in zip(*(paid.column(name).to_pylist() for name in columns), strict=True):
        mine = sums.setdefault(row[0], [0] * len(row[1:]))
        for position, amount in enumerate(row[1:]):
            mine[position] += amount
    settle = program.settle
    period, end = str(table.column("period")[0].as_py()), _end(table, path)
    source = program.fund.id if program.fund is not None else str(fund)
    matures = end + timedelta(days=settle.maturity + settle.lag if settle else 0)
    pays = settle.pay if settle else "cash"
    for merchant, (amount, *parts) in sums.items():
        if amount:
            yield Earning(
                program.id,
                program.version,
                merchant,
                period,
                program.currency,
                amount,
                source,
                matures,
                tuple(
                    (name, part)
                    for name, part in zip(funders, parts, strict=True)
                    if name != PLATFORM
                ),
                # In the wallet the merchant chooses: it withdraws the money, or converts it.
                "cash" if pays == "choice" else pays,
                matures + timedelta(days=settle.expires) if settle and settle.expires else None,
            )
