"""Strict YAML with places: text in, plain data and the position of every value out.

Every scalar stays the text it was (`NO`, `010` and `12:30:00` are not guessed at). Aliases, anchors,
tags, duplicate keys and anything too large or too deep are refused while reading, before they cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from cogrow.errors import N_, Issue, Message, Span, message

LARGEST_BYTES = 256 * 1024
DEEPEST = 24
#: Read in less than 100 ms by the pure Python parser; a program of a page has 200.
MOST_NODES = 1_500
LONGEST_KEY = 200

_TOO_MUCH = N_("This file is nested too deeply or holds too much.")

Path = tuple[str | int, ...]
Data = dict[str, Any] | list[Any] | str | None


def dotted(path: Iterable[str | int]) -> str:
    """Return `reward.tiers[2].from` for ("reward", "tiers", 2, "from")."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data (dicts, lists, text, None for an empty value) and where each path stands.

    `keys` holds the places of keys, `values` those of values; `offsets` says how many columns after
    its place the text of a one-line scalar begins (1 for a quoted one).
    """

    file: str
    data: Data
    values: Mapping[Path, Span]
    keys: Mapping[Path, Span]
    offsets: Mapping[Path, int] = field(default_factory=dict)

    def place(self, path: Iterable[str | int], *, key: bool = False) -> Span:
        """Return the place of the value (or key) at `path`, or of its nearest ancestor."""
        whole = tuple(path)
        for end in range(len(whole), -1, -1):
            found = (self.keys if key else self.values).get(whole[:end]) or self.values.get(
                whole[:end]
            )
            if found:
                return Span(self.file, found.line, found.column, dotted(whole))
        return Span(self.file, 0, 0, dotted(whole))


class _Refused(Exception):
    def __init__(self, issue: Issue) -> None:
        super().__init__(issue.text())
        self.issue = issue


class _TooDeep(Exception):
    """Brackets are nested so deep that looking for a key among them would take long."""

    def __init__(self, mark: yaml.Mark) -> None:
        super().__init__()
        self.line, self.column = mark.line + 1, mark.column + 1


class _Loader(yaml.BaseLoader):
    """The reader, stopped at brackets no document may hold: for each it looks ahead over the rest."""

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        """Take an opening bracket or brace. Raises _TooDeep."""
        if self.flow_level >= DEEPEST:
            raise _TooDeep(self.get_mark())
        super().fetch_flow_collection_start(token_class)


@dataclass
class _Builder:
    """Turns YAML events into data without recursion, keeping places."""

    file: str
    values: dict[Path, Span] = field(default_factory=dict)
    keys: dict[Path, Span] = field(default_factory=dict)
    offsets: dict[Path, int] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    stack: list[tuple[dict[str, Any] | list[Any], Path, list[str]]] = field(default_factory=list)
    root: Data = None
    nodes: int = 0
    key_end: int = -1

    def span(self, event: yaml.Event, path: Path = ()) -> Span:
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return Span(self.file, line, column, dotted(path))

    def refuse(self, event: yaml.Event, what: Message) -> None:
        raise _Refused(Issue("YML001", what, self.span(event)))

    def take(self, event: yaml.Event) -> None:
        """Handle one event; raises _Refused for what no document may hold."""
        if isinstance(event, yaml.AliasEvent):
            self.refuse(event, message(N_("YAML aliases (*name) are not allowed here.")))
        if isinstance(event, yaml.NodeEvent):
            self.nodes += 1
            if event.anchor is not None:
                self.refuse(event, message(N_("YAML anchors (&name) are not allowed here.")))
            if getattr(event, "tag", None) not in (None, "!"):
                self.refuse(event, message(N_("YAML tags (!name) are not allowed here.")))
            if self.nodes > MOST_NODES or len(self.stack) > DEEPEST:
                self.refuse(event, message(_TOO_MUCH))
        if isinstance(event, yaml.ScalarEvent):
            self.scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            container: dict[str, Any] | list[Any] = {} if is_mapping else []
            path = self.place(event, container)
            self.stack.append((container, path, []))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()

    def scalar(self, event: yaml.ScalarEvent) -> None:
        text: str | None = event.value
        if event.style is None and text in ("", "~", "null"):
            text = None
        elif not event.value.isascii():
            text = self.joined(event)
        if self.stack and isinstance(self.stack[-1][0], dict) and not self.stack[-1][2]:
            self.key(event, text or "")
            return
        if self.lacks_colon(event):
            return
        path = self.place(event, text)
        start, end = event.start_mark, event.end_mark
        if start and end and start.line == end.line:
            self.offsets.setdefault(path, 0 if event.style is None else 1)

    def joined(self, event: yaml.ScalarEvent) -> str:
        """Return the text with halves of characters joined: JSON writes some as two escapes."""
        try:
            return str(event.value.encode("utf-16-le", "surrogatepass").decode("utf-16-le"))
        except UnicodeDecodeError:
            self.refuse(event, message(N_("This text holds half of a character.")))
            raise AssertionError from None

    def lacks_colon(self, event: yaml.ScalarEvent) -> bool:
        """Complain of `b)` in `{a: f(1, b)}`: YAML reads it as a key, its author meant one text."""
        mark, pending = event.start_mark, self.stack[-1][2] if self.stack else []
        if event.value or not (pending and mark and mark.index == self.key_end):
            return False
        text = pending.pop()
        what = N_("`{text}` has no `:` after it; inside {{ }} a comma begins a new key.")
        hint = message(N_("Put text that has a comma in quotes."))
        place = self.keys[(*self.stack[-1][1], text)]
        self.issues.append(Issue("YML001", message(what, text=text), place, hint=hint))
        return True

    def key(self, event: yaml.ScalarEvent, text: str) -> None:
        container, path, pending = self.stack[-1]
        here = (*path, text)
        self.key_end = event.end_mark.index if event.end_mark else -1
        if len(text) > LONGEST_KEY:
            self.refuse(
                event, message(N_("A key has at most {most} characters."), most=LONGEST_KEY)
            )
        if text == "<<":
            self.refuse(event, message(N_("YAML merge keys (<<) are not allowed here.")))
        if text in container:
            first = self.keys[here]
            self.issues.append(
                Issue(
                    "YML002",
                    message(
                        N_("`{key}` is written twice; it already stands in line {line}."),
                        key=dotted(here),
                        line=first.line,
                    ),
                    self.span(event, here),
                )
            )
        else:
            self.keys[here] = self.span(event, here)
        pending.append(text)

    def place(self, event: yaml.Event, value: Any) -> Path:
        """Put `value` where the document stands now and return its path."""
        if not self.stack:
            path: Path = ()
            self.root = value
        else:
            container, parent, pending = self.stack[-1]
            if isinstance(container, list):
                path = (*parent, len(container))
                container.append(value)
            elif not pending:
                self.refuse(event, message(N_("A key must be plain text.")))
                raise AssertionError
            else:
                name = pending.pop()
                path = (*parent, name)
                container.setdefault(name, value)
        self.values.setdefault(path, self.span(event, path))
        return path


#: What the YAML reader complains of, by how it begins, in words for people who write no YAML by trade.
_PROBLEMS = (
    (
        "mapping values are not allowed",
        N_("a `:` stands where none can be; check the indentation, or put the text in quotes"),
    ),
    ("could not find expected ':'", N_("a key has no `:` after it")),
    ("expected <block end>", N_("the indentation does not fit the lines above")),
    ("expected ',' or", N_("a comma or the closing bracket is missing")),
    (
        "found character",
        N_("a tab or a reserved sign stands where a text begins; use spaces, or put it in quotes"),
    ),
    ("found unexpected end of stream", N_("a quote is left open")),
)


def _problem(found: str) -> Message | str:
    return next((Message(said) for start, said in _PROBLEMS if found.startswith(start)), found)


def _mark_issue(error: yaml.MarkedYAMLError, file: str) -> Issue:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Issue(
        "YML001",
        message(N_("This is not YAML: {problem}."), problem=_problem(error.problem or str(error))),
        Span(file, line, column),
    )


def read(content: bytes, file: str) -> tuple[Document | None, list[Issue]]:
    """Return the document in `content` (UTF-8), or None, with every issue found.

    Reading stops at the first thing that is not YAML; duplicate keys are all reported.
    """
    if len(content) > LARGEST_BYTES:
        what = N_("This file has {size} bytes; at most {largest} are read.")
        too_big = message(what, size=len(content), largest=LARGEST_BYTES)
        return None, [Issue("YML001", too_big, Span(file, 1, 1))]
    builder = _Builder(file)
    try:
        text = content.decode("utf-8-sig")
        documents = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    builder.refuse(event, message(N_("One file holds one document.")))
            builder.take(event)
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        what_found = message(N_("This is not UTF-8 text."))
        return None, [Issue("YML001", what_found, Span(file, line, column))]
    except yaml.MarkedYAMLError as error:
        return None, [*builder.issues, _mark_issue(error, file)]
    except yaml.YAMLError as error:
        what_found = message(N_("This is not YAML: {problem}."), problem=str(error).split("\n")[0])
        return None, [*builder.issues, Issue("YML001", what_found, Span(file, 1, 1))]
    except _TooDeep as deep:
        place = Span(file, deep.line, deep.column)
        return None, [*builder.issues, Issue("YML001", message(_TOO_MUCH), place)]
    except _Refused as refused:
        return None, [*builder.issues, refused.issue]
    builder.values.setdefault((), Span(file, 1, 1))
    document = Document(file, builder.root, builder.values, builder.keys, builder.offsets)
    return document, builder.issues
