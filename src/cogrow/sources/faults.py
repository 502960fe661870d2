"""What can be wrong with facts: a stable code, a sentence and a hint for each.

An error stops: nothing is written. A warning names rows that are quarantined, or left out on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cogrow.errors import N_, Issue, Message, Severity, Span, message
from cogrow.facts import EARLIEST_YEAR, LATEST_YEAR, Kind

#: How many rows an issue shows.
SAMPLES = 5

_STOP, _SET_ASIDE = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can be wrong: its code, how grave it is, the sentence and the hint for it."""

    code: str
    severity: Severity
    what: str
    hint: str = ""

    def issue(
        self,
        where: Span,
        *,
        hint: Message | None = None,
        count: int | None = None,
        samples: tuple[Mapping[str, str], ...] = (),
        **params: Any,
    ) -> Issue:
        """Return this fault found at `where`; `params` fill the sentence and the hint."""
        if count is not None:
            params["count"] = f"{count:,}"
        if hint is None and self.hint:
            hint = message(self.hint, **params)
        what = message(self.what, **params)
        return Issue(self.code, what, where, self.severity, hint, count, samples)


TABLE_MISSING = Fault(
    "FCT001",
    _STOP,
    N_("There is no table `{table}`, and {wanted_by} needs it."),
)
COLUMN_MISSING = Fault(
    "FCT002",
    _STOP,
    N_("`{table}` has no column `{column}`."),
    N_("Columns found: {found}."),
)
UNREADABLE = Fault(
    "FCT003",
    _STOP,
    N_("{file} cannot be read: {problem}"),
)
WRONG_DELIMITER = Fault(
    "FCT004",
    _STOP,
    N_(
        "{file} has one column when cut at {delimiter}, but its first line holds {other} {times} times."
    ),
    N_("State `delimiter: {other}`."),
)
EMPTY = Fault(
    "FCT005",
    _STOP,
    N_("The table `{table}` has no accepted row; without it nothing can be computed."),
)
COLUMN_UNKNOWN = Fault(
    "FCT006",
    _SET_ASIDE,
    N_("`{table}` does not know the column `{column}`; it is left out."),
)
WRONG_TYPE = Fault(
    "FCT007",
    _STOP,
    N_("`{table}.{column}` holds {found}, which can never be {kind}."),
)
MALFORMED = Fault(
    "FCT008",
    _SET_ASIDE,
    N_(
        "Lines in the source of `{table}` are no rows (too many or too few fields, a quote left open,"
        " or bytes outside the encoding); quarantined: {count}."
    ),
)
NO_FILES = Fault(
    "FCT009",
    _STOP,
    N_("No CSV or Parquet file at {path}."),
)
TABLE_UNKNOWN = Fault(
    "FCT018",
    _STOP,
    N_("`{table}` is no table of cogrow."),
)
TWO_SOURCES = Fault(
    "FCT019",
    _STOP,
    N_("The table `{table}` is there twice: {first} and {second}."),
)
UNCONVERTIBLE = Fault(
    "FCT010",
    _SET_ASIDE,
    N_("`{table}.{column}` cannot be read as {kind}; rows quarantined: {count}."),
)
NULL = Fault(
    "FCT011",
    _SET_ASIDE,
    N_("`{table}.{column}` is missing; rows quarantined: {count}."),
)
CURRENCY = Fault(
    "FCT012",
    _SET_ASIDE,
    N_("`{table}.{column}` names no known currency; rows quarantined: {count}."),
    N_("A currency is an ISO 4217 code such as CNY or EUR."),
)
NOT_WHOLE = Fault(
    "FCT013",
    _SET_ASIDE,
    N_("`{table}.{column}` is not in whole minor units; rows quarantined: {count}."),
    N_("Where the source has parts of a minor unit, say `rounding: half_up` in a mapping."),
)
TOO_LARGE = Fault(
    "FCT014",
    _SET_ASIDE,
    N_("`{table}.{column}` is too large for {kind}; rows quarantined: {count}."),
)
NEGATIVE = Fault(
    "FCT015",
    _SET_ASIDE,
    N_("`{table}.{column}` is below zero; rows quarantined: {count}."),
    N_("What comes back belongs in `refunds`, as a positive amount."),
)
OUT_OF_YEARS = Fault(
    "FCT016",
    _SET_ASIDE,
    N_("`{table}.{column}` lies outside the years {first} to {last}; rows quarantined: {count}."),
)
TOO_FINE = Fault(
    "FCT017",
    _SET_ASIDE,
    N_("`{table}.{column}` has more decimals than are kept; rows quarantined: {count}."),
    N_("Round on purpose, in a mapping: `round(column, 2)`."),
)
REPEATED = Fault(
    "FCT020",
    _SET_ASIDE,
    N_(
        "`{table}` has rows that repeat another exactly; each fact is counted once. Repeats: {count}."
    ),
)
CONFLICTING = Fault(
    "FCT021",
    _SET_ASIDE,
    N_(
        "`{table}` has rows that share their key ({key}) with a row of other content;"
        " all of them are quarantined: {count}."
    ),
)
PARENT_MISSING = Fault(
    "FCT022",
    _SET_ASIDE,
    N_(
        "`{table}.{column}` names a row of `{parent}` that does not exist; rows quarantined: {count}."
    ),
)
PARENT_QUARANTINED = Fault(
    "FCT023",
    _SET_ASIDE,
    N_(
        "`{table}.{column}` names a row of `{parent}` that is itself quarantined;"
        " rows quarantined: {count}."
    ),
)
OVER_REFUNDED = Fault(
    "FCT024",
    _SET_ASIDE,
    N_(
        "Refunds take back more than was paid for their order; all refunds of such orders"
        " are quarantined: {count}."
    ),
)
OVER_REFUNDED_LINE = Fault(
    "FCT025",
    _SET_ASIDE,
    N_(
        "Refunds take back more than was paid for their order line; all refunds of such lines"
        " are quarantined: {count}."
    ),
)
UNPLACED_REFUND = Fault(
    "FCT026",
    _SET_ASIDE,
    N_("Refunds name neither an order nor a merchant with a currency; quarantined: {count}."),
)
CONTRADICTING = Fault(
    "FCT027",
    _SET_ASIDE,
    N_("Refunds name another merchant or currency than their order; quarantined: {count}."),
)
CONFLICTING_THERE = Fault(
    "FCT028",
    _SET_ASIDE,
    N_(
        "`{table}` has rows that share their key ({key}) with a row that is there already, of other"
        " content; the new ones are quarantined: {count}."
    ),
    N_("Where the new rows are right, add them with --replace {table}."),
)
REPLACING_PAID_BACK = Fault(
    "FCT029",
    _SET_ASIDE,
    N_(
        "Rows of `{table}` would take the place of others, but refunds that are there already do not"
        " go with them; rows quarantined: {count}."
    ),
    N_(
        "An order keeps the merchant and currency its refunds name, and lines pay no less than came back."
    ),
)
CHANGED = Fault(
    "FCT030",
    _STOP,
    N_("{file} is not the file that was sealed: {problem}"),
    N_("Conform the facts again."),
)
NOT_CANONICAL = Fault(
    "FCT031",
    _STOP,
    N_("`{table}.{column}` in {file} is {found}; the contract says {kind}."),
)

COLUMN_NEW = Fault(
    "FCT032",
    _STOP,
    N_("The new rows of `{table}` have a column that the facts lack: {column}."),
    N_("Leave it out, or import all facts again with it."),
)
COLUMNS_EMPTY = Fault(
    "FCT033",
    _SET_ASIDE,
    N_(
        "The new rows of `{table}` lack columns that the facts have; they are empty there: {columns}."
    ),
)

#: Every fault by its code.
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {fault.code: fault for fault in list(globals().values()) if isinstance(fault, Fault)}
)

_KINDS = MappingProxyType(
    {
        Kind.TEXT: N_("text"),
        Kind.MONEY: N_("an amount of money"),
        Kind.COUNT: N_("a whole number"),
        Kind.NUMBER: N_("a number"),
        Kind.INSTANT: N_("an instant"),
        Kind.DAY: N_("a day"),
        Kind.FLAG: N_("true or false"),
    }
)

_FORMS = MappingProxyType(
    {
        Kind.MONEY: N_("Write digits and a point, at most 8 decimals, no separators: 1234.50."),
        Kind.COUNT: N_("Write digits only: 12."),
        Kind.NUMBER: N_("Write digits and a point, at most 8 decimals, no separators: 1234.50."),
        Kind.INSTANT: N_(
            "Write 2025-04-01 12:30:00, with Z or +08:00 where it is not local time; a mapping reads"
            " other forms by instant(column, '%d/%m/%Y %H:%M')."
        ),
        Kind.DAY: N_("Write 2025-04-01; a mapping reads other forms by day(column, '%d/%m/%Y')."),
        Kind.FLAG: N_("Write true or false, yes or no, 1 or 0."),
    }
)

#: What the sentences of faults about values say besides table and column.
BOUNDS = MappingProxyType(
    {
        "first": EARLIEST_YEAR,
        "last": LATEST_YEAR,
    }
)


def word(kind: Kind) -> Message:
    """Return what a reader calls the values of `kind`."""
    return message(_KINDS[kind])


def form(kind: Kind) -> Message | None:
    """Return how values of `kind` are written, or None where anything goes."""
    return message(_FORMS[kind]) if kind in _FORMS else None
