"""What the generated tables of the reference say in words; the code says the rest.

Each mapping is complete: a name the code has and this lacks, or the other way round, fails.
"""

from __future__ import annotations

#: Every key of a program, in the order it is written.
KEYS = {
    "program": "its id: lower-case letters, digits and hyphens",
    "title": "its name in both languages",
    "title.zh": "in Chinese",
    "title.en": "in English",
    "description": "what it promises, in both languages",
    "description.zh": "in Chinese",
    "description.en": "in English",
    "source": "where the terms come from, and which of them are illustrative",
    "direction": "what the marketplace invests in",
    "currency": "what is paid, and what every amount without a currency is in (ISO 4217)",
    "columns": "columns of your own: `merchants.annual_fee: money`",
    "merchants": "who may take part: a condition on one row of `merchants`, or `all`",
    "gates": "conditions checked for the period; all must hold, or nothing is earned",
    "period": "when the program runs and how its time is cut",
    "period.from": "the first day",
    "period.until": "the first day after the end",
    "period.every": "the length of a period; `once` is one period from `from` to `until`",
    "period.timezone": "where its days begin, such as `Asia/Shanghai`",
    "qualifying": "which rows count: a condition per table, and the date that places them",
    "refunds": "how refunds are placed in a period",
    "refunds.dated_by": "`refunded_at`: on their own day; `order`: with the order they refund",
    "metrics": "metrics of your own: a name and an expression",
    "baseline": "what growth is counted from",
    "targets": "named amounts to reach, lowest first",
    "reward": "what is paid: one component, or a list of components that add up",
    "reward.name": "the component's name; the name of its form where left out",
    "reward.when": "a condition that must hold for the component to pay",
    "limits": "what bounds the sum of the components",
    "limits.per_merchant": "the most a merchant earns in a period",
    "limits.minimum": "the least worth paying; what is below it is not paid",
    "examples": "worked examples, run by `cogrow test`",
    "examples.it": "what the example shows, in words: one text, or one for each language",
    "examples.it.zh": "in Chinese",
    "examples.it.en": "in English",
    "examples.given": "values by name, or rows of facts by table",
    "examples.pays": "the amount the engine must pay",
    "examples.period": "the period it stands in; the first one where left out",
}

#: Every key of a reward.
REWARD_KEYS = {
    "pays_on": "what the rate multiplies",
    "qualifies_on": "what picks the tier; `pays_on` where left out",
    "over": "what growth is counted from; `baseline` where left out",
    "tiers": "where each tier begins (`from`, inclusive) and what it pays (`rate` or `amount`)",
    "rate": "a share of money (`2%`), or an amount for each piece (`0.50 CNY`)",
    "amount": "a fixed amount",
    "limit": "the most a match pays, an amount of money; none where left out",
}

#: Every function: how it is called, and what it gives.
FUNCTIONS = {
    "sum": ("sum(paid)", "the sum over the rows; 0 for no rows"),
    "count": ("count(orders)", "how many rows of a table"),
    "count_distinct": ("count_distinct(buyer_id)", "how many different values"),
    "average": ("average(rating)", "the average over the rows; unknown for no rows"),
    "min": ("min(paid)", "the least value; unknown for no rows"),
    "max": ("max(paid)", "the largest value; unknown for no rows"),
    "least": ("least(paid, 100)", "the least of 2 to 10 numbers"),
    "greatest": ("greatest(paid, 100)", "the largest of 2 to 10 numbers"),
    "coalesce": ("coalesce(commission, 0)", "the first of 2 to 10 values that is known"),
    "abs": ("abs(paid - list_price)", "a number without its sign"),
    "if": ("if(channel = 'live', paid, 0)", "the second where the condition holds, else the third"),
    "days_between": (
        "days_between(placed_at, confirmed_at)",
        "whole days from the first to the second; a day counts from where it begins",
    ),
    "starts_with": ("starts_with(campaign_id, '618')", "whether a text begins with another"),
    "lower": ("lower(channel)", "a text in lower case"),
}

#: Every unit: what has it, and how a constant of it is written.
UNITS = {
    "money": ("money columns", "`5_000 CNY`, `0.50 CNY`, or a bare `5_000` beside money"),
    "count": ("counts, whole numbers", "`30`"),
    "number": ("scores, shares, ratios", "`4.6`, `110%`"),
    "text": ("ids, categories", "`'apparel'`; a quote inside is written twice"),
    "flag": ("conditions, yes-or-no columns", "`true`, `false`"),
    "instant": ("columns like `paid_at`", "a day stands for where it begins"),
    "day": ("columns like `joined_on`", "`2025-06-18`"),
    "duration": ("the difference of two instants or days", "`30 days`, `12 hours`, `90 minutes`"),
}

#: Every canonical table.
TABLES = {
    "merchants": "the parties that earn",
    "merchant_scores": "service scores of a merchant on a day",
    "products": "what merchants list",
    "orders": "one purchase of a buyer from a merchant",
    "order_lines": "one product in an order, and what was paid for it",
    "refunds": "money given back",
    "returns": "goods sent back",
    "visits": "a visitor's visit to a merchant",
    "ad_spend": "what a merchant spent on advertising on a day",
    "memberships": "buyers who joined a merchant's members",
    "enrollments": "merchants that joined a program",
    "targets": "targets set for a merchant in a program and period",
    "fx_rates": "exchange rates as fractions",
    "calendar": "festivals and other named days",
}

#: Every column all earnings have.
EARNINGS = {
    "program": "the program's id",
    "version": "the hash of its terms",
    "merchant_id": "the merchant",
    "period": "the period's name, such as `2025Q2`",
    "component": "the component of the reward",
    "form": "its form",
    "eligible": "whether the merchant may take part",
    "gates_passed": "whether every gate is passed",
    "condition_met": "whether the component's `when` holds",
    "tier": "the number of the highest tier reached, 0 for none; empty for forms without tiers",
    "rate": "the rate that multiplied, as people write it",
    "earned_minor": "the component's amount, rounded, before limits; 0 for who does not take part",
    "amount_minor": "what it comes to after limits",
    "currency": "the program's currency",
    "reason": "why this row pays what it pays",
}

REASONS = {
    "not_eligible": "the merchant may not take part",
    "gate_not_passed": "a gate is not passed",
    "condition_not_met": "the component's `when` does not hold",
    "no_tier_reached": "the first tier is not reached",
    "nothing_to_pay_on": "the amount comes to 0",
    "below_minimum": "the components together are below `limits.minimum`",
    "capped": "`limits.per_merchant` takes a part of it",
    "paid": "paid in full",
}

#: Codes whose sentence depends on what was found.
CODES = {
    "YML001": "The file is not strict YAML: not UTF-8, too large, aliases, anchors, tags, broken.",
    "YML002": "A key is written twice.",
    "YML003": "The file cannot be read.",
    "PRG001": "A key is missing, unknown, or holds something of another kind.",
    "PRG010": "This must be a fixed amount of money, not negative.",
    "PRG011": "A rate must be a constant: 0% to 100% on money, an amount on a count.",
    "PRG012": "A column cannot be declared like this.",
    "PRG013": "Metrics define each other in a circle.",
    "PRG014": "`qualifying` names a table that does not exist, or both orders and order_lines.",
    "PRG015": "`qualifying.dated_by` is not an instant of orders.",
    "PRG016": "The baseline cannot be read, or names an unknown metric.",
    "PRG017": "A target takes a name that means something already.",
    "PRG018": "The reward is empty, has no form or several, or repeats a component's name.",
    "PRG019": "A reward on growth has nothing to grow from.",
    "PRG020": "A reward on growth subtracts a baseline of another unit.",
    "PRG021": "The minimum is above the cap, so nothing is ever paid.",
    "PRG030": "A target is not above the one before it.",
    "PRG031": "A tier does not begin above the one before it.",
    "PRG032": "The program ends before it begins.",
    "PRG033": "Nothing keeps out merchants whose measured baseline is 0 (warning).",
    "PRG034": "The program has no worked example (warning).",
    "PRG035": "Two files hold the same program, and are no versions of it.",
    "PRG036": "An example stands in a period the program does not have.",
    "PRG037": "An example gives a value the program does not know.",
    "PRG038": "An example gives a value that cannot be read in its unit.",
    "PRG039": "An example leaves out a value the program needs.",
    "PRG040": "An example gives facts that cannot be read.",
    "PRG070": "A version does not say from when it holds, though others of its program do.",
    "PRG071": "Two versions of a program hold from the same day on, and neither restates the other.",
    "PRG072": "A version would hold from a day outside the program's.",
    "PRG073": "`restates` names no version that is there (a warning where its file is the only one).",
    "PRG074": "A version restates another that does not hold on its first day.",
    "PRG075": "A version changes what all versions of a program have in common.",
    "PRG076": "`plan`: a version would change periods that are over without `restates`.",
    "PRG077": "`plan`: the new program does not say from when it holds (warning).",
    "EXP001": "An expression cannot be read, or a name or unit in it does not fit.",
    "MAP001": "A mapping has a key that is missing, unknown, or of another kind.",
    "MAP002": "An expression of a mapping cannot be read, or does not fit its column.",
    "FCT101": "The program needs a table the facts lack.",
    "FCT102": "The program needs a column the facts lack.",
    "FCT103": "Rows that would count are in another currency than the program's.",
    "FCT104": "No fact of the period counts for the program.",
    "FCT105": "The table `merchants` is empty.",
    "CLI001": "There is no file and no program of the library of this name.",
    "CLI002": "A folder holds no program.",
    "SIM001": "So many order lines cannot be simulated.",
    "SIM002": "So many merchants cannot be simulated.",
    "SIM003": "The days are no time that can be simulated.",
    "SIM004": "The seed is below 0.",
}
