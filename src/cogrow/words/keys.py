"""What every key of a program means, in the order it is written, and what each choice of one does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from cogrow.errors import N_


def meaning(path: str) -> str | None:
    """Return what the key at a path such as `reward.step.tiers[0].from` means, None where it has no
    words: below a form, a key means the same in all of them.
    """
    plain = re.sub(r"\[\d+\]", "", path)
    if plain in KEYS:
        return KEYS[plain]
    top, *rest = plain.split(".")
    if top != "reward" or len(rest) not in (2, 3):
        return None
    return (FORM_KEYS if len(rest) == 2 else TIER_KEYS).get(rest[-1])


#: Every key of a program.
KEYS: Mapping[str, str] = MappingProxyType(
    {
        "program": N_("its id: lower-case letters, digits and hyphens"),
        "title": N_("its name in both languages"),
        "title.zh": N_("in Chinese"),
        "title.en": N_("in English"),
        "description": N_("what it promises, in both languages"),
        "description.zh": N_("in Chinese"),
        "description.en": N_("in English"),
        "source": N_("where the terms come from, and which of them are illustrative"),
        "direction": N_("what the marketplace invests in"),
        "currency": N_("what is paid, and what every amount without a currency is in (ISO 4217)"),
        "effective": N_("from when these terms hold, where a program has several versions"),
        "effective.from": N_("the first day on which they hold"),
        "effective.by": N_(
            "the date of an order that chooses its version; the first day of the period where left out"
        ),
        "effective.restates": N_(
            "the version whose days these terms take over, as a declared restatement"
        ),
        "columns": N_("columns of your own: `merchants.annual_fee: money`"),
        "merchants": N_("who may take part: a condition on one row of `merchants`, or `all`"),
        "enrollment": N_("whether merchants take part by themselves or have to join"),
        "gates": N_("conditions checked for the period; all must hold, or nothing is earned"),
        "period": N_("when the program runs and how its time is cut"),
        "period.from": N_("the first day"),
        "period.until": N_("the first day after the end"),
        "period.every": N_("the length of a period; `once` is one period from `from` to `until`"),
        "period.festival": N_(
            "the festival of `every: festival`, as the calendar of the facts calls it"
        ),
        "period.first": N_("of how many days after `since` what happens counts, like `90 days`"),
        "period.since": N_("a day of each merchant, like `joined_on`; it counts as the first"),
        "period.timezone": N_("where its days begin, such as `Asia/Shanghai`"),
        "qualifying": N_("which rows count: a condition per table, and the date that places them"),
        "qualifying.dated_by": N_(
            "the date of an order that places it in a period; `placed_at` where left out"
        ),
        "refunds": N_("how refunds are placed in a period"),
        "refunds.dated_by": N_(
            "`refunded_at`: on their own day; `order`: with the order they refund"
        ),
        "refunds.within": N_("for how long after that date refunds can still arrive"),
        "attribution": N_("which visit an order is owed to; its columns are known as `clicks`"),
        "attribution.clicks": N_("which visits can have led to an order: a condition on `visits`"),
        "attribution.within": N_(
            "for how long after the visit an order is owed to it, like `30 days`"
        ),
        "attribution.of": N_(
            "what the visit was to: anything of the merchant, the product sold, or its brand"
        ),
        "metrics": N_("metrics of your own: a name and an expression"),
        "baseline": N_("what growth is counted from"),
        "targets": N_("named amounts to reach, lowest first"),
        "reward": N_("what is paid: one component, or a list of components that add up"),
        "reward.name": N_("the component's name; the name of its form where left out"),
        "reward.per": N_(
            "what the component pays for one by one; the merchant as a whole where left out"
        ),
        "reward.when": N_("a condition that must hold for the component to pay"),
        "reward.accumulate": N_(
            "adds its metrics up over these days and takes off what it earned before"
        ),
        "reward.limits": N_("what bounds this component"),
        "reward.limits.each": N_("the most one of these things earns"),
        "reward.limits.first": N_("how many of them count, in order of their date"),
        "reward.limits.first_of": N_(
            "the metric that `first` counts by, like `units`; one for each thing where left out"
        ),
        "reward.limits.first_per": N_(
            "counts the first ones of each product, order or buyer; of each merchant where left out"
        ),
        "reward.limits.at_least": N_("how many must earn something, or none does"),
        "reward.limits.per_order": N_("the most the things of one order earn together"),
        "reward.limits.per_product": N_("the most the things of one product earn together"),
        "reward.limits.per_buyer": N_("the most the things of one buyer earn together"),
        "reward.limits.per_merchant": N_(
            "the most a merchant earns with this component in a period"
        ),
        "limits": N_("what bounds the sum of the components"),
        "limits.per_merchant": N_("the most a merchant earns in a period"),
        "limits.minimum": N_("the least worth paying; what is below it is not paid"),
        "limits.lifetime": N_("the most a merchant earns in all periods together"),
        "limits.never_above": N_(
            "a value the merchant never earns more than, such as the fee it offsets"
        ),
        "stacking": N_(
            "how this program and others go together for a merchant; one of three rules"
        ),
        "stacking.best_of": N_("the ids of programs of which only the one that earns most is paid"),
        "stacking.in_order": N_(
            "the ids of programs in their order; `taken` is what those before it paid"
        ),
        "stacking.exclusive": N_(
            "the ids of programs of which only the first that the merchant takes part in is paid"
        ),
        "fund": N_("the money set aside, and what happens when it is not enough"),
        "fund.id": N_("the id of the fund"),
        "fund.amount": N_("how much is set aside"),
        "fund.per": N_("for the whole program, or for each period anew"),
        "fund.exhausted": N_("what happens when it is not enough"),
        "fund.by": N_("the day of each merchant that says who comes first, with `first_come`"),
        "fund.funders": N_("who pays into it, and which share; together 100%"),
        "settle": N_("when and in which form earnings are paid"),
        "settle.maturity": N_("days after the period until its facts are final"),
        "settle.lag": N_("further days until it is paid"),
        "settle.pay": N_("the form of the payout"),
        "settle.expires": N_("days until a credit expires"),
        "examples": N_("worked examples, run by `cogrow test`"),
        "examples.it": N_("what the example shows, in words: one text, or one for each language"),
        "examples.it.zh": N_("in Chinese"),
        "examples.it.en": N_("in English"),
        "examples.given": N_("values by name, or rows of facts by table"),
        "examples.pays": N_("the amount the engine must pay"),
        "examples.period": N_("the period it stands in; the first one where left out"),
    }
)

#: Every key of a form of reward.
FORM_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "pays_on": N_("what the rate multiplies, or the cost or fee itself"),
        "qualifies_on": N_("what picks the tier; `pays_on` where left out"),
        "over": N_("what growth is counted from; `baseline` where left out"),
        "tiers": N_("where each tier begins and what it pays, lowest first"),
        "rate": N_("a share of money (`2%`), or an amount for each piece (`0.50 CNY`)"),
        "amount": N_("a fixed amount"),
        "limit": N_("the most it pays, an amount of money"),
        "spend_limit": N_("the most of the spend that is matched"),
        "share": N_(
            "the part of the fee that is given back, 0 to 1, like `refunded / paid`; all of it where left out"
        ),
        "retained": N_("the share of what is given back that is kept"),
        "retained_at_most": N_("the most that is kept of it"),
    }
)

#: Every key of a tier.
TIER_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "from": N_("where the tier begins, inclusive: an amount, a target, or any value"),
        "when": N_("a condition that must hold as well for the tier to be reached"),
        "rate": N_("what it pays, a share of money or an amount for each piece"),
        "amount": N_("the fixed amount it pays"),
    }
)

#: What each choice of a key does.
CHOICES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "direction": {
            "commission": N_("commission, given back"),
            "new_product": N_("new products"),
            "offsite": N_("traffic and sales from outside the marketplace"),
            "membership": N_("the merchant's members"),
            "new_merchant": N_("new merchants"),
            "environment": N_("the buyers' experience, such as returns"),
        },
        "effective.by": {
            "placed_at": N_("when it was placed"),
            "paid_at": N_("when it was paid"),
            "shipped_at": N_("when it was shipped"),
            "delivered_at": N_("when it was delivered"),
            "confirmed_at": N_("when the buyer confirmed it"),
        },
        "columns": {
            "money": N_("an amount of money"),
            "count": N_("a whole number"),
            "number": N_("a decimal number"),
            "text": N_("text"),
            "flag": N_("true or false"),
            "instant": N_("a moment in time (UTC)"),
            "day": N_("a day"),
        },
        "enrollment": {
            "automatic": N_("every merchant that may take part does"),
            "opt_in": N_("only merchants with a row in `enrollments` that are not held out"),
        },
        "period.every": {
            "month": N_("natural months"),
            "quarter": N_("natural quarters"),
            "year": N_("natural years"),
            "festival": N_("the days of a festival, each time"),
            "once": N_("one period"),
        },
        "refunds.dated_by": {
            "refunded_at": N_("on their own day"),
            "order": N_("with the order they refund"),
        },
        "attribution.of": {
            "merchant": N_("a visit to the merchant"),
            "product": N_("a visit to the product that was bought"),
            "brand": N_("a visit to a product of the same brand of the merchant"),
        },
        "reward.per": {
            "order_line": N_("for each order line"),
            "order": N_("for each order"),
            "product": N_("for each product"),
            "return": N_("for each return"),
            "campaign": N_("for each campaign of the merchant's"),
            "buyer": N_("for each buyer"),
        },
        "reward.accumulate": {
            "year to date": N_("from the first day of the year"),
            "program to date": N_("from the first day of the program"),
        },
        "reward.limits.first_per": {
            "product": N_("of each product"),
            "order": N_("of each order"),
            "buyer": N_("of each buyer"),
        },
        "fund.per": {
            "program": N_("once, for all periods"),
            "period": N_("for each period"),
        },
        "fund.exhausted": {
            "committed": N_("earnings are paid in full all the same"),
            "pro_rata": N_("every merchant gets the same share of its earnings"),
            "first_come": N_("merchants are paid in full in the order of `by`, while it lasts"),
        },
        "settle.pay": {
            "cash": N_("money"),
            "fee_offset": N_("less of a fee"),
            "ad_credit": N_("credit for advertising"),
            "choice": N_("money in the wallet; the merchant is paid, or turns it into ad credit"),
        },
    }
)
