"""A marketplace to try it on: a seed in, canonical facts out."""

from __future__ import annotations

from cogrow.simulator.marketplace import Simulation, simulate

__all__ = ["Simulation", "simulate"]
