"""What is owed and paid: never lost, doubled, or paid to the wrong party."""

from __future__ import annotations
