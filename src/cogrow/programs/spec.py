"""What a program file may hold, key by key, as models over plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cogrow.errors import N_, nearest
from cogrow.facts import EARLIEST_YEAR, LATEST_YEAR
from cogrow.money import EXPONENTS
from cogrow.period import Every
from cogrow.programs.grain import GRAINS
from cogrow.rewards.registry import forms
from cogrow.rewards.terms import Form, Key
from cogrow.schema import AtMost, Called, Declared, EditorSchema, Reader, made, shown, wrong


def _name(pattern: str, msgid: str) -> Reader:
    def check(value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
            raise wrong(msgid, found=shown(value))
        return value

    return Reader(check)


def _day(value: Any) -> Any:
    if isinstance(value, date):
        return value
    written = isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII)
    try:
        found = date.fromisoformat(value) if written else None
    except ValueError:
        found = None
    if found is None:
        raise wrong(
            N_("`{name}` is {found}; it should be a day like 2025-04-01."), found=shown(value)
        )
    if not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        what = N_("`{name}` is {found}; it should lie in the years {first} to {last}.")
        raise wrong(what, found=shown(value), first=EARLIEST_YEAR, last=LATEST_YEAR)
    return found


@cache
def _zones() -> frozenset[str]:
    """Return the names of all zones; finding them reads a folder of hundreds of files."""
    return frozenset(available_timezones()) - {"localtime"}  # which is another on each machine


def _is_zone(value: str) -> bool:
    """Tell whether there is a zone of this name, without reading them all where it looks like one."""
    if not re.fullmatch(r"[A-Z]\w+/[A-Z][\w+/-]*", value, re.ASCII):
        return value in _zones()
    try:
        return ZoneInfo(value).key == value
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return False


def _zone(value: Any) -> Any:
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str) or not _is_zone(value):
        what = N_("`{name}` is {found}; it should be a time zone like Asia/Shanghai.")
        hint = nearest(value, _zones()) if isinstance(value, str) else None
        raise wrong(what, found=shown(value), hint=hint)
    return ZoneInfo(value)


def _currency(value: Any) -> Any:
    if not isinstance(value, str) or value not in EXPONENTS:
        what = N_("`{name}` is {found}; it should be an ISO 4217 code like CNY.")
        raise wrong(what, found=shown(value))
    return value


def _days(value: Any) -> Any:
    """Return the whole days of a text like `15 days`."""
    found = re.fullmatch(r"(\d{1,4})\s+days?", value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise wrong(
            N_("`{name}` is {found}; it should be whole days, like 15 days."), found=shown(value)
        )
    return int(found[1])


def _count(value: Any) -> Any:
    """Return a whole number from 1 on, like `500` or `1_000`."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,3}(_\d{3})*|\d{1,9}", value, re.ASCII):
        found = int(value)
        if found > 0:
            return found
    raise wrong(N_("`{name}` is {found}; it should be a whole number like 5."), found=shown(value))


def _filled(value: Any) -> Any:
    """Refuse a key that is written and left empty: it would be taken for one that is left out."""
    if value is None:
        raise wrong(N_("`{name}` is empty; give it a value, or leave it out."))
    return value


def _some(value: Any) -> Any:
    """Refuse an empty text or list; one whose items are wrong is complained of there."""
    if value in ("", []):
        raise wrong(N_("`{name}` is empty."))
    return value


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_ID = N_(
    "`{name}` is {found}; it should be lower-case letters, digits and hyphens, 2 to 64 of them."
)
_WORD = N_(
    "{found} cannot be a name; use lower-case letters, digits and _, beginning with a letter."
)


def _text(pattern: str, **more: Any) -> EditorSchema:
    """Return what an editor may hold a text against: the JSON Schema of what the parser takes."""
    return EditorSchema(type="string", pattern=f"^({pattern})$", **more)


ID_TEXT, _WORD_TEXT = r"[a-z][a-z0-9-]{1,63}", r"[a-z][a-z0-9_]{0,39}"
_DAYS_TEXT = _text(r"\d{1,4}\s+days?", examples=["15 days", "30 days", "90 days"])
_COUNT_TEXT = EditorSchema(
    type=["integer", "string"],
    minimum=1,
    pattern=r"^(?=.*[1-9])(\d{1,3}(_\d{3})*|\d{1,9})$",
)

ProgramName = Annotated[str, _name(ID_TEXT, _ID), _text(ID_TEXT)]
Word = Annotated[str, _name(_WORD_TEXT, _WORD), _text(_WORD_TEXT)]
Day = Annotated[date, Reader(_day), _text(r"\d{4}-\d{2}-\d{2}", examples=["2026-01-01"])]
Zone = Annotated[Any, Reader(_zone), EditorSchema(type="string", examples=["Asia/Shanghai"])]
Currency = Annotated[str, Reader(_currency), EditorSchema(type="string", enum=sorted(EXPONENTS))]
Filled = Reader(_filled)
#: The most entries a list or mapping of a program has: so many are read and checked at once.
MOST = 100
Few = AtMost(MOST)
Days = Annotated[int, Reader(_days), _DAYS_TEXT]
OptionalText = Annotated[str | None, Filled]
OptionalDays = Annotated[int | None, Reader(_days), Filled, _DAYS_TEXT]
OptionalCount = Annotated[int | None, Reader(_count), Filled, _COUNT_TEXT]
Texts = Annotated[tuple[str, ...], Few, Reader(_one_or_more)]
ProgramNames = Annotated[tuple[ProgramName, ...], Few]


class TitleSpec(Declared):
    """Text in both languages of the product."""

    zh: Annotated[str, Reader(_some)]
    en: Annotated[str, Reader(_some)]


def _in_both(value: Any) -> Any:
    return {"zh": value, "en": value} if isinstance(value, str) else value


#: Words of the author: one text for every reader, or one for each language.
Words = Annotated[TitleSpec, Reader(_in_both)]


class PeriodSpec(Declared):
    """When the program runs and how its time is cut; `until` is the first day after the end."""

    start: Annotated[Day, Called("from")]
    until: Day
    every: Every = Every.ONCE
    festival: OptionalText = None
    first: OptionalDays = None
    since: OptionalText = None
    timezone: Zone


class RefundsSpec(Declared):
    """Which date places a refund in a period: its own, or that of the order it refunds; and for how
    long after it a refund can arrive.
    """

    dated_by: Literal["refunded_at", "order"] = "refunded_at"
    within: OptionalDays = None


class LimitsSpec(Declared):
    """The most a merchant earns per period and in all, and the least that is worth paying."""

    per_merchant: OptionalText = None
    minimum: OptionalText = None
    lifetime: OptionalText = None
    never_above: OptionalText = None


class PartLimitsSpec(Declared):
    """What bounds one component."""

    each: OptionalText = None
    first: OptionalCount = None
    first_of: OptionalText = None
    first_per: Annotated[Literal["product", "order", "buyer"] | None, Filled] = None
    at_least: OptionalCount = None
    per_order: OptionalText = None
    per_product: OptionalText = None
    per_buyer: OptionalText = None
    per_merchant: OptionalText = None


class AttributionSpec(Declared):
    """Which visit an order is owed to."""

    clicks: str
    within: Days
    of: Literal["merchant", "product", "brand"] = "merchant"


class StackingSpec(Declared):
    """How this program and others go together; exactly one of the rules."""

    best_of: Annotated[ProgramNames | None, Filled] = None
    in_order: Annotated[ProgramNames | None, Filled] = None
    exclusive: Annotated[ProgramNames | None, Filled] = None


class FundSpec(Declared):
    """The money set aside, and what happens when it is not enough."""

    id: ProgramName
    amount: str
    per: Literal["program", "period"] = "program"
    exhausted: Literal["committed", "pro_rata", "first_come"] = "committed"
    by: OptionalText = None
    funders: Annotated[dict[Word, str], Few] = {}


class SettleSpec(Declared):
    """When and in which form earnings are paid."""

    maturity: OptionalDays = None
    lag: OptionalDays = None
    pay: Literal["cash", "fee_offset", "ad_credit", "choice"] = "cash"
    expires: OptionalDays = None


class EffectiveSpec(Declared):
    """From when these terms hold, and which date of an order chooses them."""

    start: Annotated[Day, Called("from")]
    by: Annotated[
        Literal["placed_at", "paid_at", "shipped_at", "delivered_at", "confirmed_at"] | None, Filled
    ] = None
    restates: OptionalText = None


class ExampleSpec(Declared):
    """A worked example: what is given, what it pays; `period` defaults to the program's first."""

    it: Words
    given: Mapping[str, Any]
    pays: str
    period: OptionalText = None


class RateTier(Declared):
    """A tier that pays a rate."""

    start: Annotated[str, Called("from")]
    when: OptionalText = None
    rate: str


class AmountTier(Declared):
    """A tier that pays a fixed amount."""

    start: Annotated[str, Called("from")]
    when: OptionalText = None
    amount: str


ColumnKind = Literal["money", "count", "number", "text", "flag", "instant", "day"]


class ProgramSpec(Declared):
    """The whole file. Expressions and amounts are still text here."""

    program: ProgramName
    title: TitleSpec
    description: Annotated[TitleSpec | None, Filled] = None
    source: OptionalText = None
    direction: Literal[
        "commission", "new_product", "offsite", "membership", "new_merchant", "environment"
    ]
    currency: Currency
    effective: Annotated[EffectiveSpec | None, Filled] = None
    columns: Annotated[dict[str, ColumnKind], Few] = {}
    merchants: str = "all"
    enrollment: Literal["automatic", "opt_in"] = "automatic"
    gates: Texts = ()
    period: PeriodSpec
    qualifying: Annotated[dict[str, str], Few]
    refunds: Annotated[RefundsSpec | None, Filled] = None
    attribution: Annotated[AttributionSpec | None, Filled] = None
    metrics: Annotated[dict[Word, str], Few] = {}
    baseline: OptionalText = None
    targets: Annotated[dict[Word, str], Few] = {}
    reward: Any
    limits: LimitsSpec = LimitsSpec()
    stacking: Annotated[StackingSpec | None, Filled] = None
    fund: Annotated[FundSpec | None, Filled] = None
    settle: Annotated[SettleSpec | None, Filled] = None
    examples: Annotated[tuple[ExampleSpec, ...], Few] = ()


#: The ranges a component can add up over.
ACCUMULATE = ("year to date", "program to date")


@cache
def component_spec() -> type[Declared]:
    """Return the model of one component: a name, a condition, and one key per reward form."""
    kinds: dict[str, Any] = {
        "name": Annotated[Word | None, Filled],
        "per": Annotated[Literal[tuple(GRAINS)] | None, Filled],
        "when": OptionalText,
        "accumulate": Annotated[Literal[ACCUMULATE] | None, Filled],
        "limits": Annotated[PartLimitsSpec | None, Filled],
        **{form.name: Annotated[_form_spec(form) | None, Filled] for form in forms().values()},
    }
    return made("ComponentSpec", kinds, optional=kinds)


def _form_spec(form: Form) -> type[Declared]:
    kinds: dict[str, Any] = dict.fromkeys((key.value for key in form.required), str)
    kinds |= {key.value: OptionalText for key in form.optional}
    if Key.TIERS in kinds:
        tiers = tuple[RateTier, ...] if form.tier_pays is Key.RATE else tuple[AmountTier, ...]
        kinds[Key.TIERS] = Annotated[tiers, Few, Reader(_some)]
    return made(f"{form.name.title()}Spec", kinds, [key.value for key in form.optional])
