"""What the books tell: statements, the audit, exports."""

from __future__ import annotations
