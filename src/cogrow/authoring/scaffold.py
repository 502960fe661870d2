"""A program of the library turned into a new one: its text with a few values changed, comments kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import yaml

from cogrow.errors import UsageError
from cogrow.period import add_months, name_of, parse_period

_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b", re.ASCII)
_PLAIN = re.compile(r"\w[\w .%()+/-]*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the new program is called and when it runs; None keeps what the old one says.

    `until` is the first day after the end; where only `start` is given, the end moves as far.
    """

    id: str
    title: dict[str, str]
    start: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Scaffold:
    """The new text, and the lines of its terms that name other days than the period's."""

    text: str
    dated: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def scaffold(text: str, wanted: Wanted) -> Scaffold:
    """Return the text of a program (which has no errors) with what is wanted in its place.

    The days of its examples move as far as its first day does.
    """
    root = yaml.compose(text, Loader=yaml.BaseLoader)
    first = date.fromisoformat(_at(root, "period", "from").value)
    until = date.fromisoformat(_at(root, "period", "until").value)
    move = _Move(first, wanted.start or first)
    wanted = replace(wanted, until=wanted.until or move.day(until))
    edits = [
        _put(_at(root, "program"), wanted.id),
        _put(_at(root, "period", "from"), str(wanted.start or first)),
        _put(_at(root, "period", "until"), str(wanted.until)),
    ]
    for language, title in wanted.title.items():
        edits.append(_put(_at(root, "title", language), title))
    old = _at(root, "program").value
    for node in _scalars(_find(root, "stacking")):
        edits += [_put(node, wanted.id)] if node.value == old else []
    for place in ("examples", "effective"):
        for node in _scalars(_find(root, place)):
            moved = move.text(node.value)
            edits += [_put(node, moved)] if moved != node.value else []
    edits = [edit for edit in edits if text[edit.start : edit.end] != edit.text]
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return Scaffold(text, tuple(dict.fromkeys(_dated(text))))


@dataclass(frozen=True, slots=True)
class _Move:
    """How far days move: by whole months where the first day stays the same of its month."""

    old: date
    new: date

    def day(self, day: date) -> date:
        months = (self.new.year - self.old.year) * 12 + self.new.month - self.old.month
        if self.new.day == self.old.day:
            return add_months(day, months)
        return day + (self.new - self.old)

    def text(self, text: str) -> str:
        """Return a text that is a day or the name of a period moved, any other as it is."""
        if _DAY.fullmatch(text[:10]):
            try:
                return f"{self.day(date.fromisoformat(text[:10]))}{self._rest(text[10:])}"
            except ValueError:
                return text
        if not re.fullmatch(r"\d{4}(Q[1-4]|-\d{2})", text, re.ASCII):
            return text
        try:
            period = parse_period(text)
        except UsageError:
            return text
        return name_of(self.day(period.start), self.day(period.end))

    def _rest(self, text: str) -> str:
        return f"..{self.text(text[2:])}" if text.startswith("..") else text


def _find(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    for name in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in pairs if key.value == name), None)
    return node


def _at(root: yaml.Node | None, *path: str) -> yaml.ScalarNode:
    node = _find(root, *path)
    if not isinstance(node, yaml.ScalarNode):
        raise AssertionError(path)
    return node


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield the texts below a node, keys left out."""
    waiting = [node] if node is not None else []
    while waiting:
        here = waiting.pop()
        if isinstance(here, yaml.ScalarNode):
            yield here
        elif isinstance(here, yaml.MappingNode):
            waiting += [value for _, value in here.value]
        elif isinstance(here, yaml.SequenceNode):
            waiting += here.value


def _put(node: yaml.ScalarNode, text: str) -> _Edit:
    """Return the edit that writes `text` where a scalar stands, in quotes where it needs them."""
    plain = _PLAIN.fullmatch(text) and not text.endswith(" ")
    if node.style is None and _DAY.match(text) and len(text) == len(node.value):
        plain = True  # a moved day, which is as plain as the one before
    written = text if plain else json.dumps(text, ensure_ascii=False)
    return _Edit(node.start_mark.index, node.end_mark.index, written)


def _dated(text: str) -> Iterator[int]:
    """Yield the lines of the terms that name a day: nobody can know whether it is still meant."""
    root = yaml.compose(text, Loader=yaml.BaseLoader)
    said = ("title", "description", "source", "period", "examples", "effective")
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    for key, value in pairs:
        if key.value not in said:
            for node in _scalars(value):
                for found in _DAY.finditer(text, node.start_mark.index, node.end_mark.index):
                    yield text.count("\n", 0, found.start()) + 1
