"""The canonical tables: what happened, in one form every room agrees on.

Money columns end in `_minor` and hold whole minor units beside a currency (their own, or their
order's); instants are UTC; days are dates in the marketplace's zone; ids are text. Expressions call
a money column by its name without `_minor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType


class Kind(StrEnum):
    """What a column holds; the value is its type in Parquet as DuckDB spells it."""

    TEXT = "VARCHAR"
    MONEY = "BIGINT"
    COUNT = "INTEGER"
    NUMBER = "DECIMAL(18,6)"
    INSTANT = "TIMESTAMP"
    DAY = "DATE"
    FLAG = "BOOLEAN"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its physical name, what it holds, and whether a table may lack it."""

    name: str
    kind: Kind
    optional: bool = False

    @property
    def word(self) -> str:
        """Return the name expressions use: `paid` for `paid_minor`."""
        return self.name.removesuffix("_minor") if self.kind is Kind.MONEY else self.name


@dataclass(frozen=True, slots=True)
class Link:
    """A many-to-one link: `columns` here are the key of `table` there. `optional`: may be null."""

    table: str
    columns: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """One canonical table.

    `key` identifies a fact; `dated_by` is the column that places it in time unless a program says
    otherwise; `extensible` tables take any further column; `currency_from` is the table whose
    `currency` the money is in ("" for the program's own).
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    links: tuple[Link, ...] = ()
    dated_by: str | None = None
    extensible: bool = False
    currency_from: str = ""

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """Return the columns by physical name."""
        return MappingProxyType({column.name: column for column in self.columns})

    @cached_property
    def by_word(self) -> Mapping[str, Column]:
        """Return the columns by the name expressions use."""
        return MappingProxyType({column.word: column for column in self.columns})


def _columns(kind: Kind, names: str, *, optional: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, kind, optional) for name in names.split())


def _table(
    name: str,
    key: str,
    required: Mapping[Kind, str],
    optional: Mapping[Kind, str] | None = None,
    *,
    links: tuple[Link, ...] = (),
    dated_by: str | None = None,
    extensible: bool = False,
    currency_from: str = "",
) -> Table:
    columns = [c for kind, names in required.items() for c in _columns(kind, names)]
    for kind, names in (optional or {}).items():
        columns += _columns(kind, names, optional=True)
    return Table(
        name, tuple(key.split()), tuple(columns), links, dated_by, extensible, currency_from
    )


_MERCHANT = Link("merchants", ("merchant_id",))
_ORDER = Link("orders", ("order_id",))

_TABLES = (
    _table(
        "merchants",
        "merchant_id",
        {Kind.TEXT: "merchant_id name category industry", Kind.DAY: "joined_on"},
        {Kind.NUMBER: "brand_score", Kind.TEXT: "business_unit site tier parent_id"},
        dated_by="joined_on",
        extensible=True,
    ),
    _table(
        "merchant_scores",
        "merchant_id day",
        {Kind.TEXT: "merchant_id", Kind.DAY: "day"},
        {Kind.NUMBER: "rating violations late_rate claim_rate"},
        links=(_MERCHANT,),
        dated_by="day",
        extensible=True,
    ),
    _table(
        "products",
        "product_id",
        {Kind.TEXT: "product_id merchant_id category", Kind.DAY: "listed_at"},
        {
            Kind.TEXT: "brand_id",
            Kind.MONEY: "price_minor reference_price_minor",
            Kind.NUMBER: "listing_quality",
        },
        links=(_MERCHANT,),
        dated_by="listed_at",
    ),
    _table(
        "orders",
        "order_id",
        {Kind.TEXT: "order_id merchant_id buyer_id currency", Kind.INSTANT: "placed_at"},
        {
            Kind.INSTANT: "paid_at shipped_at delivered_at confirmed_at",
            Kind.TEXT: "status channel payment_method carrier site campaign_id",
        },
        links=(_MERCHANT,),
        dated_by="placed_at",
        currency_from="orders",
    ),
    _table(
        "order_lines",
        "order_id line_no",
        {
            Kind.TEXT: "order_id product_id",
            Kind.COUNT: "line_no quantity",
            Kind.MONEY: "paid_minor",
        },
        {
            Kind.MONEY: "list_price_minor commission_minor platform_discount_minor freight_minor",
        },
        links=(_ORDER, Link("products", ("product_id",))),
        currency_from="orders",
    ),
    _table(
        "refunds",
        "refund_id",
        {Kind.TEXT: "refund_id", Kind.INSTANT: "refunded_at", Kind.MONEY: "refunded_minor"},
        # A refund names its order; one whose order is unknown names its merchant and currency.
        {Kind.TEXT: "order_id merchant_id currency reason kind", Kind.COUNT: "line_no"},
        links=(
            Link("orders", ("order_id",), optional=True),
            Link("order_lines", ("order_id", "line_no"), optional=True),
            Link("merchants", ("merchant_id",), optional=True),
        ),
        dated_by="refunded_at",
        currency_from="orders",
    ),
    _table(
        "returns",
        "return_id",
        {Kind.TEXT: "return_id order_id", Kind.INSTANT: "requested_at"},
        {
            Kind.INSTANT: "shipped_back_at completed_at",
            Kind.MONEY: "freight_minor",
            Kind.TEXT: "status",
        },
        links=(_ORDER,),
        dated_by="requested_at",
        currency_from="orders",
    ),
    _table(
        "visits",
        "visit_id",
        {Kind.TEXT: "visit_id merchant_id visitor_id source", Kind.INSTANT: "visited_at"},
        {Kind.TEXT: "platform campaign_id product_id"},
        links=(_MERCHANT, Link("products", ("product_id",), optional=True)),
        dated_by="visited_at",
    ),
    _table(
        "ad_spend",
        "merchant_id platform campaign_id day",
        {
            Kind.TEXT: "merchant_id platform campaign_id currency",
            Kind.DAY: "day",
            Kind.MONEY: "spend_minor",
        },
        {Kind.FLAG: "verified"},
        links=(_MERCHANT,),
        dated_by="day",
        currency_from="ad_spend",
    ),
    _table(
        "memberships",
        "merchant_id buyer_id joined_at",
        {Kind.TEXT: "merchant_id buyer_id", Kind.INSTANT: "joined_at"},
        {Kind.INSTANT: "left_at", Kind.TEXT: "source"},
        links=(_MERCHANT,),
        dated_by="joined_at",
    ),
    _table(
        "enrollments",
        "program merchant_id enrolled_on",
        {Kind.TEXT: "program merchant_id", Kind.DAY: "enrolled_on"},
        {Kind.DAY: "left_on", Kind.TEXT: "arm"},
        links=(_MERCHANT,),
        dated_by="enrolled_on",
    ),
    _table(
        "targets",
        "program merchant_id period",
        {Kind.TEXT: "program merchant_id period", Kind.MONEY: "floor_minor sprint_minor"},
        {Kind.TEXT: "source"},
        links=(_MERCHANT,),
        extensible=True,
    ),
    _table(
        "fx_rates",
        "day from_currency to_currency",
        {
            Kind.DAY: "day",
            Kind.TEXT: "from_currency to_currency",
            Kind.MONEY: "rate_numerator rate_denominator",
        },
        dated_by="day",
    ),
    _table(
        "calendar",
        "name starts_on",
        {Kind.TEXT: "name", Kind.DAY: "starts_on ends_on"},
        dated_by="starts_on",
    ),
)

#: Every canonical table by name, in the order a reader meets them.
TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in _TABLES})

#: The instants facts may carry; what lies outside is a mistake in the data (year 1 or 9999).
EARLIEST_YEAR, LATEST_YEAR = 1990, 2100


def path_to(
    start: str, goal: str, more: Mapping[str, tuple[Link, ...]] = MappingProxyType({})
) -> tuple[Link, ...] | None:
    """Return the shortest chain of links from table `start` to `goal`; () for itself, None for none.

    `more` are further links of a table, to tables that follow from facts.
    """
    frontier: list[tuple[str, tuple[Link, ...]]] = [(start, ())]
    seen = {start}
    while frontier:
        name, chain = frontier.pop(0)
        if name == goal:
            return chain
        own = TABLES[name].links if name in TABLES else ()
        for link in (*own, *more.get(name, ())):
            if link.table not in seen:
                seen.add(link.table)
                frontier.append((link.table, (*chain, link)))
    return None


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The Parquet files that hold one table, and the columns they really have (name → kind).

    `hashes` are the SHA-256 of the files' bytes, in their order; () where nobody took them. `currencies` are
    all that its rows name; None where nobody looked.
    """

    paths: tuple[str, ...]
    columns: Mapping[str, Kind]
    rows: int
    hashes: tuple[str, ...] = ()
    currencies: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a file some of whose rows gave way to others: `gone` is the SHA-256 of its bytes,
    `instead` that of the file in its place ("" for none). The file at `path`, whose own is `sha256`, holds
    the rows that gave way, as they were, and those that took their place in the same file.
    """

    table: str
    gone: str
    instead: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FactFiles:
    """Checked facts, ready to compute on: canonical Parquet files by table name.

    `version` is the hash of their contents' identity: equal versions hold equal facts. Tables whose
    name is not canonical are imported tables, keyed by merchant_id (and period, where they have it).
    `changes` tell of files that are gone, oldest first; no row of facts is theirs.
    """

    folder: str
    tables: Mapping[str, TableFiles]
    version: str
    changes: tuple[Change, ...] = ()

    @property
    def currencies(self) -> dict[str, frozenset[str] | None]:
        """Return what each table's rows are said to be in."""
        return {name: files.currencies for name, files in self.tables.items()}
