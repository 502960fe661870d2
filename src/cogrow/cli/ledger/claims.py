"""`cogrow ledger`: accrue, settle, wallet, hold, adjust, dispute."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cogrow.cli.frame import command
from cogrow.cli.ledger.group import (
    CURRENCY,
    DAY,
    NUMBER,
    at_books,
    below_zero,
    ledger_group,
    minor,
    plain,
    share,
    show_proposal,
    shown,
    sitting,
    subgroup,
)
from cogrow.cli.ledger.words import account_word
from cogrow.cli.screen import Screen
from cogrow.errors import N_, message

if TYPE_CHECKING:
    from cogrow.ledger.journal import Posted

wallet_group = subgroup("wallet", N_("What a merchant may withdraw, convert and spend."))
dispute_group = subgroup("dispute", N_("What a merchant says is wrong, and the answer."))
MERCHANT = click.argument("merchant")
AMOUNT = click.argument("amount")
REASON = click.option("--reason", required=True, help=N_("Why; whoever approves reads it."))


def _show_posted(screen: Screen, posted: Posted) -> None:
    what = N_("Entry {id}: {key}") if posted.new else N_("Already booked as entry {id}: {key}")
    screen.say(message(what, id=posted.id, key=posted.key), fg="green")
    screen.data(plain(posted))


@command(ledger_group, "accrue", N_("Book what was earned: the difference to what is booked."))
@click.argument("programs", nargs=-1, required=True)
@click.option(
    "--period",
    "periods",
    multiple=True,
    required=True,
    help=N_("2025, 2025Q2, 2025-04 or first..last day."),
)
@click.option("--fund", help=N_("The fund of programs that name none."))
@click.option(
    "--earnings",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("earnings"),
    show_default=True,
    help=N_("Folder `earn` wrote to."),
)
@at_books
def accrue_command(
    screen: Screen,
    programs: tuple[str, ...],
    periods: tuple[str, ...],
    fund: str | None,
    earnings: Path,
    **at: Any,
) -> None:
    """Book earnings."""
    with sitting(screen, **at) as desk, screen.progress() as progress:
        found = desk.accrue(
            programs, earnings, periods, fund, lambda done, total: progress("accrue", done, total)
        )
    what = N_("{entries} entries; {unchanged} merchants as booked.")
    said = {"entries": f"{found.entries:,}", "unchanged": f"{found.unchanged:,}"}
    screen.say(message(what, **said), fg="green")
    for currency in sorted({*found.more, *found.less}):
        what = N_("{more} more is owed, {less} less; {clawback} of it is owed back to us.")
        amounts = {
            name: shown(getattr(found, name).get(currency, 0), currency)
            for name in ("more", "less", "clawback")
        }
        screen.say(message(what, **amounts))
    screen.data(plain(found))


@command(ledger_group, "settle", N_("Make due what is mature, less what merchants owe us."))
@click.option("--as-of", type=DAY, help=N_("Up to which day.  [default: the day it is booked on]"))
@at_books
def settle_command(screen: Screen, as_of: datetime | None, **at: Any) -> None:
    """Settle."""
    with sitting(screen, **at) as desk, screen.progress() as progress:
        found = desk.settle(
            as_of.date() if as_of else None, lambda done, total: progress("settle", done, total)
        )
    what = N_("{count} merchants settled.")
    screen.say(message(what, count=f"{found.merchants:,}"), fg="green")
    for currency, due in sorted(found.due.items()):
        what = N_("{due} is due now; {offset} was offset.")
        screen.say(
            message(what, due=shown(due, currency), offset=shown(found.offset[currency], currency))
        )
    screen.data(plain(found))


@command(wallet_group, "show", N_("Show what a merchant has."))
@MERCHANT
@at_books
def wallet_show(screen: Screen, merchant: str, **at: Any) -> None:
    """Show a wallet."""
    with sitting(screen, **at) as desk:
        found = desk.wallets(merchant)
    heads = [message(N_("account")), message(N_("amount"))]
    for one in found:
        rows = [
            (account_word(kind), shown(amount, one.currency))
            for kind, amount in one.amounts.items()
        ]
        screen.table(heads, rows)
        for day, amount in one.expiring.items():
            what = N_("{amount} of the credit expires on {day}.")
            screen.say(message(what, amount=shown(amount, one.currency), day=day))
    screen.data(plain(found))


@command(wallet_group, "convert", N_("Turn money of a wallet into ad credit, with a bonus."))
@MERCHANT
@AMOUNT
@click.option("--bonus", default="0%", show_default=True, help=N_("The bonus, as a share."))
@click.option("--fund", help=N_("The fund that pays the bonus."))
@click.option(
    "--expires", type=DAY, help=N_("The day the bonus expires.  [default: with the credit]")
)
@CURRENCY
@NUMBER
@at_books
def wallet_convert(
    screen: Screen,
    merchant: str,
    amount: str,
    bonus: str,
    fund: str | None,
    expires: datetime | None,
    currency: str,
    number: str,
    **at: Any,
) -> None:
    """Convert."""
    from cogrow.ledger.wallet import convert

    with sitting(screen, **at) as desk:
        found = desk.write(
            convert,
            name=number,
            merchant=merchant,
            currency=currency,
            amount=minor(screen, amount, currency),
            bonus=share(screen, bonus),
            fund=fund,
            expires_on=expires.date() if expires else None,
        )
    _show_posted(screen, found)


@command(wallet_group, "spend", N_("Spend ad credit, bonus first."))
@MERCHANT
@AMOUNT
@CURRENCY
@NUMBER
@at_books
def wallet_spend(
    screen: Screen, merchant: str, amount: str, currency: str, number: str, **at: Any
) -> None:
    """Spend."""
    from cogrow.ledger.wallet import spend

    wanted = minor(screen, amount, currency)
    with sitting(screen, **at) as desk:
        found = desk.write(spend, name=number, merchant=merchant, currency=currency, amount=wanted)
    _show_posted(screen, found)


@command(wallet_group, "expire", N_("Take back credit that has expired."))
@click.option("--as-of", type=DAY, help=N_("Up to which day.  [default: the day it is booked on]"))
@at_books
def wallet_expire(screen: Screen, as_of: datetime | None, **at: Any) -> None:
    """Expire."""
    from cogrow.ledger.wallet import expire

    with sitting(screen, **at) as desk:
        found = desk.write(expire, as_of=as_of.date() if as_of else None)
    what = N_("{count} portions of credit expired.")
    screen.say(message(what, count=f"{len(found):,}"), fg="green")
    screen.data(plain(found))


def _moving(verb: str, help_text: str) -> None:
    @command(ledger_group, verb, help_text)
    @MERCHANT
    @AMOUNT
    @CURRENCY
    @NUMBER
    @at_books
    def moved(
        screen: Screen, merchant: str, amount: str, currency: str, number: str, **at: Any
    ) -> None:
        from cogrow.ledger.wallet import move

        more = {"name": number, "merchant": merchant, "currency": currency}
        wanted = minor(screen, amount, currency)
        with sitting(screen, **at) as desk:
            found = desk.write(move, verb=verb, amount=wanted, **more)
        _show_posted(screen, found)


_moving("hold", N_("Hold back what is due, while something is looked into."))
_moving("release", N_("Let go what was held back."))
_moving("offset", N_("Set fee credit against the fees a merchant owes."))


@below_zero
@command(ledger_group, "adjust", N_("Propose to owe a merchant more, or (below 0) less."))
@MERCHANT
@AMOUNT
@click.option("--fund", required=True, help=N_("The fund that bears it."))
@REASON
@CURRENCY
@NUMBER
@at_books
def adjust_command(
    screen: Screen,
    merchant: str,
    amount: str,
    fund: str,
    reason: str,
    currency: str,
    number: str,
    **at: Any,
) -> None:
    """Propose an adjustment."""
    from cogrow.ledger.corrections import adjust

    with sitting(screen, **at) as desk:
        found = desk.write(
            adjust,
            number=number,
            merchant=merchant,
            fund=fund,
            currency=currency,
            amount=minor(screen, amount, currency),
            reason=reason,
        )
    show_proposal(screen, found)


@command(ledger_group, "write-off", N_("Propose to give up what a merchant owes and will not pay."))
@MERCHANT
@AMOUNT
@REASON
@CURRENCY
@NUMBER
@at_books
def write_off_command(
    screen: Screen,
    merchant: str,
    amount: str,
    reason: str,
    currency: str,
    number: str,
    **at: Any,
) -> None:
    """Propose a write-off."""
    from cogrow.ledger.corrections import write_off

    wanted = minor(screen, amount, currency)
    more = {"merchant": merchant, "currency": currency, "reason": reason}
    with sitting(screen, **at) as desk:
        show_proposal(screen, desk.write(write_off, number=number, amount=wanted, **more))


@command(ledger_group, "reverse", N_("Propose the entry that undoes another one."))
@click.argument("entry", type=int)
@REASON
@at_books
def reverse_command(screen: Screen, entry: int, reason: str, **at: Any) -> None:
    """Propose a reversal."""
    from cogrow.ledger.corrections import reverse

    with sitting(screen, **at) as desk:
        show_proposal(screen, desk.write(reverse, number=entry, reason=reason))


@command(dispute_group, "open", N_("Write down what a merchant says is wrong."))
@click.argument("dispute")
@MERCHANT
@click.argument("about")
@click.argument("said")
@at_books
def dispute_open(
    screen: Screen, dispute: str, merchant: str, about: str, said: str, **at: Any
) -> None:
    """Open a dispute."""
    from cogrow.ledger.corrections import open_dispute

    with sitting(screen, **at) as desk:
        desk.write(open_dispute, name=dispute, merchant=merchant, about=about, said=said)
    screen.say(message(N_("Done.")), fg="green")
    screen.data({"dispute": dispute})


@command(dispute_group, "answer", N_("Answer a dispute: answered, rejected, corrected."))
@click.argument("dispute")
@click.argument("outcome", type=click.Choice(["answered", "rejected", "corrected"]))
@click.argument("said")
@click.option("--entry", type=int, help=N_("The entry that corrects it."))
@at_books
def dispute_answer(
    screen: Screen, dispute: str, outcome: str, said: str, entry: int | None, **at: Any
) -> None:
    """Answer a dispute."""
    from cogrow.ledger.corrections import answer_dispute

    with sitting(screen, **at) as desk:
        desk.write(answer_dispute, name=dispute, outcome=outcome, said=said, entry_id=entry)
    screen.say(message(N_("Done.")), fg="green")
    screen.data({"dispute": dispute, "outcome": outcome})


@command(dispute_group, "list", N_("Show disputes and their answers."))
@click.option("--merchant", help=N_("Of this merchant only."))
@at_books
def dispute_list(screen: Screen, merchant: str | None, **at: Any) -> None:
    """List disputes."""
    with sitting(screen, **at) as desk:
        found = desk.disputes(merchant)
    for one in found:
        screen.say(f"{one.id}  {one.merchant}  {one.about}: {one.said}")
        for outcome, said in one.answers:
            screen.say(f"    {outcome}: {said}")
    screen.data(plain(found))
