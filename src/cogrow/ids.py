"""Typed ids and deterministic keys."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NewType

ProgramId = NewType("ProgramId", str)
MerchantId = NewType("MerchantId", str)
Version = NewType("Version", str)


def content_hash(content: bytes) -> Version:
    """Return the version of `content`: the first 16 hexadecimal digits of its SHA-256."""
    return Version(hashlib.sha256(content).hexdigest()[:16])


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
