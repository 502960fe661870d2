"""Where the ledger stands: its tables, the guards inside the database, and the way in."""

from __future__ import annotations
