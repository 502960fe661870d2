"""YAML read strictly: every scalar is text, everything has a place, nothing is guessed or expanded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogrow.strict_yaml import DEEPEST, LARGEST_BYTES, MOST_NODES, Document, dotted, read


def good(text: str) -> Document:
    document, issues = read(text.encode(), "x.yaml")
    assert issues == []
    assert document is not None
    return document


def refused(text: str | bytes) -> list[tuple[str, int, int, str]]:
    _, issues = read(text if isinstance(text, bytes) else text.encode(), "x.yaml")
    return [(i.code, i.where.line, i.where.column, i.what.render()) for i in issues]


@pytest.mark.parametrize(
    "text",
    [
        "NO",
        "yes",
        "on",
        "010",
        "0x1F",
        "1e3",
        "12:30:00",
        "2025-04-01",
        "1_000",
        "3.0",
        "true",
        "Null",
        "=",
        ".inf",
    ],
)
def test_every_scalar_stays_the_text_it_was(text):
    assert good(f"a: {text}").data == {"a": text}


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_an_empty_value_is_none_and_a_quoted_one_is_text(text):
    assert good(f"a: {text}").data == {"a": None}
    assert good(f"a: '{text}'").data == {"a": text}


def test_places_of_keys_and_values():
    document = good("a:\n  - x\n  - {b: 'y', c: z}\n")
    at = {dotted(path): (span.line, span.column) for path, span in document.values.items()}
    assert at == {
        "": (1, 1),
        "a": (2, 3),
        "a[0]": (2, 5),
        "a[1]": (3, 5),
        "a[1].b": (3, 9),
        "a[1].c": (3, 17),
    }
    keys = {dotted(path): (span.line, span.column) for path, span in document.keys.items()}
    assert keys == {"a": (1, 1), "a[1].b": (3, 6), "a[1].c": (3, 14)}
    assert (document.offsets["a", 1, "b"], document.offsets["a", 1, "c"]) == (1, 0)


def test_a_place_inside_what_is_not_there_is_that_of_what_holds_it():
    document = good("a:\n  b: 1\n")
    missing = document.place(("a", "c", 3))
    assert (missing.line, missing.column, missing.path) == (2, 3, "a.c[3]")
    assert (document.place(("a", "b"), key=True).column, document.place(("a", "b")).column) == (
        3,
        6,
    )


def test_text_of_several_lines_has_a_place_but_no_offset():
    document = good("a: |\n  one\n  two\nb: 'x'\n")
    assert document.data == {"a": "one\ntwo\n", "b": "x"}
    assert ("a",) not in document.offsets
    assert document.offsets["b",] == 1


def test_a_mark_of_utf_8_and_windows_line_ends_are_read():
    assert good("\ufeffa: 1\r\nb: 2\r\n").data == {"a": "1", "b": "2"}


def test_all_duplicate_keys_are_told_and_the_first_value_stays():
    document, issues = read(b"a: 1\nb: {c: 1, c: 2}\na: 3\n", "x.yaml")
    assert document is not None
    assert document.data == {"a": "1", "b": {"c": "1"}}
    assert [(i.code, i.where.line, i.where.column, i.where.path) for i in issues] == [
        ("YML002", 2, 11, "b.c"),
        ("YML002", 3, 1, "a"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("a: &x 1\n", 1, 4, "anchors"),
        ("a: *x\n", 1, 4, "aliases"),
        ("a: !!str 1\n", 1, 4, "tags"),
        ("a: !x {}\n", 1, 4, "tags"),
        ("<<: {a: 1}\n", 1, 1, "merge keys"),
        ("a: 1\n---\nb: 2\n", 2, 1, "one document"),
        ("? [a]\n: b\n", 1, 3, "plain text"),
        ("a: {b: c, d}\n", 1, 11, "no `:`"),
        ("\ta: 1\n", 1, 1, "tab"),
        ("a: 'x\n", 2, 1, "quote"),
    ],
)
def test_what_strict_yaml_is_not(text, line, column, said):
    ((code, *place, what),) = refused(text)
    assert (code, place) == ("YML001", [line, column])
    assert said in what


def test_the_limits_are_where_they_say():
    inside = "[" * DEEPEST + "x" + "]" * DEEPEST
    assert refused(inside) == []
    assert "deeply" in refused(f"[{inside}]")[0][3]
    assert refused("- x\n" * (MOST_NODES - 1)) == []
    assert "too much" in refused("- x\n" * MOST_NODES)[0][3]
    assert refused("#" * LARGEST_BYTES) == []
    assert "bytes" in refused("#" * (LARGEST_BYTES + 1))[0][3]
    assert refused("k" * 200 + ": x") == []
    assert "characters" in refused("k" * 201 + ": x")[0][3]


def test_bytes_that_are_not_utf_8_have_a_place():
    assert refused(b"a: 1\nbc: \xff\n")[0][1:3] == (2, 5)


plain: Any = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text("abcxyz_", min_size=1, max_size=6), inner, max_size=4),
    ),
    max_leaves=20,
)


@given(plain)
def test_any_data_comes_back_as_it_was_with_a_place_for_every_value(data):
    document, issues = read(json.dumps(data, ensure_ascii=False).encode(), "x.yaml")
    assert issues == []
    assert document is not None
    assert document.data == data

    def check(here: Any, path: tuple[Any, ...]) -> None:
        assert path in document.values
        items = (
            here.items()
            if isinstance(here, dict)
            else enumerate(here)
            if isinstance(here, list)
            else ()
        )
        for key, value in items:
            assert isinstance(here, list) or (*path, key) in document.keys
            check(value, (*path, key))

    check(data, ())


def test_a_character_json_writes_as_two_escapes_is_one():
    document, issues = read(rb'{"a": "\ud83d\ude00", "\ud83d\ude00": "x"}', "x.yaml")
    assert issues == []
    assert document is not None
    assert document.data == {"a": "😀", "😀": "x"}
