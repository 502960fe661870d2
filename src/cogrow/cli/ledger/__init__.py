"""The commands `cogrow ledger …`."""

from __future__ import annotations

from cogrow.cli.ledger import claims, money, reports
from cogrow.cli.ledger.group import ledger_group

__all__ = ["claims", "ledger_group", "money", "reports"]
