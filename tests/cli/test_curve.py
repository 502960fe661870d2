"""Curves on a terminal, as SVG and as data: what is drawn is where it is said to be."""

from __future__ import annotations

import re
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

from tests.cli.door import cogrow
from tests.house.tree import ROOT

FILES = sorted((ROOT / "src/cogrow/programs/library").rglob("*.yaml"))
SVG = "{http://www.w3.org/2000/svg}"


def picture(out: str) -> list[str]:
    """Return the lines of the first picture: its axis of money, its plane, its axis of the metric."""
    lines = out.splitlines()
    first = next(n for n, line in enumerate(lines) if "┤" in line)
    last = next(n for n, line in enumerate(lines) if "└" in line)
    return lines[first : last + 2]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_picture_shows_cliffs_where_the_table_says_they_are(language):
    said = cogrow("--lang", language, "check", "apparel-sprint-rebate", "--curve")
    assert said.code == 0
    *plane, axis, ends = picture(said.out)
    edge = axis.index("└")
    assert {line[edge] for line in plane} <= {"┤", "│"}
    marks = {letter: axis.index(letter) - edge for letter in "ab"}
    # From 1,000,000 to 1,300,000: 1,100,000 and 1,200,000 are a third and two thirds of the way.
    assert marks == {"a": 20, "b": 40}
    assert ends.split() == ["1,000,000", "1,300,000"]
    for letter, steps in (("a", (8, 11)), ("b", (1, 8))):
        dashed = [n for n, line in enumerate(plane) if line[edge + marks[letter] :][:1] == "┊"]
        assert (dashed[0], dashed[-1]) == steps
    assert "+24,000.00 (+200%)" in said.out
    assert "≈ 6,666,666.67" in said.out


def test_the_lines_of_a_picture_stand_below_each_other_in_every_language():
    for language in ("zh", "en"):
        out = cogrow("--lang", language, "check", "sports-new-merchant-ladder", "--curve").out
        table = out[out.index("\n\n", out.index("└")) :].split("\n\n")[1].splitlines()
        places = {cell_len(line[: line.index("00  ", 20)]) for line in table[1:4]}
        assert len(places) == 1


def test_the_data_is_exact():
    (found,) = cogrow("check", "apparel-sprint-rebate", "--curve", "--json").json
    (curve,) = found["curves"]
    assert [(piece["from"], piece["slope"]) for piece in curve["pieces"]] == [
        ("0", "0"),
        ("110000000", "1/100"),
        ("120000000", "3/100"),
        ("2000000000/3", "0"),
    ]
    assert curve["held"] == {"baseline": "100000000"}
    assert [(c["at"], c["size"], c["share"]) for c in curve["cliffs"]] == [
        ("110000000", "1100000", None),
        ("120000000", "2400000", "2"),
    ]
    assert "curves" not in cogrow("check", "apparel-sprint-rebate", "--json").json[0]


def test_values_are_held_where_one_says(tmp_path):
    given = ("--given", "baseline=100", "--given", "net_sales = 7")
    (found,) = cogrow("check", "apparel-sprint-rebate", "--json", *given).json
    assert found["curves"][0]["held"] == {"baseline": "10000"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["--given", "basline=3"],
            4,
            "`basline` is not a value of these programs. Did you mean baseline?",
        ),
        (
            ["--given", "baseline"],
            2,
            "'baseline' gives no value; write one like baseline=1_000_000.",
        ),
        (["--given", "baseline=much"], 2, "`baseline` cannot be 'much': `much` is not known here."),
        (["--svg", "x.svg", "apparel-members"], 2, "--svg draws one program; found 2."),
    ],
)
def test_what_cannot_be_drawn_is_said(arguments, code, said):
    found = cogrow("check", "apparel-sprint-rebate", "--curve", *arguments)
    assert (found.code, found.err.strip()) == (code, said)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_svg_has_every_cliff_at_its_place(language, tmp_path):
    path = tmp_path / "curve.svg"
    said = cogrow("--lang", language, "check", "apparel-sprint-rebate", "--svg", path)
    assert said.code == 0
    assert said.out.endswith(f"→ {path}\n")
    root = ElementTree.parse(path).getroot()
    cliffs = root.findall(f".//{SVG}line[@class='cliff']")
    ticks = {
        text.text: float(text.get("x", "nan"))
        for text in root.iter(f"{SVG}text")
        if re.fullmatch(r"1,\d00,000", text.text or "")
    }
    drawn = [float(cliff.get("x1", "nan")) for cliff in cliffs]
    assert drawn == pytest.approx([ticks["1,100,000"], ticks["1,200,000"]], abs=0.1)
    shown = [text.text for text in root.findall(f".//{SVG}text[@class='jump']")]
    assert shown == ["+11,000.00", "+24,000.00 (+200%)"]
    counts = [circle.get("class") for circle in root.iter(f"{SVG}circle")]
    assert counts == ["out", "in", "out", "in"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_program_can_be_drawn(path, tmp_path):
    """Nothing stands outside the picture, and every curve begins at 0."""
    svg = tmp_path / "curve.svg"
    assert cogrow("check", path, "--svg", svg).code == 0
    root = ElementTree.parse(svg).getroot()
    width, height = map(float, root.get("viewBox", "").split()[2:])
    for line in root.iter(f"{SVG}line"):
        assert min(float(line.get(k, "-1")) for k in ("x1", "x2", "y1", "y2")) >= 0
        assert max(float(line.get(k, "inf")) for k in ("x1", "x2")) <= width
        assert max(float(line.get(k, "inf")) for k in ("y1", "y2")) <= height
    found = cogrow("check", path, "--curve", "--json").json[0]["curves"]
    assert found
    assert all(Fraction(curve["pieces"][0]["from"]) == 0 for curve in found)
    text = cogrow("check", path, "--curve").out
    assert text.count("└") == len(found)


def test_a_program_that_asks_for_nothing_has_no_curve(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(
        "program: x-one\ntitle: {zh: 例, en: Example}\ndirection: commission\ncurrency: CNY\n"
        "period: {from: 2025-01-01, until: 2026-01-01, timezone: Asia/Shanghai}\n"
        "qualifying: {order_lines: all}\nreward: {flat: {amount: 5}}\n",
        encoding="utf-8",
    )
    assert "there is no curve to draw" in cogrow("check", path, "--curve").out
