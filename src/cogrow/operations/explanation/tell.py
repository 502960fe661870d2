"""All sentences of a derivation, in the order of the steps."""

from __future__ import annotations

from collections.abc import Iterator

from cogrow.operations.explanation.account import Account
from cogrow.operations.explanation.bounds import funded, limited, result, stacked
from cogrow.operations.explanation.earned import earned
from cogrow.operations.explanation.measured import attained, measured
from cogrow.operations.explanation.owed import owed
from cogrow.operations.explanation.sentence import Sentence
from cogrow.operations.explanation.who import eligible, version


def sentences(account: Account) -> Iterator[Sentence]:
    """Yield the derivation of a merchant's earning.

    Raises InvariantBroken where it comes to something else than the rows of earnings say.
    """
    yield from version(account)
    yield from eligible(account)
    if account.rows[0]["eligible"]:
        yield from owed(account)
        yield from measured(account)
        if account.program.stacking is not None and account.program.stacking.rule == "in_order":
            yield from stacked(account)
        yield from attained(account)
        for component, row in zip(account.program.components, account.rows, strict=True):
            yield from earned(account, component, row)
    yield from limited(account)
    if account.program.stacking is not None and account.program.stacking.rule != "in_order":
        yield from stacked(account)
    yield from funded(account)
    yield result(account)
