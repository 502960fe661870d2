"""`cogrow ledger`: people, funds, proposals, payouts."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cogrow.cli.frame import command
from cogrow.cli.ledger.group import (
    CURRENCY,
    NUMBER,
    at_books,
    below_zero,
    ledger_group,
    minor,
    plain,
    show_proposal,
    shown,
    sitting,
    subgroup,
)
from cogrow.cli.screen import Screen
from cogrow.errors import N_, message

if TYPE_CHECKING:
    from cogrow.ledger.payouts.pay import Paid
    from cogrow.ledger.payouts.propose import Batch
    from cogrow.ledger.payouts.rail import Rail

person_group = subgroup("person", N_("Persons, their roles and API keys."))
fund_group = subgroup("fund", N_("Money set aside for promises."))
payout_group = subgroup("payout", N_("Pay what is due: propose, approve, pay, reconcile."))


def done(screen: Screen, **values: Any) -> None:
    """Say that it is done."""
    screen.say(message(N_("Done.")), fg="green")
    screen.data(plain(values))


@command(person_group, "add", N_("Add a person. The first one adds itself, and is operator."))
@click.argument("name")
@click.argument("full_name")
@at_books
def person_add(screen: Screen, name: str, full_name: str, **at: Any) -> None:
    """Add a person."""
    with sitting(screen, **at) as desk:
        desk.person_add(name, full_name)
    done(screen, person=name)


@command(person_group, "grant", N_("Give a person a role: operator, finance, merchant, auditor."))
@click.argument("name")
@click.argument("role")
@click.option("--merchant", default="", help=N_("Whose books the role merchant may see."))
@at_books
def person_grant(screen: Screen, name: str, role: str, merchant: str, **at: Any) -> None:
    """Give a role."""
    with sitting(screen, **at) as desk:
        desk.person_grant(name, role, merchant)
    done(screen, person=name, role=role)


@command(person_group, "revoke", N_("Take a role away from a person."))
@click.argument("name")
@click.argument("role")
@click.option("--merchant", default="", help=N_("Whose books the role merchant could see."))
@at_books
def person_revoke(screen: Screen, name: str, role: str, merchant: str, **at: Any) -> None:
    """Take a role away."""
    with sitting(screen, **at) as desk:
        desk.person_revoke(name, role, merchant)
    done(screen, person=name, role=role)


@command(person_group, "key", N_("Make an API key that acts for a person. It cannot approve."))
@click.argument("key")
@click.argument("person_of")
@at_books
def person_key(screen: Screen, key: str, person_of: str, **at: Any) -> None:
    """Make an API key and show it once."""
    secret = os.urandom(24).hex()
    with sitting(screen, **at) as desk:
        desk.key_add(key, person_of, secret)
    screen.say(message(N_("Shown once, kept nowhere: {secret}"), secret=secret))
    screen.data({"key": key, "secret": secret})


@command(
    ledger_group,
    "runtime-role",
    N_("Make the PostgreSQL role to run as: it adds to the books, and cannot change history."),
)
@click.argument("role")
@at_books
def runtime_role(screen: Screen, role: str, **at: Any) -> None:
    """Make the role."""
    with sitting(screen, **at) as desk:
        tables = desk.runtime_role(role)
    what = N_("{role} may add to {count} tables and change nothing in them.")
    screen.say(message(what, role=role, count=len(tables)), fg="green")
    screen.data({"role": role, "append_only": list(tables)})


@command(fund_group, "create", N_("Create an empty fund."))
@click.argument("fund")
@click.option("--title", default="", help=N_("What people call it."))
@CURRENCY
@at_books
def fund_create(screen: Screen, fund: str, title: str, currency: str, **at: Any) -> None:
    """Create a fund."""
    with sitting(screen, **at) as desk:
        desk.fund_create(fund, currency, title or fund)
    done(screen, fund=fund)


@below_zero
@command(fund_group, "top-up", N_("Propose to put money into a fund, or (below 0) take it out."))
@click.argument("fund")
@click.argument("amount")
@click.option("--funder", default="", help=N_("Whose money it is, if not the platform's own."))
@CURRENCY
@NUMBER
@at_books
def fund_top_up(
    screen: Screen, fund: str, amount: str, funder: str, currency: str, number: str, **at: Any
) -> None:
    """Propose a top-up."""
    with sitting(screen, **at) as desk:
        found = desk.fund_top_up(fund, number, minor(screen, amount, currency), funder)
    show_proposal(screen, found)


@command(fund_group, "transfer", N_("Propose to move unspent money from one fund to another."))
@click.argument("giver")
@click.argument("taker")
@click.argument("amount")
@CURRENCY
@NUMBER
@at_books
def fund_transfer(
    screen: Screen, giver: str, taker: str, amount: str, currency: str, number: str, **at: Any
) -> None:
    """Propose a transfer."""
    with sitting(screen, **at) as desk:
        found = desk.fund_transfer(giver, taker, number, minor(screen, amount, currency))
    show_proposal(screen, found)


@command(fund_group, "list", N_("Show every fund and what is left of it."))
@at_books
def fund_list(screen: Screen, **at: Any) -> None:
    """List funds."""
    with sitting(screen, **at) as desk:
        found = desk.funds()
    heads = [
        message(N_("fund")),
        *(message(w) for w in (N_("authorized"), N_("consumed"), N_("available"))),
    ]
    screen.table(
        heads,
        [
            (
                one.id,
                *(shown(n, one.currency) for n in (one.authorized, one.consumed, one.available)),
            )
            for one in found
        ],
    )
    screen.data(plain(found))


@command(ledger_group, "proposal", N_("Show a proposal, to be looked at before a vote."))
@click.argument("proposal")
@at_books
def proposal_command(screen: Screen, proposal: str, **at: Any) -> None:
    """Show a proposal."""
    with sitting(screen, **at) as desk:
        show_proposal(screen, desk.proposal(proposal))


@command(
    ledger_group,
    "approve",
    N_("Vote for a proposal as it was shown; with votes enough it is done."),
)
@click.argument("proposal")
@click.option(
    "--hash", "shown_hash", required=True, help=N_("The hash the proposal was shown with.")
)
@at_books
def approve_command(screen: Screen, proposal: str, shown_hash: str, **at: Any) -> None:
    """Approve a proposal."""
    with sitting(screen, **at) as desk:
        show_proposal(screen, desk.approve(proposal, shown_hash))


_RAIL = (
    click.option("--bic", default="COGRDEFFXXX", help=N_("The bank we pay from: BIC.")),
    click.option(
        "--iban", default="DE02120300000000202051", help=N_("The account we pay from: IBAN.")
    ),
    click.option("--payer", default="cogrow", help=N_("The name we pay under.")),
    click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("payouts"),
        show_default=True,
        help=N_("Where payment files go, and outcomes*.csv come from."),
    ),
)


def by_rail(function: Any) -> Any:
    """Add the options of rails: which one, the batch says."""
    for option in _RAIL:
        function = option(function)
    return function


def _rail(name: str, folder: Path, payer: str, iban: str, bic: str) -> Rail:
    from cogrow.ledger.payouts.demonstration import DemonstrationRail
    from cogrow.ledger.payouts.file_rail import Debtor, FileRail

    if name == DemonstrationRail.name:
        return DemonstrationRail(folder / "demonstration.json")
    return FileRail(folder, Debtor(payer, iban, bic), datetime.now(UTC))


def _show_paid(screen: Screen, batch: str, paid: Paid) -> None:
    for state, count in sorted(paid.states.items()):
        screen.say(f"{batch}: {state} {count:,}")
    for name in paid.refused:
        what = N_("{name} was not sent: the payee's account changed since the approval.")
        screen.say(message(what, name=name), fg="yellow")
    for name, why in paid.not_taken.items():
        screen.say(message(N_("{name} was not sent. {why}"), name=name, why=why), fg="yellow")
    told = {name: screen.t(why) for name, why in paid.not_taken.items()}
    screen.data({"states": paid.states, "refused": list(paid.refused), "not_taken": told})


@command(payout_group, "beneficiary", N_("Say where a merchant is paid from now on."))
@click.argument("merchant")
@click.argument("name")
@click.argument("iban")
@click.argument("bic")
@at_books
def beneficiary_command(
    screen: Screen, merchant: str, name: str, iban: str, bic: str, **at: Any
) -> None:
    """Add a beneficiary."""
    from cogrow.ledger.payouts.file_rail import account_fault
    from cogrow.ledger.payouts.propose import add_beneficiary

    with sitting(screen, **at) as desk:
        found = desk.write(add_beneficiary, merchant=merchant, name=name, iban=iban, bic=bic)
    why = account_fault(name, iban, bic)
    if why is not None:
        what = N_("The rail {rail} will not take it. {why}")
        screen.say(message(what, rail="file", why=why), fg="yellow")
    done(screen, fingerprint=found, not_taken=None if why is None else screen.t(why))


@command(payout_group, "propose", N_("Propose to pay out every wallet with nothing under way."))
@click.argument("batch")
@click.option("--least", default="0.01", show_default=True, help=N_("Least amount to pay out."))
@click.option(
    "--rail",
    type=click.Choice(["file", "demonstration"]),
    default="file",
    show_default=True,
    help=N_("How it is paid; `demonstration` moves no money."),
)
@click.option(
    "--merchant", "merchants", multiple=True, help=N_("Pay this merchant only; may be repeated.")
)
@CURRENCY
@at_books
def payout_propose(
    screen: Screen,
    batch: str,
    least: str,
    rail: str,
    merchants: tuple[str, ...],
    currency: str,
    **at: Any,
) -> None:
    """Propose a batch."""
    lowest = minor(screen, least, currency)
    with sitting(screen, **at) as desk:
        found = desk.propose_batch(batch, rail, currency, lowest, merchants or None)
    _show_batch(screen, found)


@command(
    payout_group, "resend", N_("Propose to pay again, under new numbers, what failed in a batch.")
)
@click.argument("failed")
@click.argument("batch")
@at_books
def payout_resend(screen: Screen, failed: str, batch: str, **at: Any) -> None:
    """Propose a batch of what failed."""
    with sitting(screen, **at) as desk:
        found = desk.resend(batch, failed)
    _show_batch(screen, found)


def _show_batch(screen: Screen, found: Batch) -> None:
    from cogrow.ledger.payouts.file_rail import FileRail, fault_of
    from cogrow.ledger.payouts.waiting import MOST_NAMED, nowhere_to_go

    if found.no_beneficiary:
        currency = found.items[0].currency
        screen.say(nowhere_to_go(found.no_beneficiary, currency), fg="yellow")
    by_file = found.proposal.content["rail"] == FileRail.name
    faults = [(one.merchant, fault_of(one)) for one in found.items] if by_file else []
    wrong = [(merchant, why) for merchant, why in faults if why is not None]
    for merchant, why in wrong[:MOST_NAMED]:
        what = N_("{merchant} will not be paid. {why}")
        screen.say(message(what, merchant=merchant, why=why), fg="yellow")
    if len(wrong) > MOST_NAMED:
        what = N_("… nor will {count} more.")
        screen.say(message(what, count=f"{len(wrong) - MOST_NAMED:,}"), fg="yellow")
    show_proposal(screen, found.proposal)


@command(payout_group, "pay", N_("Send an approved batch: pain.001 and CSV into a folder."))
@click.argument("batch")
@by_rail
@at_books
def payout_pay(
    screen: Screen, batch: str, folder: Path, payer: str, iban: str, bic: str, **at: Any
) -> None:
    """Send a batch."""
    with sitting(screen, **at) as desk:
        rail = _rail(desk.rail_of(batch), folder, payer, iban, bic)
        _show_paid(screen, batch, desk.pay(batch, rail))


@command(
    payout_group,
    "send-again",
    N_("Send again, under the same numbers, what nobody knows the end of."),
)
@click.argument("batch")
@by_rail
@at_books
def payout_send_again(
    screen: Screen, batch: str, folder: Path, payer: str, iban: str, bic: str, **at: Any
) -> None:
    """Send a batch again, by a rail that tells a number it has seen."""
    with sitting(screen, **at) as desk:
        rail = _rail(desk.rail_of(batch), folder, payer, iban, bic)
        _show_paid(screen, batch, desk.send_again(batch, rail))


@command(payout_group, "reconcile", N_("Read what became of a batch: outcomes*.csv in the folder."))
@click.argument("batch")
@by_rail
@at_books
def payout_reconcile(
    screen: Screen, batch: str, folder: Path, payer: str, iban: str, bic: str, **at: Any
) -> None:
    """Reconcile a batch."""
    with sitting(screen, **at) as desk:
        rail = _rail(desk.rail_of(batch), folder, payer, iban, bic)
        _show_paid(screen, batch, desk.reconcile(batch, rail))


@command(payout_group, "cancel", N_("Give up a batch that nobody approved."))
@click.argument("batch")
@at_books
def payout_cancel(screen: Screen, batch: str, **at: Any) -> None:
    """Cancel a batch."""
    from cogrow.ledger.payouts.propose import cancel

    with sitting(screen, **at) as desk:
        count = desk.write(cancel, name=batch)
    done(screen, cancelled=count)
