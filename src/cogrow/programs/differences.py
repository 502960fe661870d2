"""What two programs say differently, key by key, as it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from cogrow.strict_yaml import Document, Path, dotted

#: Keys that are no terms: changing them makes no other version.
NO_TERMS = ("examples",)


@dataclass(frozen=True, slots=True)
class Difference:
    """One value at `path` that was `before` and is `after`; None where there is none."""

    path: str
    before: str | None
    after: str | None


def differences(before: Document, after: Document) -> list[Difference]:
    """Return every value of the terms that is not the same in both, in the order it is written."""
    old, new = ({k: v for k, v in _mapping(d.data) if k not in NO_TERMS} for d in (before, after))
    return list(_compare((), old, new))


def _mapping(data: Any) -> list[tuple[str, Any]]:
    return list(data.items()) if isinstance(data, dict) else []


def _compare(path: Path, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            if key not in after:
                yield from _leaves((*path, key), before[key], there=False)
            elif key not in before:
                yield from _leaves((*path, key), after[key], there=True)
            else:
                yield from _compare((*path, key), before[key], after[key])
    elif isinstance(before, list) and isinstance(after, list):
        yield from _compare_lists(path, before, after)
    elif isinstance(before, (dict, list)) or isinstance(after, (dict, list)):
        yield from _leaves(path, before, there=False)
        yield from _leaves(path, after, there=True)
    else:
        yield Difference(dotted(path), before, after)


def _compare_lists(path: Path, before: list[Any], after: list[Any]) -> Iterator[Difference]:
    """Compare what goes by the same name on both sides, so that one more tier is one difference."""
    matcher = SequenceMatcher(None, list(map(_label, before)), list(map(_label, after)), False)
    for _, i, i_end, j, j_end in matcher.get_opcodes():
        both = min(i_end - i, j_end - j)
        for n in range(both):
            yield from _compare((*path, j + n), before[i + n], after[j + n])
        for n in range(i + both, i_end):
            yield from _leaves((*path, n), before[n], there=False)
        for n in range(j + both, j_end):
            yield from _leaves((*path, n), after[n], there=True)


def _label(item: Any) -> str:
    """Return what an item of a list goes by: a component's name, where a tier begins, or itself."""
    if isinstance(item, dict):
        for key in ("name", "from"):
            if isinstance(item.get(key), str):
                return f"{key} {item[key]}"
    return json.dumps(item, ensure_ascii=False, sort_keys=True)


def _leaves(path: Path, data: Any, *, there: bool) -> Iterator[Difference]:
    """Return everything inside `data` as written on one side only."""
    inside: list[tuple[str | int, Any]] = []
    if isinstance(data, dict):
        inside = list(data.items())
    elif isinstance(data, list):
        inside = list(enumerate(data))
    for key, value in inside:
        yield from _leaves((*path, key), value, there=there)
    if not inside and data is not None:
        text = data if isinstance(data, str) else json.dumps(data)
        yield Difference(dotted(path), None if there else text, text if there else None)
