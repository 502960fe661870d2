"""The language has words for every name it has, and none for names it has not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest

from cogrow.expressions.resolve import AGGREGATES, SCALARS
from cogrow.expressions.syntax import Ranged, parse
from cogrow.expressions.tree import Unit
from cogrow.facts import TABLES as CANONICAL
from cogrow.programs.spec import AmountTier, ProgramSpec, RateTier, component_spec
from cogrow.rewards.registry import forms
from cogrow.rewards.terms import Key
from cogrow.schema import Declared
from cogrow.words.expressions import FUNCTIONS, RANGES, UNITS
from cogrow.words.keys import CHOICES, FORM_KEYS, KEYS, TIER_KEYS
from cogrow.words.tables import TABLES


def inside(annotation: Any) -> Iterator[Any]:
    """Yield the annotation and all it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from inside(part)


def walk(model: type[Declared], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key below a model with its annotation."""
    for name, field in model.fields().items():
        key = before + name
        yield key, field.kind
        for part in inside(field.kind):
            if isinstance(part, type) and issubclass(part, Declared) and name not in forms():
                yield from walk(part, f"{key}.")


EVERY_KEY = dict([*walk(ProgramSpec), *walk(component_spec(), "reward.")])


def choices(annotation: Any) -> list[str]:
    return [
        choice
        for part in inside(annotation)
        for choice in (
            get_args(part)
            if get_origin(part) is Literal
            else [one.value for one in part]
            if isinstance(part, type) and issubclass(part, Enum)
            else []
        )
    ]


def test_every_key_has_words_and_every_word_a_key():
    found = {key for key in EVERY_KEY if key.removeprefix("reward.") not in forms()}
    # The keys of `qualifying` are tables and one more, which no model lists.
    assert found | {"qualifying.dated_by"} == set(KEYS)
    assert list(FORM_KEYS) == [key.value for key in Key if key.value in FORM_KEYS]
    assert {key.value for key in Key} == set(FORM_KEYS)
    tiers = {name for model in (RateTier, AmountTier) for name in model.fields()}
    assert tiers == set(TIER_KEYS)


def test_the_words_follow_a_program_from_top_to_bottom():
    known = list(KEYS)
    written = [key for key in dict(walk(ProgramSpec)) if "." not in key]
    assert [key for key in known if "." not in key] == written


NAMES: dict[str, tuple[Iterable[str], Mapping[str, object]]] = {
    "functions": ([*AGGREGATES, *SCALARS], FUNCTIONS),
    "units": ([unit.value for unit in Unit], UNITS),
    "tables": (CANONICAL, TABLES),
    **{key: (choices(kind), CHOICES[key]) for key, kind in EVERY_KEY.items() if choices(kind)},
}


@pytest.mark.parametrize("kind", NAMES)
def test_every_name_has_words(kind):
    names, words = NAMES[kind]
    assert set(names) == set(words)


def test_every_choice_belongs_to_a_key():
    assert set(CHOICES) == {key for key, kind in EVERY_KEY.items() if choices(kind)}


@pytest.mark.parametrize("words", RANGES)
def test_every_range_can_be_written(words):
    assert isinstance(parse(f"gmv {words}"), Ranged)


def test_annotations_are_looked_into():
    assert choices(Annotated[Literal["a", "b"] | None, "x"]) == ["a", "b"]
