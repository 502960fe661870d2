"""Holds a strict-YAML document against a pydantic model: the instance, or every issue at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from cogrow.errors import N_, Issue, Message, message, nearest
from cogrow.strict_yaml import Document, Path, dotted

M = TypeVar("M", bound=BaseModel)


#: Says what a key means, for one that is missing; None where nobody says.
Meaning = Callable[[str], str | None]

#: How much of a wrong text a message repeats.
LONGEST_SHOWN = 60


class Declared(BaseModel):
    """Base of every model read from YAML: frozen, and no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def wrong(msgid: str, hint: Message | None = None, **params: Any) -> PydanticCustomError:
    """Return the error a validator raises for a value it refuses; `msgid` is marked with `N_`."""
    return PydanticCustomError("cogrow", "{msgid}", {"msgid": msgid, "hint": hint, **params})


def shown(value: Any) -> str | Message:
    """Return a value as a message shows what was found: text in quotes, cut short; else its kind."""
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_SHOWN else value[: LONGEST_SHOWN - 1] + "…")
    return message(_FOUND.get(type(value), N_("text")))


_FOUND = {dict: N_("a mapping"), list: N_("a list"), str: N_("text"), type(None): N_("nothing")}
_EXPECTED = {
    "model_type": N_("a mapping"),
    "model_attributes_type": N_("a mapping"),
    "dict_type": N_("a mapping"),
    "mapping_type": N_("a mapping"),
    "list_type": N_("a list"),
    "tuple_type": N_("a list"),
    "string_type": N_("text"),
}


def _message(
    error: ErrorDetails, known: Iterable[str], meaning: Meaning
) -> tuple[Message, Message | None]:
    """Return what is wrong and the hint, for one pydantic error."""
    name = dotted(_path(error["loc"]))
    kind, found = error["type"], error["input"]
    if kind == "cogrow":
        context = dict(error["ctx"])
        hint = context.pop("hint", None)
        return message(context.pop("msgid"), name=name, **context), hint
    if kind in ("string_too_short", "too_short"):
        return message(N_("`{name}` is empty."), name=name), None
    if kind == "too_long":
        most, length = error["ctx"]["max_length"], len(found)
        what = N_("`{name}` holds {found}; at most {most} are read.")
        return message(what, name=name, found=length, most=most), None
    if kind == "missing":
        if said := meaning(name):
            return message(
                N_("`{name}` is missing: {meaning}."), name=name, meaning=Message(said)
            ), None
        return message(N_("`{name}` is missing."), name=name), None
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        names = ", ".join(sorted(known)) or "-"
        known_here = message(N_("Known here: {names}."), names=names)
        return message(N_("`{name}` is not known here."), name=name), nearest(
            key, known
        ) or known_here
    if kind in _EXPECTED:
        what = N_("`{name}` should be {expected}, but is {found}.")
        if not name:
            what = N_("This file should be {expected}, but is {found}.")
        found_kind = message(_FOUND.get(type(found), N_("text")))
        return message(what, name=name, expected=message(_EXPECTED[kind]), found=found_kind), None
    if kind in ("literal_error", "enum"):
        choices = str(error.get("ctx", {}).get("expected", "")).replace(" or ", ", ")
        what = N_("`{name}` is {found}; it should be one of {choices}.")
        hint = nearest(str(found), choices.replace("'", "").split(", "))
        return message(what, name=name, found=shown(found), choices=choices), hint
    what = N_("`{name}` is wrong: {problem}.")
    return message(what, name=name, problem=error["msg"]), None


def _path(loc: tuple[int | str, ...]) -> Path:
    return tuple(part for part in loc if part != "[key]")


def _known_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys the model knows at the place of an unknown key."""
    here: Any = model
    for part in loc[:-1]:
        if isinstance(here, type) and issubclass(here, BaseModel) and isinstance(part, str):
            by_name = {field.alias or name: field for name, field in here.model_fields.items()}
            if part in by_name:
                here = _model_in(by_name[part].annotation)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return [field.alias or name for name, field in here.model_fields.items()]
    return []


def _model_in(annotation: Any) -> Any:
    """Return the model inside `X | None`, `tuple[X, ...]`, `dict[str, X]`, or X itself."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in reversed(getattr(annotation, "__args__", ())):
        if (found := _model_in(inner)) is not None:
            return found
    return None


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
    source: Mapping[str, Any] | Any = document.data if data is ... else data
    try:
        return model.model_validate(source), []
    except ValidationError as failure:
        issues = []
        for error in failure.errors(include_url=False):
            path = (*at, *_path(error["loc"]))
            known = _known_at(model, error["loc"])
            shown: ErrorDetails = {**error, "loc": path}
            what, hint = _message(shown, known, meaning)
            on_key = error["type"] == "extra_forbidden" or "[key]" in error["loc"]
            issues.append(Issue(code, what, document.place(path, key=on_key), hint=hint))
        return None, issues
