"""Holds a strict-YAML document against a model of it: the instance, or every issue at its place.

A model says in annotations what each key holds: a text, a choice, another model, a list or a mapping of
these, or what a `Reader` makes of it. Reading a model costs only what its keys are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from cogrow.errors import N_, Issue, Message, message, nearest
from cogrow.strict_yaml import Document, Path, dotted

#: Says what a key means, for one that is missing; None where nobody says.
Meaning = Callable[[str], str | None]

#: How much of a wrong text a message repeats.
LONGEST_SHOWN = 60

REQUIRED: Any = object()


class Reader(NamedTuple):
    """Makes a value of what is written, before anything else looks at it; raises `wrong`."""

    read: Callable[[Any], Any]


class AtMost(NamedTuple):
    """How many entries a list or mapping has at most."""

    most: int

    def passed(self, kind: Any, value: Any) -> bool:
        """Return whether the value is what is written for such a list or mapping, and too long."""
        written = list if get_origin(kind) is tuple else dict
        return isinstance(value, written) and len(value) > self.most


class Called(NamedTuple):
    """The key in the document, where it is no name in Python."""

    key: str


class EditorSchema:
    """The JSON Schema an editor holds a value against: what its reader takes."""

    def __init__(self, **schema: Any) -> None:
        self.schema = schema


class Field(NamedTuple):
    """A key of a model: the attribute it is read into, what it holds, and what it is left out."""

    attribute: str
    kind: Any
    default: Any

    @property
    def required(self) -> bool:
        """Return whether the key may not be left out."""
        return self.default is REQUIRED


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Declared:
    """Base of every model read from YAML: frozen, and no key it does not know."""

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)  # what is left out is found in the class

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(name)

    @classmethod
    @cache
    def fields(cls) -> Mapping[str, Field]:
        """Return the keys of this model as a document has them, in their order."""
        found = {}
        for name, kind in get_type_hints(cls, include_extras=True).items():
            parts = getattr(kind, "__metadata__", ())
            called = [part.key for part in parts if isinstance(part, Called)]
            found[called[0] if called else name] = Field(name, kind, vars(cls).get(name, REQUIRED))
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the values by attribute, those of models inside as such mappings too."""
        names = [field.attribute for field in type(self).fields().values()]
        return {name: _as_data(getattr(self, name)) for name in names}


M = TypeVar("M", bound=Declared)


def made(name: str, kinds: Mapping[str, Any], optional: Iterable[str]) -> type[Declared]:
    """Return a model of these keys; `optional` ones are None where they are left out."""
    return type(name, (Declared,), {"__annotations__": dict(kinds), **dict.fromkeys(optional)})


def _as_data(value: Any) -> Any:
    if isinstance(value, Declared):
        return value.as_dict()
    return tuple(map(_as_data, value)) if isinstance(value, tuple) else value


class Refused(Exception):
    """A value that a reader refuses."""

    def __init__(self, msgid: str, hint: Message | None, params: Mapping[str, Any]) -> None:
        super().__init__(msgid)
        self.msgid, self.hint, self.params = msgid, hint, params


def wrong(msgid: str, hint: Message | None = None, **params: Any) -> Refused:
    """Return the error a reader raises for a value it refuses; `msgid` is marked with `N_`."""
    return Refused(msgid, hint, params)


def shown(value: Any) -> str | Message:
    """Return a value as a message shows what was found: text in quotes, cut short; else its kind."""
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_SHOWN else value[: LONGEST_SHOWN - 1] + "…")
    return message(_KINDS.get(type(value), N_("text")))


_KINDS = {dict: N_("a mapping"), list: N_("a list"), str: N_("text"), NoneType: N_("nothing")}


class _Reading:
    """A document being read; what is wrong with it gathers in `issues`."""

    def __init__(self, document: Document, code: str, meaning: Meaning) -> None:
        self.document, self.code, self.meaning = document, code, meaning
        self.issues: list[Issue] = []

    def complain(
        self,
        path: Path,
        what: str,
        hint: Message | None = None,
        *,
        on_key: bool = False,
        **params: Any,
    ) -> None:
        """Add an issue at the place of the value at `path`, or of its key."""
        said = message(what, name=dotted(path), **params)
        self.issues.append(Issue(self.code, said, self.document.place(path, key=on_key), hint=hint))

    def read(self, kind: Any, value: Any, path: Path, *, on_key: bool = False) -> Any:
        """Return the value as `kind` has it; anything after adding an issue."""
        origin, inner = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self.annotated(inner[0], inner[1:], value, path, on_key=on_key)
        if origin in (Union, UnionType):
            (kind,) = (part for part in inner if part is not NoneType)
            return None if value is None else self.read(kind, value, path)
        if origin is Literal:
            return self.choice({name: name for name in inner}, value, path)
        if origin is tuple:
            items = value if self.held(list, value, path) else ()
            return tuple(self.read(inner[0], item, (*path, n)) for n, item in enumerate(items))
        if origin in (dict, Mapping):
            return self.mapping(inner, value, path)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return self.choice({one.value: one for one in kind}, value, path)
        if isinstance(kind, type) and issubclass(kind, Declared):
            return self.model(kind, value, path)
        if kind is str:
            self.held(str, value, path)
        elif kind is not Any and not isinstance(value, kind):
            raise TypeError(f"nothing reads {dotted(path)} as {kind}")
        return value

    def annotated(
        self, kind: Any, parts: tuple[Any, ...], value: Any, path: Path, *, on_key: bool
    ) -> Any:
        """Return what the readers make of the value, the last of them first."""
        for part in reversed(parts):
            if isinstance(part, Reader):
                try:
                    value = part.read(value)
                except Refused as error:
                    said = error.msgid, error.hint
                    return self.complain(path, *said, on_key=on_key, **error.params)
            elif isinstance(part, AtMost) and part.passed(kind, value):
                what = N_("`{name}` holds {found}; at most {most} are read.")
                return self.complain(path, what, found=len(value), most=part.most)
        return self.read(kind, value, path)

    def held(self, kind: type, value: Any, path: Path) -> bool:
        """Return whether the value is a text, list or mapping, as `kind` says; complain if not."""
        if isinstance(value, kind):
            return True
        what = N_("`{name}` should be {expected}, but is {found}.")
        if not path:
            what = N_("This file should be {expected}, but is {found}.")
        found = message(_KINDS.get(type(value), N_("text")))
        self.complain(path, what, expected=message(_KINDS[kind]), found=found)
        return False

    def choice(self, known: Mapping[str, Any], value: Any, path: Path) -> Any:
        if isinstance(value, str) and value in known:
            return known[value]
        what = N_("`{name}` is {found}; it should be one of {choices}.")
        hint = nearest(value, known) if isinstance(value, str) else None
        choices = ", ".join(map(repr, known))
        return self.complain(path, what, hint, found=shown(value), choices=choices)

    def mapping(self, kinds: tuple[Any, ...], value: Any, path: Path) -> Any:
        """Return a mapping whose keys are names of the author's own."""
        found, (names, values) = {}, kinds
        for name, inside in value.items() if self.held(dict, value, path) else ():
            read = self.read(names, name, (*path, name), on_key=True)
            found[read] = self.read(values, inside, (*path, name))
        return found

    def model(self, model: type[M], value: Any, path: Path) -> M | None:
        """Return an instance, or None where anything in it is wrong."""
        if not self.held(dict, value, path):
            return None
        before, known, found = len(self.issues), model.fields(), {}
        for name, field in known.items():
            if name in value:
                found[field.attribute] = self.read(field.kind, value[name], (*path, name))
            elif field.required:
                self.missing((*path, name))
        for name in value:
            if name not in known:
                what, names = N_("`{name}` is not known here."), ", ".join(sorted(known)) or "-"
                hint = nearest(name, known) or message(N_("Known here: {names}."), names=names)
                self.complain((*path, name), what, hint, on_key=True)
        return model(**found) if len(self.issues) == before else None

    def missing(self, path: Path) -> None:
        if said := self.meaning(dotted(path)):
            what = N_("`{name}` is missing: {meaning}.")
            self.complain(path, what, meaning=Message(said))
        else:
            self.complain(path, N_("`{name}` is missing."))


def validate(
    model: type[M],
    document: Document,
    *,
    code: str,
    at: Path = (),
    data: Any = ...,
    meaning: Meaning = lambda name: None,
) -> tuple[M | None, list[Issue]]:
    """Return an instance of `model` from the document (or from `data`, found at path `at`), and issues.

    `code` is the code of the issues, `meaning` says what a missing key would mean. The instance is
    None where any was found.
    """
    reading = _Reading(document, code, meaning)
    found = reading.model(model, document.data if data is ... else data, at)
    return found, reading.issues
