"""What is written: the same bytes for the same seed, whole or not at all, cut by month and by id."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogrow.engines.scans.store import FOLDER
from cogrow.errors import CogrowError, DataError
from cogrow.simulator import Simulation, simulate
from cogrow.simulator.columns import ORDER, TextIds, by_time, words
from cogrow.simulator.marketplace import Progress, merchants_for


def one_month(
    out: Path, seed: int | np.random.Generator, progress: Progress | None = None
) -> Simulation:
    start, end = date(2025, 3, 1), date(2025, 4, 1)
    return simulate(out, order_lines=1_000, seed=seed, start=start, end=end, progress=progress)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
import pyarrow
from cogrow.simulator import simulate
pyarrow.set_cpu_count(int(sys.argv[2]))
simulate(Path(sys.argv[1]), order_lines=20_000, seed=7)
"""


@pytest.mark.parametrize(("threads", "rubbish"), [("1", "90"), ("7", "165")])
def test_the_same_seed_gives_the_same_bytes(tmp_path, threads, rubbish):
    simulate(tmp_path / "a", order_lines=20_000, seed=7)
    # Memory that was never set would be read as rubbish and reach a file.
    env = {**os.environ, "MALLOC_PERTURB_": rubbish, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(tmp_path / "b"), threads]
    subprocess.run(command, env=env, check=True)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_where_a_block_ends_changes_nothing(tmp_path, monkeypatch):
    one_month(tmp_path / "a", 7)
    monkeypatch.setattr("cogrow.simulator.lines.BLOCK", 3)
    one_month(tmp_path / "b", 7)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_no_dictionary_says_a_word_twice():
    with pytest.raises(ValueError, match="twice"):
        words(np.array([0, 1]), ["618", "618"])


def test_another_seed_gives_another_marketplace(tmp_path):
    simulate(tmp_path / "a", order_lines=2_000, seed=7)
    simulate(tmp_path / "b", order_lines=2_000, seed=8)
    one, other = contents(tmp_path / "a"), contents(tmp_path / "b")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] == other[name]] == ["calendar/calendar.parquet"]


def test_a_generator_stands_for_its_next_number(tmp_path):
    generator = np.random.default_rng(3)
    one_month(tmp_path / "a", generator)
    one_month(tmp_path / "b", generator)
    number = int(np.random.default_rng(3).integers(2**63))
    one_month(tmp_path / "c", number)
    assert contents(tmp_path / "a") == contents(tmp_path / "c")
    assert contents(tmp_path / "a") != contents(tmp_path / "b")


@pytest.mark.parametrize(
    ("lines", "merchants", "start", "end"),
    [
        (1_000, None, date(2024, 1, 1), date(2026, 1, 1)),
        (1_001, 1, date(2024, 1, 1), date(2026, 1, 1)),
        (12_345, 3, date(2025, 2, 14), date(2025, 2, 15)),
        (5_000, 900, date(2019, 12, 31), date(2021, 3, 2)),
        (1_000, 10, date(2010, 1, 1), date(2030, 1, 1)),
    ],
)
def test_the_size_is_exact(tmp_path, lines, merchants, start, end):
    told = []
    found = simulate(
        tmp_path / "facts", order_lines=lines, merchants=merchants, start=start, end=end, seed=1,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    rows = [sum(pq.read_metadata(path).num_rows for path in table.paths)
            for table in found.tables.values()]  # fmt: skip
    assert rows == [table.rows for table in found.tables.values()]
    assert found.tables["order_lines"].rows == found.order_lines == lines
    assert found.tables["merchants"].rows == found.merchants
    assert merchants in {None, found.merchants}
    assert told == sorted(told)
    assert told[-1] == (lines, lines)


def test_merchants_grow_with_the_lines():
    assert merchants_for(1_000) == 60
    assert abs(merchants_for(50_000_000) - 200_000) < 200


def test_months_and_row_groups_cut_by_time_and_by_id(tmp_path):
    found = simulate(
        tmp_path / "facts", order_lines=300_000, seed=5,
        start=date(2025, 10, 1), end=date(2025, 12, 1),
    )  # fmt: skip
    assert [Path(path).name for path in found.tables["orders"].paths] == [
        "2025-10.parquet", "2025-11.parquet",
    ]  # fmt: skip
    ranges = []
    for path in found.tables["order_lines"].paths:
        file = pq.ParquetFile(path)
        for group in range(file.num_row_groups):
            meta = file.metadata.row_group(group)
            assert meta.num_rows <= 122_880
            zone = meta.column(0).statistics
            ranges.append((zone.min, zone.max))
    assert len(ranges) == 3
    assert ranges == sorted(ranges)
    # An order may go on in the next row group, never further back.
    assert all(high <= low for (_, high), (low, _) in zip(ranges, ranges[1:], strict=False))
    orders = pa.concat_tables([pq.read_table(path) for path in found.tables["orders"].paths])
    ids, placed = orders["order_id"].to_pylist(), orders["placed_at"].to_pylist()
    assert ids == sorted(set(ids))
    assert placed == sorted(placed)
    for path, month in zip(found.tables["orders"].paths, (10, 11), strict=True):
        # The marketplace is eight hours ahead of the instants.
        local = [
            moment + timedelta(hours=8) for moment in pq.read_table(path)["placed_at"].to_pylist()
        ]
        assert {moment.month for moment in local} == {month}
    lines = pa.concat_tables([pq.read_table(p) for p in found.tables["order_lines"].paths])
    pairs = list(zip(lines["order_id"].to_pylist(), lines["line_no"].to_pylist(), strict=True))
    assert pairs == sorted(set(pairs))


def test_a_failed_run_leaves_what_was_there(tmp_path):
    out = tmp_path / "facts"
    one_month(out, 1)
    before = contents(tmp_path)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one_month(out, 2, stop)
    assert contents(tmp_path) == before
    with pytest.raises(KeyboardInterrupt):
        one_month(tmp_path / "new", 2, stop)
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["facts"]


def test_an_earlier_simulation_is_replaced_whole(tmp_path):
    out = tmp_path / "facts"
    out.mkdir()
    simulate(out, order_lines=1_000, seed=1)
    (out / "facts.json").write_text("{}")
    (out / FOLDER).mkdir()
    (out / FOLDER / "orders-1-2.parquet").write_text("added up")
    one_month(out, 2)
    one_month(tmp_path / "fresh", 2)
    assert contents(out) == contents(tmp_path / "fresh")


@pytest.mark.parametrize("made_by", ["somebody", "a simulation and somebody", "a file"])
def test_what_is_not_ours_is_refused(tmp_path, made_by):
    out = tmp_path / "facts"
    if made_by == "a file":
        out.write_text("mine")
    else:
        if made_by == "a simulation and somebody":
            one_month(out, 1)
        out.mkdir(exist_ok=True)
        (out / "orders").mkdir(exist_ok=True)
        (out / "orders" / "mine.csv").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(DataError, match="something other than a simulation"):
        one_month(out, 2)
    assert contents(tmp_path) == before


def test_everything_wrong_with_the_size_is_said_at_once(tmp_path):
    with pytest.raises(DataError) as caught:
        simulate(
            tmp_path / "facts", order_lines=999, merchants=0, seed=-1,
            start=date(2025, 1, 1), end=date(2025, 1, 1),
        )  # fmt: skip
    codes = [issue.code for issue in caught.value.issues]
    assert codes == ["SIM001", "SIM002", "SIM003", "SIM004"]
    assert "1,000 to 200,000,000 order lines, not 999" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@given(st.integers(0, 100_000_000), st.integers(1, 30_000))
@settings(max_examples=25)
def test_ids_in_a_row_are_the_ids_of_each(start, rows):
    in_a_row = ORDER.range_texts(start, rows)
    assert (in_a_row == ORDER.texts(np.arange(start, start + rows))).all()
    text = in_a_row[[0, -1]].tobytes().decode()
    letter = chr(ord("O") + start // 10**7)
    assert text[:8] == f"{letter}{start % 10**7:07d}"


def test_ids_rise_past_the_last_seven_digits():
    ids = ORDER.column(np.array([0, 9_999_999, 10_000_000, 10_000_001])).to_pylist()
    assert ids == ["O0000000", "O9999999", "P0000000", "P0000001"]
    with pytest.raises(CogrowError):
        TextIds("Z").texts(np.array([10**7]))


@given(st.lists(st.integers(0, 2**32 - 1), max_size=200))
def test_by_time_is_a_stable_sort(moments):
    at = np.array(moments, dtype=np.int64)
    assert (by_time(at) == np.argsort(at, kind="stable")).all()
