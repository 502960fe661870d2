"""What programs pay, in plain Python over rows and fractions: written to be read, slow on purpose.

It shares the programs' typed trees with the engines and nothing else: no SQL, no plan, no reward
form. Facts are `rows`, what they come to are `values`; a component pays by its `forms` for the merchant
or for its `things`; `merchants` adds up and limits, `market` stacks programs and draws on funds.
"""

from tests.reference.market import Earning, StackedAlone, earnings, market, scheduled
from tests.reference.values import ForeignMoney, least_whole_unit

__all__ = [
    "Earning",
    "ForeignMoney",
    "StackedAlone",
    "earnings",
    "least_whole_unit",
    "market",
    "scheduled",
]
