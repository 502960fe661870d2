"""A curve is what the engine pays: on both sides of every bound, and anywhere between, to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cogrow.embedded import Limits
from cogrow.engines.duckdb import open_engine
from cogrow.engines.given import compile_given
from cogrow.expressions.evaluate import Known
from cogrow.facts import FactFiles
from cogrow.money import round_half_up
from cogrow.programs.foresight.curve import Curve
from cogrow.programs.foresight.paid import curves
from cogrow.programs.parse import parse, parse_file
from cogrow.programs.program import Program
from cogrow.programs.reading.constants import by_example
from tests.house.tree import ROOT

FILES = sorted((ROOT / "src/cogrow/programs/library").rglob("*.yaml"))
NO_FACTS = FactFiles("", {}, "")


def alone(program: Program) -> Curve | None:
    """Return the curve of a program of one component for the merchant, of measured values alone."""
    found = curves(program, by_example(program))
    if len(found) != 1 or len(program.components) != 1 or found[0].per:
        return None
    measured = {measure.name for measure in program.measures} | {"baseline"}
    known = {found[0].metric, *found[0].held} <= measured
    component = program.components[0]
    apart = component.accumulate is None and program.limits.lifetime is None
    apart = apart and not any(tier.when for tier in component.terms.tiers)
    return found[0] if known and apart else None


def drawn() -> list[Program]:
    programs = [parse_file(path).program for path in FILES]
    return [program for program in programs if program is not None and alone(program) is not None]


def paid(program: Program, metric: str, held: Mapping[str, Known], values: list[int]) -> list[int]:
    """Return what the engine pays for each value of the metric."""
    known = {name: value for name, value in held.items() if isinstance(value, Fraction)}
    cases = [{**known, metric: Fraction(value)} for value in values]
    plan = compile_given(program, program.schedule.periods()[0], cases)
    with open_engine(NO_FACTS, [plan], Limits(memory="200MB", threads=1)) as engine:
        rows = engine.earn(plan).to_pylist()
    amounts = {row["merchant_id"]: row["amount_minor"] for row in rows}
    return [amounts[name] for name in sorted(amounts)]


def drawn_at(curve: Curve, values: list[int]) -> list[int]:
    """Return what the curve says is paid for each value of the metric."""
    found = [curve.amount.at(Fraction(value)) for value in values]
    return [round_half_up(amount) for amount in found if isinstance(amount, Fraction)]


def around(curve: Curve) -> list[int]:
    """Return whole values at, right below and right above every bound, and one beyond."""
    bounds = [int(piece.low) for piece in curve.pieces()]
    return sorted({max(0, b + off) for b in bounds for off in (-1, 0, 1, 12_345)})


@pytest.mark.parametrize("program", drawn(), ids=lambda program: program.id)
def test_the_engine_pays_the_curve_of_a_published_program(program):
    curve = alone(program)
    assert curve is not None
    values = around(curve)
    assert paid(program, curve.metric, curve.held, values) == drawn_at(curve, values)


def test_most_published_programs_of_one_component_are_held_against_the_engine():
    assert len(drawn()) >= 25


HEAD = """\
program: drawn
title: {zh: 例, en: Drawn}
direction: commission
currency: CNY
gates: [baseline > 0]
period: {from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}
qualifying: {order_lines: all}
baseline: net_sales of the same quarter last year
metrics: {half: net_sales / 2}
"""
STARTS = ["0", "5", "10.01", "90% of baseline", "110% of baseline", "greatest(baseline, 40)", "250"]
OVER = "net_sales - baseline"
PAYS_ON = ["net_sales", "half", OVER, "least(net_sales, 75)", f"if(net_sales > 30, half, {OVER})"]
TIERED = ("step", "linear", "graduated", "retroactive", "growth", "rolling", "total")
WHENS = ["net_sales > 20 or baseline > 500", "half <= 60", f"not ({OVER} > 7)", "gmv > 3"]
MONEY = st.sampled_from(["12.34 CNY", "0", "3", "0.01"])
RATES = st.sampled_from(["1%", "2.5%", "33.33%", "0%", "100%"])


@st.composite
def bodies(draw: st.DrawFn) -> str:
    form = draw(st.sampled_from([*TIERED, "rate", "match", "cover", "fee_refund"]))
    terms: list[str] = []
    if form not in ("step", "linear"):
        terms.append(f"pays_on: '{draw(st.sampled_from(PAYS_ON))}'")
    if form in ("step", "linear") or (form not in ("graduated",) and form in TIERED):
        terms.append(f"qualifies_on: '{draw(st.sampled_from(PAYS_ON[:4]))}'")
    if form in TIERED:
        begin = draw(st.lists(st.sampled_from(STARTS), min_size=1, max_size=4, unique=True))
        pays = ("amount", MONEY) if form in ("step", "linear") else ("rate", RATES)
        tiers = [f"{{from: '{one}', {pays[0]}: {draw(pays[1])}}}" for one in begin]
        terms.append(f"tiers: [{', '.join(tiers)}]")
    if form in ("rate", "match"):
        terms.append(f"rate: {draw(RATES)}")
    if form in ("match", "cover"):
        terms.append(f"limit: '{draw(st.sampled_from(['1.50 CNY', '10% of net_sales', OVER]))}'")
    if form == "fee_refund":
        terms.append("share: 'net_sales / 1000'")
    when = draw(st.none() | st.sampled_from(WHENS))
    asked = f"  when: '{when}'\n" if when else ""
    limits = draw(st.sampled_from(["", "limits: {per_merchant: 2, minimum: 0.05}\n"]))
    return f"reward:\n{asked}  {form}: {{{', '.join(terms)}}}\n{limits}"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies(), st.lists(st.integers(0, 100_000), max_size=5), st.integers(1, 10_000))
def test_the_engine_pays_the_curve_of_a_program_made_up(body, more, baseline):
    program = parse((HEAD + body).encode(), "x.yaml").program
    assume(program is not None)  # its tiers ascend
    assert program is not None
    held: dict[str, Known] = {"baseline": Fraction(baseline), "gmv": Fraction(400)}
    (curve,) = curves(program, held)
    values = sorted({*around(curve), *more})
    assert paid(program, curve.metric, held, values) == drawn_at(curve, values)
