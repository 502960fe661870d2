"""The verbs of the ledger: books opened, earnings brought to them, and everything else done in them."""

from __future__ import annotations
