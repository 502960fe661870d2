"""One small marketplace for every test that only looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from cogrow.simulator import Simulation, simulate

START, END = date(2024, 1, 1), date(2026, 1, 1)
LINES, MERCHANTS = 80_000, 240


@pytest.fixture(scope="session")
def simulation(tmp_path_factory) -> Simulation:
    out = tmp_path_factory.mktemp("simulator") / "facts"
    return simulate(out, order_lines=LINES, merchants=MERCHANTS, seed=20_250_401)


@pytest.fixture(scope="session")
def facts(simulation) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of the marketplace, and `sales`: the lines with their orders, and local days."""
    with duckdb.connect() as connection:
        for name, table in simulation.tables.items():
            connection.read_parquet(list(table.paths)).create_view(name)
        connection.execute(
            """
            CREATE VIEW sales AS
            SELECT *, CAST(placed_at + INTERVAL 8 HOUR AS DATE) AS placed_on
            FROM orders JOIN order_lines USING (order_id)
            """
        )
        yield connection
