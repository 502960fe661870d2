"""Clauses of one program that do not go together: caps, funds, settlement, stacking. One function per
rule.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from cogrow.errors import N_, Message, Severity, message
from cogrow.expressions.tree import aggregates
from cogrow.money import format_minor, round_half_up
from cogrow.period import Every
from cogrow.programs.foresight.bound import most, most_of_all, most_of_one
from cogrow.programs.program import Component, Program
from cogrow.programs.reading.build import Builder
from cogrow.strict_yaml import Path


def _warn(
    build: Builder, code: str, path: Path, said: Message, hint: Message | None = None
) -> None:
    build.complain(code, path, said, hint, severity=Severity.WARNING)


def _money(program: Program, minor: Fraction | int) -> str:
    return f"{format_minor(round_half_up(Fraction(minor)), program.currency)} {program.currency}"


def stacking_names_a_group(build: Builder, program: Program) -> None:
    """Complain of a group that leaves out the program itself, or names a program twice; warn of a
    group of one.
    """
    if program.stacking is None:
        return
    rule, ids = program.stacking.rule, program.stacking.programs
    path: Path = ("stacking", rule)
    if program.id not in ids:
        what = N_("`{rule}` should name this program too, {name}, in its place among the others.")
        build.complain("PRG056", path, message(what, rule=rule, name=program.id))
    for position, name in enumerate(ids):
        if name in ids[:position]:
            twice = N_("`{rule}` names {name} twice.")
            build.complain("PRG056", (*path, position), message(twice, rule=rule, name=name))
    if ids == (program.id,):
        alone = N_("`{rule}` names no other program, so it changes nothing.")
        _warn(build, "PRG057", path, message(alone, rule=rule))


def caps_are_reached(build: Builder, program: Program) -> None:
    """Warn of a cap above everything that could ever be paid."""
    what = N_("This cap is never reached: at most {most} can be earned here.")
    for component in program.components:
        path = (*build.places[component.name][:-1], "limits")
        for key, cap in _own_caps(component):
            if key == "each":
                highest = most_of_one(program, component, capped=False)
            else:
                highest = most_of_all(program, component)
            if highest is not None and cap > highest:
                _warn(build, "PRG058", (*path, key), message(what, most=_money(program, highest)))
    whole, lifetime = program.limits.per_merchant, program.limits.lifetime
    if whole is None:
        return
    bounds = [_most_of_sum(program), Fraction(lifetime) if lifetime is not None else None]
    highest = min([bound for bound in bounds if bound is not None], default=None)
    if highest is not None and whole > highest:
        said = message(what, most=_money(program, highest))
        _warn(build, "PRG058", ("limits", "per_merchant"), said)


def _own_caps(component: Component) -> list[tuple[str, int]]:
    limits = component.limits
    caps = (("each", limits.each), ("per_merchant", limits.per_merchant))
    return [(key, cap) for key, cap in caps if cap is not None]


def _most_of_sum(program: Program) -> Fraction | None:
    total = Fraction(0)
    for component in program.components:
        one = most(program, component)
        if one is None:
            return None
        total += one
    return total


def something_can_be_paid(build: Builder, program: Program) -> None:
    """Warn of a minimum that nothing can reach, and of more things asked for than count."""
    minimum = program.limits.minimum
    highest = _most_of_sum(program) if minimum else None
    if minimum is not None and highest is not None and minimum > highest:
        what = N_("The minimum is above {most}, the most that can be earned: nothing is ever paid.")
        said = message(what, most=_money(program, highest))
        _warn(build, "PRG059", ("limits", "minimum"), said)
    for component in program.components:
        limits = component.limits
        if limits.at_least is None or limits.first is None or limits.first_per or limits.first_of:
            continue
        if limits.at_least > limits.first:
            few = N_(
                "Only the first {first} count, so there are never {at_least}: nothing is paid."
            )
            path = (*build.places[component.name][:-1], "limits", "at_least")
            said = message(few, first=limits.first, at_least=limits.at_least)
            _warn(build, "PRG059", path, said)


def fund_covers_a_merchant(build: Builder, program: Program) -> None:
    """Warn where a single merchant may earn more in one period than the fund holds."""
    fund, limits = program.fund, program.limits
    if fund is None:
        return
    known = [Fraction(cap) for cap in (limits.per_merchant, limits.lifetime) if cap is not None]
    highest = _most_of_sum(program)
    liability = min([*known, *([highest] if highest is not None else [])], default=None)
    if liability is not None and liability > fund.amount:
        what = N_("One merchant may earn {most} in a period, but the fund holds {amount}.")
        said = message(what, most=_money(program, liability), amount=_money(program, fund.amount))
        _warn(build, "PRG054", ("fund", "amount"), said)


def refunds_are_awaited(build: Builder, program: Program) -> None:
    """Warn where earnings are final before the refunds that belong to them can have arrived."""
    if not _counts_refunds(program):
        return
    within, by_order = (
        program.qualifying.refunds_within,
        program.qualifying.refunds_dated_by == "order",
    )
    if not by_order:
        if within and program.schedule.every is Every.ONCE:
            what = N_(
                "Refunds of up to {days} days after the end count nowhere: they are dated by their own "
                "day, and the program has no later period."
            )
            hint = message(N_("Write `dated_by: order`, and wait with `settle: {{maturity: …}}`."))
            _warn(build, "PRG055", ("refunds", "within"), message(what, days=within), hint)
        return
    settle = program.settle
    if settle is None:
        return
    if settle.maturity < within:
        what = N_(
            "Earnings are final {maturity} days after a period, but refunds that belong to it arrive "
            "for {days} days."
        )
        path: Path = ("settle", "maturity") if settle.maturity else ("settle",)
        said = message(what, maturity=settle.maturity, days=within)
        _warn(build, "PRG055", path, said)
    elif not settle.maturity:
        what = N_(
            "Earnings are final as soon as a period ends, but refunds of its orders still arrive; say "
            "for how long under `refunds: {{within: …}}`, and wait with `maturity`."
        )
        _warn(build, "PRG055", ("settle",), message(what))


def _counts_refunds(program: Program) -> bool:
    tables = {part.table for one in program.measures for part in aggregates(one.tree)}
    return "refunds" in tables


#: Rules for a program with errors too.
ALWAYS: tuple[Callable[[Builder, Program], None], ...] = (stacking_names_a_group,)

RULES: tuple[Callable[[Builder, Program], None], ...] = (
    caps_are_reached,
    something_can_be_paid,
    fund_covers_a_merchant,
    refunds_are_awaited,
)
