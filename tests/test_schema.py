"""A document held against a model: the instance, or every issue at its place."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest

from cogrow.errors import N_, message
from cogrow.schema import (
    LONGEST_SHOWN,
    AtMost,
    Called,
    Declared,
    Reader,
    made,
    shown,
    validate,
    wrong,
)
from cogrow.strict_yaml import read


class Part(Declared):
    begin: Annotated[str, Called("from")]
    kind: Literal["one", "two"] = "one"


class Whole(Declared):
    name: str
    parts: tuple[Part, ...] = ()
    by_name: dict[str, Part] = {}


def told(text: str, model: type[Declared] = Whole) -> list[tuple[int, int, str]]:
    document, issues = read(text.encode(), "x.yaml")
    assert document is not None
    assert not issues
    found, issues = validate(model, document, code="TST001")
    assert (found is None) == bool(issues)
    return [(i.where.line, i.where.column, i.text().rpartition(" (")[0]) for i in issues]


def test_a_document_that_fits_is_an_instance():
    document, _ = read(b"name: x\nparts: [{from: a}, {from: b, kind: two}]\n", "x.yaml")
    assert document is not None
    whole, issues = validate(Whole, document, code="TST001")
    assert issues == []
    assert whole is not None
    assert [(part.begin, part.kind) for part in whole.parts] == [("a", "one"), ("b", "two")]


def test_every_issue_is_told_at_its_place():
    text = "nme: x\nparts: [{from: a, knd: one}, {kind: three}, x]\nby_name: {a: {from: []}}\n"
    assert told(text) == [
        (1, 1, "`name` is missing."),
        (2, 19, "`parts[0].knd` is not known here. Did you mean kind?"),
        (2, 30, "`parts[1].from` is missing."),
        (2, 37, "`parts[1].kind` is 'three'; it should be one of 'one', 'two'."),
        (2, 45, "`parts[2]` should be a mapping, but is text."),
        (3, 21, "`by_name.a.from` should be text, but is a list."),
        (1, 1, "`nme` is not known here. Did you mean name?"),
    ]


def test_a_field_is_known_by_its_key_only():
    assert told("name: x\nparts: [{begin: a}]\n") == [
        (2, 9, "`parts[0].from` is missing."),
        (2, 10, "`parts[0].begin` is not known here. Known here: from, kind."),
    ]


def never(value: object) -> object:
    raise wrong(N_("`{name}` is {found}."), found=shown(value), hint=message(N_("Try again.")))


class Fussy(Declared):
    name: Annotated[str, Reader(never)]


def test_a_refused_value_may_bring_its_own_hint():
    document, _ = read(b"name: x\n", "x.yaml")
    assert document is not None
    _, (issue,) = validate(Fussy, document, code="TST001")
    assert issue.text() == "`name` is 'x'. Try again. (x.yaml:1:7)"


def test_what_is_shown_of_a_wrong_value_is_short():
    assert shown("x") == "'x'"
    assert str(shown({"a": 1})) == "a mapping"
    assert str(shown(None)) == "nothing"
    assert len(str(shown("x" * 10_000))) <= LONGEST_SHOWN + 2


def once_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def filled(value: object) -> object:
    if value is None:
        raise wrong(N_("`{name}` is empty; give it a value, or leave it out."))
    return value


class Kinds(Declared):
    several: Annotated[tuple[str, ...], AtMost(2), Reader(once_or_more)] = ()
    named: Annotated[dict[Annotated[str, Reader(never)], str], AtMost(1)] = {}
    maybe: str | None = None
    some: Annotated[str | None, Reader(filled)] = None
    part: Annotated[Part | None, Reader(filled)] = None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("several: [a, []]", [(1, 14, "`several[1]` should be text, but is a list.")]),
        ("several: [a, b, c]", [(1, 10, "`several` holds 3; at most 2 are read.")]),
        ("several: {a: b, c: d, e: f}", [(1, 10, "`several` should be a list, but is a mapping.")]),
        ("named: {a: [], b: c}", [(1, 8, "`named` holds 2; at most 1 are read.")]),
        (
            "named: {a: []}",
            [(1, 9, "`named.a` is 'a'. Try again."), (1, 12, "`named.a` should be text, but is a list.")],
        ),
        ("maybe: []", [(1, 8, "`maybe` should be text, but is a list.")]),
        ("some:", [(1, 6, "`some` is empty; give it a value, or leave it out.")]),
        ("part: {from: x, kind: }", [
            (1, 22, "`part.kind` is nothing; it should be one of 'one', 'two'.")
        ]),
        ("[]", [(1, 1, "This file should be a mapping, but is a list.")]),
    ],
)  # fmt: skip
def test_each_kind_of_value_is_read_or_refused(text, expected):
    assert told(text, Kinds) == expected


def test_an_instance_holds_what_was_read_and_stays_as_it_is():
    document, _ = read(b"several: a\nmaybe:\npart: {from: x}\n", "x.yaml")
    assert document is not None
    found, _ = validate(Kinds, document, code="TST001")
    assert found is not None
    part = {"begin": "x", "kind": "one"}
    assert found.as_dict() == {
        "several": ("a",), "named": {}, "maybe": None, "some": None, "part": part,
    }  # fmt: skip
    with pytest.raises(AttributeError):
        found.maybe = "b"  # type: ignore[misc]


def test_what_no_reader_makes_a_value_of_is_our_fault():
    model = made("Unread", {"days": int}, optional=[])
    document, _ = read(b"days: 5\n", "x.yaml")
    assert document is not None
    with pytest.raises(TypeError, match="nothing reads days as"):
        validate(model, document, code="TST001")
