"""What stands beside an earning: things paid one by one, other programs, funds, rows that do not count."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cogrow.errors import InvariantBroken, NotFound, ProgramError
from cogrow.operations.earn import earn
from cogrow.operations.explain import Explained, explain
from tests.operations.market import LIMITS, Market, market, program, quiet, sealed


def shop() -> Market:
    """Return the market of four where some orders are not completed, or not confirmed in time."""
    rows = market()
    states = {"o3": ("completed", "2025-05-02 04:00"), "o4": ("completed", "2025-07-01 04:00")}
    for order in rows["orders"]:
        status, confirmed = states.get(order["order_id"], ("completed", None))
        order["status"] = "open" if order["order_id"] == "o5" else status
        order["confirmed_at"] = datetime.fromisoformat(confirmed) if confirmed else None
    rows["refunds"].append(
        {"refund_id": "r2", "order_id": "o4", "line_no": 1, "refunded_minor": 100,
         "refunded_at": datetime.fromisoformat("2025-05-20 04:00")}
    )  # fmt: skip
    rows["products"].append(
        {"product_id": "p2", "merchant_id": "m1", "category": "hats", "listed_at": date(2024, 1, 1)}
    )
    return rows


@pytest.fixture(scope="module")
def facts(tmp_path_factory) -> Path:
    return sealed(tmp_path_factory.mktemp("explain") / "facts", shop())


def tell(facts: Path, file: Path, merchant: str = "m1", **how: Any) -> Explained:
    return explain(str(file), merchant, facts, "2025Q2", limits=LIMITS, progress=quiet, **how)


def said(found: Explained, *steps: str) -> list[str]:
    return [str(one.says) for one in found.sentences if one.step in steps]


# -- thing by thing ---------------------------------------------------------------------------------

EACH = """\
reward:
  name: lines
  per: order_line
  when: gmv >= 260 CNY
  rate: {pays_on: gmv, rate: 10%}
  limits: {LIMITS}
"""


@pytest.mark.parametrize(
    ("limits", "sentences", "amounts"),
    [
        (
            "each: 40 CNY",
            [
                "lines: 3 found, 2 of them meet the condition, 2 earn something.",
                "lines: capped at 40.00 each: 1 of them.",
                "lines: together 70.05.",
            ],
            [(4_000, ("each",)), (3_005, ()), (0, ())],
        ),
        (
            "first: 1",
            [
                "lines: 3 found, 2 of them meet the condition, 1 earn something.",
                "lines: only the first 1 count; beyond them, in part or whole: 1.",
                "lines: together 70.00.",
            ],
            [(7_000, ()), (0, ("first",)), (0, ())],
        ),
        (
            "first: 2, first_of: units",
            [
                "lines: 3 found, 2 of them meet the condition, 2 earn something.",
                "lines: only the first 2 units count; beyond them, in part or whole: 1.",
                "lines: together 85.03.",
            ],
            [(7_000, ()), (1_503, ("first",)), (0, ())],
        ),
        (
            "at_least: 3",
            [
                "lines: 3 found, 2 of them meet the condition, 2 earn something.",
                "lines: at least 3 must earn something, but only 2 would, so none does.",
                "lines: together 0.00.",
            ],
            [(0, ("at_least",)), (0, ("at_least",)), (0, ())],
        ),
        (
            "per_order: 80 CNY",
            [
                "lines: 3 found, 2 of them meet the condition, 2 earn something.",
                "lines: cut by the cap of 80.00 for each order: 1 of them.",
                "lines: together 80.00.",
            ],
            [(7_000, ()), (1_000, ("per_order",)), (0, ())],
        ),
    ],
)
def test_what_is_paid_one_by_one_says_which_limit_bound(
    facts, tmp_path, limits, sentences, amounts
):
    terms = EACH.replace("{LIMITS}", f"{{{limits}}}")
    found = tell(facts, program(tmp_path, terms))
    rule = "one rate on all of the value (pays_on gmv, rate 10%)"
    first = f"lines pays for each order line where gmv >= 260 CNY: {rule}."
    assert said(found, "earned") == [first, *sentences]
    assert [(one.amount, one.bound) for one in found.things["lines"]] == amounts
    plain = found.as_json(str)["things"]["lines"]
    assert [one["keys"] for one in plain] == [
        {"order_id": "o3", "line_no": 1}, {"order_id": "o3", "line_no": 2},
        {"order_id": "o4", "line_no": 1},
    ]  # fmt: skip
    assert plain[0]["values"]["gmv"] == 70_000


def test_a_thing_says_what_it_lacks_to_its_next_tier(facts, tmp_path):
    tiers = "tiers: [{from: 300 CNY, amount: 1 CNY}, {from: 500 CNY, amount: 2 CNY}]"
    terms = f"reward: {{name: o, per: order_line, step: {{qualifies_on: gmv, {tiers}}}}}\n"
    found = tell(facts, program(tmp_path, terms))
    assert [(one.tier, one.missing) for one in found.things["o"]] == [
        (2, None), (1, 50_000 - 30_050), (0, 5_000),
    ]  # fmt: skip


# -- other programs ---------------------------------------------------------------------------------


def flat(amount: int, more: str = "") -> str:
    return f"reward: {{flat: {{amount: {amount} CNY}}}}\n{more}"


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            "best_of",
            "Of one, two only the one that gives most is paid: two (one 10.00, two 20.00).",
        ),
        (
            "exclusive",
            "Of one, two only the first that m1 takes part in is paid: one (one 10.00, two 20.00).",
        ),
    ],
)
def test_programs_of_a_group_say_which_is_paid_and_what_each_offers(
    facts, tmp_path, rule, sentence
):
    more = f"stacking: {{{rule}: [one, two]}}\n"
    files = [program(tmp_path, flat(n * 10, more), name) for n, name in ((1, "one"), (2, "two"))]
    chosen = "two" if rule == "best_of" else "one"
    for file, amount in zip(files, (1_000, 2_000), strict=True):
        found = tell(facts, file)
        assert said(found, "stacked") == [sentence]
        paid = amount if file.stem == chosen else 0
        assert found.earnings[0]["amount_minor"] == paid


def test_what_programs_before_took_is_told(facts, tmp_path):
    more = "stacking: {in_order: [one, two]}\n"
    program(tmp_path, flat(10, more), "one")
    second = program(
        tmp_path, "reward: {rate: {pays_on: net_sales - taken, rate: 10%}}\n" + more, "two"
    )
    found = tell(facts, second)
    assert said(found, "stacked") == ["Before it in the order: one 10.00; `taken` is 10.00."]


def test_a_program_it_is_stacked_with_is_asked_for_where_it_is_not_near(facts, tmp_path):
    more = "stacking: {best_of: [one, two]}\n"
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    one = program(tmp_path / "here", flat(10, more), "one")
    two = program(tmp_path / "there", flat(20, more), "two")
    with pytest.raises(ProgramError, match="Program one is stacked with two; compute both"):
        tell(facts, one)
    assert said(tell(facts, one, beside=[str(two)]), "stacked")


# -- funds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exhausted", "sentences", "amount"),
    [
        (
            "amount: 25 CNY, exhausted: pro_rata",
            [
                "The fund pot has 25.00, but 40.00 is drawn on it in all, so everybody gets the same share"
                " of what is drawn: of 10.00 it pays 6.25.",
                "To the minor unit: 2500 × 2000 ÷ 4000 rounded down, less 2500 × 1000 ÷ 4000 rounded"
                " down (those before it in the order of ids), is 625.",
            ],
            625,
        ),
        (
            "amount: 15 CNY, exhausted: first_come, by: merchants.joined_on",
            [
                "The fund pot has 15.00; those who come before m2 by merchants.joined_on (1) draw"
                " 10.00, so of 10.00 it pays 5.00."
            ],
            500,
        ),
        (
            "amount: 40 CNY, exhausted: pro_rata, funders: {house: 70%, brand: 30%}",
            [
                "The fund pot has 40.00, and 40.00 is drawn on it in all; it is enough.",
                "It is paid by house 7.00, brand 3.00.",
            ],
            1_000,
        ),
    ],
)
def test_a_fund_says_what_it_has_and_who_draws_on_it(facts, tmp_path, exhausted, sentences, amount):
    terms = flat(10, f"fund: {{id: pot, per: period, {exhausted}}}\n")
    found = tell(facts, program(tmp_path, terms), "m2")
    assert said(found, "funded") == sentences
    assert found.earnings[0]["amount_minor"] == amount


# -- read back --------------------------------------------------------------------------------------


def test_all_it_depends_on_is_read_from_what_was_earned(facts, tmp_path):
    more = "limits: {lifetime: 15 CNY}\nfund: {id: pot, amount: 18 CNY, per: period, exhausted: pro_rata}\n"
    file, out = program(tmp_path, flat(10, more)), tmp_path / "out"
    earn([str(file)], facts, ["2025Q1", "2025Q2"], out, LIMITS, quiet)
    read, computed = (tell(facts, file, "m2", earnings=e) for e in (out, None))
    assert [str(s.says) for s in read.sentences] == [str(s.says) for s in computed.sentences]
    earlier = out / "trial" / "2025Q1.parquet"
    table = pq.read_table(earlier)
    (out / "trial" / "2025Q1.parquet").write_bytes(b"")
    assert [str(s.says) for s in tell(facts, file, "m2", earnings=out).sentences] == [
        str(s.says) for s in computed.sentences
    ]
    none = table.slice(0, 0).replace_schema_metadata(table.schema.metadata)
    pq.write_table(none, earlier)
    with pytest.raises(InvariantBroken, match="after the earlier periods"):
        tell(facts, file, "m2", earnings=out)
    with pytest.raises(NotFound, match="There is no merchant m9"):
        tell(facts, file, "m9", earnings=out)


# -- rows that do not count -------------------------------------------------------------------------

COUNTED = """\
qualifying: {order_lines: "status = 'completed' and line_no between 1 and 9", dated_by: confirmed_at}
reward: {rate: {pays_on: net_sales, rate: 10%}}
"""


def test_rows_that_do_not_count_say_every_reason(facts, tmp_path):
    terms = COUNTED.replace("qualifying", "QUALIFYING")
    file = program(tmp_path, "reward: {flat: {amount: 1 CNY}}\n")
    head = (
        file.read_text(encoding="utf-8")
        .replace(
            "qualifying: {order_lines: all, dated_by: placed_at}\n",
            terms.replace("QUALIFYING", "qualifying"),
        )
        .replace("reward: {flat: {amount: 1 CNY}}\n", "")
    )
    file.write_text(head, encoding="utf-8")
    kept = {m: tell(facts, file, m, not_counted=True).kept_out for m in ("m1", "m2")}
    assert kept["m1"] is not None and kept["m2"] is not None
    reasons = {m: {one.table: one.reasons() for one in k or ()} for m, k in kept.items()}
    assert reasons["m1"] == {
        "order_lines": {("outside", "confirmed_at"): 1},  # confirmed on the first day of July
        "refunds": {},  # o4 is confirmed, though later: what was refunded then counts now
    }
    assert reasons["m2"]["order_lines"] == {
        ("undated", "confirmed_at"): 1, ("condition", "status = 'completed'"): 1,
    }  # fmt: skip
    plain = tell(facts, file, "m2", not_counted=True).as_json(str)["rejected"][0]
    assert plain["rows"][0]["order_id"] == "o5" and plain["rows"][0]["status"] == "open"
