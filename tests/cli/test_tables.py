"""Tables line up, whatever stands in them."""

from __future__ import annotations

import pytest

from cogrow.cli.screen import Screen
from cogrow.cli.speech import Speech


def printed(capsys: pytest.CaptureFixture[str], heads: list[str], rows: list[list[str]]) -> str:
    Screen(Speech("en", str), as_json=False).table(heads, rows)
    return capsys.readouterr().out


def test_numbers_stand_to_the_right_but_ids_do_not(capsys):
    rows = [["15769", "23,089.68", "paid"], ["9", "-0.50", "no"]]
    assert printed(capsys, ["merchant", "earned", "why"], rows) == (
        "  merchant     earned  why\n  15769     23,089.68  paid\n  9             -0.50  no\n"
    )


def test_amounts_with_their_currency_stand_to_the_right_too(capsys):
    rows = [["M1", "3,428.68 CNY", "1 ABC"], ["M2", "-0.50 CNY", "20 ABC"], ["M3", "-", "x"]]
    assert printed(capsys, ["merchant", "amount", "word"], rows) == (
        "  merchant        amount  word\n"
        "  M1        3,428.68 CNY  1 ABC\n"
        "  M2           -0.50 CNY  20 ABC\n"
        "  M3                   -  x\n"
    )


def test_a_remark_in_the_first_cell_widens_no_column(capsys):
    rows = [["R1", "1.00"], ["… 248 more (all with --json)", ""], ["total", "9.00"]]
    assert printed(capsys, ["refund", "sum"], rows) == (
        "  refund   sum\n  R1      1.00\n  … 248 more (all with --json)\n  total   9.00\n"
    )


def test_a_table_may_have_no_row(capsys):
    assert printed(capsys, ["table", "rows"], []) == "  table  rows\n"
