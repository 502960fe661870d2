"""cogrow grows a marketplace by growing its merchants."""

from __future__ import annotations
