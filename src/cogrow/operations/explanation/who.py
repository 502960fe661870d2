"""Which terms hold, and who may take part in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from cogrow.errors import N_, Message, message
from cogrow.expressions.evaluate import Known, evaluate
from cogrow.expressions.tree import ColumnRef, Tree, Unit, columns
from cogrow.operations.explanation.account import Account, Row
from cogrow.operations.explanation.sentence import Said, Sentence, named


def version(account: Account) -> Iterator[Sentence]:
    """Say since when these terms hold, and by which date that is decided."""
    effective, program = account.program.effective, account.program
    if effective is None:
        return
    days = {"start": str(effective.start), "end": str(effective.end) if effective.end else ""}
    if effective.by:
        what = N_("These terms hold for orders whose {by} is {start} or later.")
        if effective.end is not None:
            what = N_(
                "These terms hold for orders whose {by} is {start} or later, and before {end}, when "
                "the next version begins."
            )
    else:
        what = N_("These terms hold from {start} on; {period} begins on {first}.")
        if effective.end is not None:
            what = N_(
                "These terms hold from {start} on and before {end}, when the next version begins; "
                "{period} begins on {first}."
            )
    period = account.plan.period
    said = message(what, by=effective.by, period=period.name, first=str(period.start), **days)
    data = {"version": program.version, "from": days["start"], "until": days["end"] or None}
    yield Sentence("version", said, {**data, "by": effective.by or "period"})
    if effective.restates:
        restated = N_("They take the place of version {version} from then on.")
        yield Sentence("version", message(restated, version=effective.restates))


def eligible(account: Account) -> Iterator[Sentence]:
    """Say whether the merchant may take part, and every part of the condition that does not hold."""
    condition, merchant = account.program.merchants, account.merchant
    holds = condition.text == "all" or _holds(account, condition.tree) is True
    if condition.text == "all":
        if account.program.enrollment == "automatic":
            everyone = N_("{merchant} may take part, as every merchant may.")
            yield Sentence("eligible", message(everyone, merchant=merchant), {"eligible": True})
    else:
        what = N_("{merchant} may take part: {condition} ({found}).")
        if not holds:
            what = N_("{merchant} may not take part: {condition}.")
        elif account.program.enrollment == "opt_in":
            what = N_("{merchant} is one of those who may enroll: {condition} ({found}).")
        said = message(
            what, merchant=merchant, condition=condition.text, found=_seen(account, condition.tree)
        )
        yield Sentence("eligible", said, {"eligible": bool(account.rows[0]["eligible"])})
    for part in condition.parts() if not holds else ():
        missing = N_("Not met: {text} ({found}).")
        said = message(missing, text=part.text, found=_seen(account, part.tree))
        if _holds(account, part.tree) is not True:
            yield Sentence("eligible", said, {"condition": part.text})
    if account.program.enrollment == "opt_in":
        yield from _enrollment(account)


def _holds(account: Account, tree: Tree) -> Known:
    known = {("merchants", name): value for name, value in account.attributes.items()}
    return evaluate(tree, {}, known, account.program.schedule.zone)


def _seen(account: Account, tree: Tree) -> Said:
    return named(
        [
            (_word(ref), account.write(account.attributes.get(ref.column), ref.unit))
            for ref in columns(tree)
        ]
    )


def _word(ref: ColumnRef) -> str:
    """Return the name a condition calls a column by."""
    return ref.column.removesuffix("_minor") if ref.unit is Unit.MONEY else ref.column


def _enrollment(account: Account) -> Iterator[Sentence]:
    """Say since when the merchant is enrolled, or of each enrollment why it does not hold."""
    merchant, period = account.merchant, account.plan.period
    said = {id(row): _why_not(row, period.start, period.end) for row in account.enrollments}
    held = [row["enrolled_on"] for row in account.enrollments if said[id(row)] is None]
    if held:
        what = N_("{merchant} takes part by its enrollment of {day}.")
        day = str(min(held))
        yield Sentence(
            "enrollment", message(what, merchant=merchant, day=day), {"enrolled_on": day}
        )
        return
    if not account.enrollments:
        what = N_("{merchant} has not enrolled, and only who has enrolled takes part.")
        yield Sentence("enrollment", message(what, merchant=merchant), {"enrolled_on": None})
    for row in account.enrollments:
        reason = said[id(row)]
        if reason is not None:
            word, told = reason
            day = str(row["enrolled_on"])
            yield Sentence("enrollment", told, {"enrolled_on": day, "reason": word})


def _why_not(row: Row, start: date, end: date) -> tuple[str, Message] | None:
    """Return why an enrollment does not hold in the days from `start` up to `end`; None if it does."""
    enrolled, left = row["enrolled_on"], row.get("left_on")
    days = {"day": str(enrolled), "left": str(left), "last": str(end - timedelta(days=1))}
    if row.get("arm") == "holdout":
        what = N_(
            "Enrolled on {day}, but held out: it is one of those kept out of the program to compare "
            "with (arm holdout)."
        )
        return "holdout", message(what, **days)
    if enrolled >= end:
        what = N_("Enrolled on {day} only, after the last day of the period, {last}.")
        return "too_late", message(what, **days)
    if left is not None and left <= start:
        what = N_("Enrolled on {day}, but left on {left}, before the period began.")
        return "left", message(what, **days)
    return None
