"""What holds for every test: generated cases are the same ones each run, and no clock judges them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")
