"""Programs and facts made up by hypothesis: small, valid, and full of edges.

`programs` and `markets` take the clauses of the language they may use; without any, a program says
what one plan over one period computes. `facts` are the same for all of them.
"""

from tests.strategies.components import FORMS
from tests.strategies.facts import facts
from tests.strategies.moments import INSIDE
from tests.strategies.programs import CLAUSES, HEAD, OF_LINES, markets, programs
from tests.strategies.values import BASELINES, GATES, MONEY, OWN_METRICS, RATES

__all__ = [
    "BASELINES",
    "CLAUSES",
    "FORMS",
    "GATES",
    "HEAD",
    "INSIDE",
    "MONEY",
    "OF_LINES",
    "OWN_METRICS",
    "RATES",
    "facts",
    "markets",
    "programs",
]
