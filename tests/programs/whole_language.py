"""Documents over every key of the language, made up by hypothesis: many of them right, some wrong."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.strategies import GATES, MONEY, OWN_METRICS
from tests.strategies.values import used_metrics

Strategy = st.SearchStrategy[Any]

WRONG = ["", "x", "0", "-1", "2.5", "110%", "12 hours", "5 USD", "gmv", "all", "2025-06-18", "null"]
ODD = [
    *("gmv of the last 0 days", "orders of the merchant", "gmv of the previous quarter", "taken"),
    *("products.price", "order_lines.paid", "clicks.platform", "earlier", "sprint of all time"),
    "gmv of the year to date of all time",
]
AMOUNTS = ["50", "12.34 CNY", "3_000", "0"]
DAYS = ["merchants.joined_on", "enrollments.enrolled_on"]
LINES = ["all", "status = 'completed'", "paid > 1 and channel is not null"]


def seldom(strategy: Strategy, *wrong: str) -> Strategy:
    """Return what the strategy gives, and once in a while something wrong."""
    others = st.one_of(st.sampled_from([*WRONG, *wrong]), st.none())
    return st.integers(0, 79).flatmap(lambda n: others if n == 79 else strategy)


def among(*texts: str) -> Strategy:
    return seldom(st.sampled_from(texts))


def keys(required: dict[str, Strategy] | None = None, **optional: Strategy) -> Strategy:
    return st.fixed_dictionaries(required or {}, optional=optional)


RANGES = [
    *("of the year to date", "of the program to date", "of the last 30 days", "of all time"),
    *("of the same period last year", "of the previous period"),
]
of_things = st.sampled_from(["gmv", "units", "refunded", "net_sales"])
money = seldom(
    st.one_of(
        st.sampled_from([*MONEY, "if(months_between(merchants.joined_on, period.start) > 2, gmv, 0)"]),
        st.builds("{} {}".format, st.sampled_from(["gmv", "net_sales", "spent"]), st.sampled_from(RANGES)),
    ),
    *ODD,
)  # fmt: skip
conditions = seldom(
    st.one_of(st.sampled_from(GATES), st.builds("units {} >= 3".format, st.sampled_from(RANGES))),
    *ODD,
)
amounts = among(*AMOUNTS)
days = among("1 day", "15 days", "90 days")
rates = among("1%", "33.33%", "100%")


def tiers(key: str, pays: Strategy) -> Strategy:
    """Return tiers that begin at amounts in order; each pays what `pays` gives."""
    tier = keys({"from": among("10", "20"), key: pays}, when=conditions)
    one = st.tuples(tier).map(list)
    two = st.tuples(tier, tier).map(
        lambda pair: [pair[0] | {"from": "5"}, pair[1] | {"from": "1_000"}]
    )
    return st.one_of(one, two, st.lists(tier, max_size=3))


by_rate = {"pays_on": money, "tiers": tiers("rate", rates)}
FORMS: dict[str, Strategy] = {
    "flat": keys({"amount": amounts}),
    "rate": keys({"pays_on": money, "rate": rates}),
    "step": keys({"qualifies_on": money, "tiers": tiers("amount", amounts)}),
    "linear": keys({"qualifies_on": money, "tiers": tiers("amount", amounts)}),
    "graduated": keys(by_rate),
    **{name: keys(by_rate, qualifies_on=money) for name in ("retroactive", "rolling", "total")},
    "growth": keys({**by_rate, "over": money}, qualifies_on=money),
    "match": keys({"pays_on": money, "rate": rates}, limit=money, spend_limit=money),
    "cover": keys({"pays_on": money, "limit": money}, rate=rates),
    "fee_refund": keys(
        {"pays_on": money}, share=among("50%", "share"), retained=rates, retained_at_most=money
    ),
}
each_thing = keys(
    each=amounts,
    first=among("1", "30", "1_000"),
    at_least=among("5"),
    per_merchant=amounts,
    first_of=among("units", "gmv"),
    first_per=among("order"),
    per_product=amounts,
)
of_lines = {
    "per": among("order_line", "product", "order", "return", "campaign", "buyer"),
    "limits": seldom(each_thing),
    "flat": keys({"amount": amounts}),
}
components = st.one_of(
    *(keys({form: terms}) for form, terms in FORMS.items()),
    *(keys({form: terms}, when=conditions, accumulate=among("year to date", "program to date"),
           limits=keys(per_merchant=amounts)) for form, terms in FORMS.items()),
    keys({**of_lines, "limits": keys({"each": amounts})}),
    keys({**of_lines, "per": st.just("order_line"), "limits": keys({"per_order": amounts})}),
    keys(of_lines, when=st.builds("{} >= 3".format, of_things)),
    keys({**of_lines, "per": st.just("order_line"), "limits": keys({"first": among("30")}, each=amounts,
          first_of=among("units"), first_per=among("order", "product", "buyer"), per_order=amounts)}),
)  # fmt: skip
PERIODS: list[dict[str, str]] = [
    *({"every": word} for word in ("month", "quarter", "year", "once")),
    {"every": "festival", "festival": "618"},
    {"every": "festival"},
    {"festival": "618"},
    {"every": "month", "first": "90 days", "since": "joined_on"},
    {"first": "90 days", "since": "brand_score"},
    {"first": "90 days"},
]
both = {"platform": "60%", "brand": "40%"}
funders = st.one_of(st.just(both), st.dictionaries(among("platform", "brand"), rates, max_size=2))
ids = seldom(st.sampled_from([["made-up", "other"], ["third", "made-up"], ["other"]]))
pot = {"id": st.just("pot"), "amount": amounts}
clauses: dict[str, Strategy] = {
    "effective": keys(
        {"from": among("2025-04-01")},
        by=among("placed_at", "paid_at"),
        restates=among("0123456789abcdef"),
    ),
    "enrollment": among("automatic", "opt_in"),
    "attribution": keys(
        {"clicks": among("source = 'offsite'", "platform in ('a', 'b')"), "within": days},
        of=among("merchant", "product", "brand"),
    ),
    "limits": keys(per_merchant=amounts, minimum=st.just("0"), lifetime=amounts, never_above=money),
    "stacking": st.one_of(*(keys({rule: ids}) for rule in ("best_of", "in_order", "exclusive"))),
    "fund": st.one_of(
        keys(pot, per=among("program", "period"), exhausted=among("committed", "pro_rata")),
        keys({**pot, "exhausted": st.just("first_come"), "by": among(*DAYS)}, funders=funders),
    ),
    "settle": st.one_of(
        keys(maturity=days, lag=days, pay=among("cash", "choice")),
        keys({"pay": among("ad_credit", "fee_offset")}, expires=days),
    ),
    "refunds": keys(dated_by=among("order", "refunded_at"), within=days),
    "baseline": among("gmv of the same period last year", "1_000 CNY", "targets.floor"),
    "targets": keys(floor=among("10", "110% of gmv"), sprint=among("1_000", "200% of gmv")),
    "gates": st.lists(conditions, max_size=2),
}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Return a document with any of the keys of the language."""
    table = draw(st.sampled_from(["order_lines", "order_lines", "orders"]))
    lines = LINES if table == "order_lines" else LINES[:2]
    whole: dict[str, Any] = {
        "program": "made-up",
        "title": {"zh": "试", "en": "Made up"},
        "direction": draw(among("commission", "offsite", "new_product")),
        "currency": "CNY",
        "columns": {"merchants.annual_fee": "money", "merchants.vip": "flag"},
        "period": {"from": "2025-01-01", "until": "2026-01-01", "timezone": "Asia/Shanghai"}
        | draw(st.sampled_from(PERIODS)),
        "qualifying": {table: draw(among(*lines))},
        "reward": draw(components),
    }
    for name in draw(st.sets(st.sampled_from(sorted(clauses)), max_size=4)):
        whole[name] = draw(clauses[name])
    own = used_metrics(str(whole))
    return whole | ({"metrics": own} if own else {})


def around(text: str, where: str) -> dict[str, Any]:
    """Return a small program with the expression `text` at `where`, one of PLACES."""
    whole: dict[str, Any] = {
        "program": "fuzz", "title": {"zh": "-", "en": "-"}, "direction": "commission", "currency": "CNY",
        "period": {"from": "2025-01-01", "until": "2026-01-01", "timezone": "Asia/Shanghai"},
        "qualifying": {"order_lines": "all"}, "baseline": "100", "targets": {"floor": "110% of baseline"},
        "attribution": {"clicks": "source = 'offsite'", "within": "30 days"},
        "reward": {"flat": {"amount": "1"}}, "metrics": {"spent": OWN_METRICS["spent"]},
    }  # fmt: skip
    top, _, key = where.partition(".")
    inside: dict[str, dict[str, Any]] = {
        "reward.pays_on": {"rate": {"pays_on": text, "rate": "1"}},
        "reward.tiers": {"step": {"qualifies_on": "gmv", "tiers": [{"from": text, "amount": text}]}},
        "reward.when": {"per": "product", "when": text, "flat": {"amount": "1"}},
        "reward.first_of": {
            "per": "order_line", "flat": {"amount": "1"}, "limits": {"first": "3", "first_of": text}
        },
        "reward.share": {"fee_refund": {"pays_on": "commission", "share": text}},
        "qualifying.order_lines": {"order_lines": text},
        "metrics.one": {"one": text},
        "limits.never_above": {"never_above": text},
        "attribution.clicks": {"clicks": text, "within": "30 days"},
        "fund.by": {"id": "pot", "amount": "1_000", "exhausted": "first_come", "by": text},
        "period.since": {**whole["period"], "first": "90 days", "since": text},
        "targets.sprint": {"sprint": text},
    }  # fmt: skip
    return {**whole, top: inside[where] if key else text}


PLACES = [
    *(
        "merchants",
        "gates",
        "baseline",
        "qualifying.order_lines",
        "metrics.one",
        "limits.never_above",
    ),
    *("reward.pays_on", "reward.tiers", "reward.when", "reward.first_of", "reward.share"),
    *("attribution.clicks", "fund.by", "period.since", "targets.sprint"),
]

#: The clauses a program may have, by their attribute.
TOP = ("attribution", "stacking", "fund", "settle", "effective", "baseline", "targets", "gates")
