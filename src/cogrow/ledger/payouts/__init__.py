"""Value leaves: proposed by one person, approved by another, sent in three steps."""

from __future__ import annotations
