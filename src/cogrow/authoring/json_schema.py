"""The language as a JSON Schema, made from the models that read programs: editors complete and check
with it. What a name means comes from the words of the language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cogrow.authoring.completion import definitions, qualifying
from cogrow.errors import Message
from cogrow.programs.spec import ProgramSpec, component_spec
from cogrow.rewards.registry import forms
from cogrow.rewards.terms import Key
from cogrow.schema import AtMost, Declared, EditorSchema, Field
from cogrow.words.keys import CHOICES, meaning

Json = dict[str, Any]
Say = Callable[[Message], str]

DIALECT = "http://json-schema.org/draft-07/schema#"

#: What is written at a key that takes an expression; other texts are words.
EXPRESSIONS: Mapping[str, str] = {
    "merchants": "rows_of_merchants",
    "gates": "condition",
    "period.since": "day_of_merchants",
    "attribution.clicks": "rows_of_visits",
    "metrics": "metric",
    "baseline": "baseline",
    "targets": "value",
    "limits.per_merchant": "amount",
    "limits.minimum": "amount",
    "limits.lifetime": "amount",
    "limits.never_above": "value",
    "fund.amount": "amount",
    "fund.by": "day",
    "fund.funders": "rate",
    "examples.pays": "amount",
    "reward.when": "condition",
    "reward.limits.each": "amount",
    "reward.limits.first_of": "count",
    "reward.limits.per_order": "amount",
    "reward.limits.per_product": "amount",
    "reward.limits.per_buyer": "amount",
    "reward.limits.per_merchant": "amount",
}
#: The same for the keys of a form and of its tiers.
TERMS: Mapping[str, str] = {
    **dict.fromkeys((Key.PAYS_ON, Key.QUALIFIES_ON, Key.OVER, Key.SHARE), "value"),
    **dict.fromkeys((Key.LIMIT, Key.SPEND_LIMIT, Key.RETAINED_AT_MOST), "value"),
    Key.RATE: "rate",
    Key.RETAINED: "rate",
    Key.AMOUNT: "amount",
    "from": "value",
    "when": "condition",
}


def program_schema(say: Say) -> Json:
    """Return the JSON Schema (draft 7) of a program; `say` puts a message into the reader's words."""
    made = _Schemas(say)
    whole = made.model(ProgramSpec, "")
    whole["properties"]["qualifying"] |= qualifying(say)
    component = made.model(component_spec(), "reward.")
    component["oneOf"] = [{"required": [name]} for name in forms()]
    whole["properties"]["reward"] |= {
        "anyOf": [
            {"$ref": "#/definitions/component"},
            {"type": "array", "minItems": 1, "maxItems": 100, "items": {"$ref": "#/definitions/component"}},
        ]
    }  # fmt: skip
    _relate(whole)
    return {
        "$schema": DIALECT,
        "title": "cogrow",
        **whole,
        "definitions": {"component": component, **definitions(say)},
    }


def _relate(whole: Json) -> None:
    """Add what keys of one mapping say about each other."""
    inside = whole["properties"]
    inside["stacking"] |= {"minProperties": 1, "maxProperties": 1}
    inside["period"]["dependencies"] = {
        "first": ["since"],
        "since": ["first"],
        "festival": ["every"],
    }
    first_come = {"properties": {"exhausted": {"const": "first_come"}}, "required": ["exhausted"]}
    inside["fund"] |= {
        "if": first_come,
        "then": {"required": ["by"]},
        "else": {"properties": {"by": False}},
    }


class _Schemas:
    """Turns models into JSON Schema, with a description for every key."""

    def __init__(self, say: Say) -> None:
        self.say = say

    def model(self, model: type[Declared], before: str) -> Json:
        """Return the schema of a mapping whose keys are called `before` and their own name."""
        properties, required = {}, []
        for key, field in model.fields().items():
            properties[key] = self.field(before + key, field)
            if field.required:
                required.append(key)
        found: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        return found | ({"required": required} if required else {})

    def field(self, path: str, field: Field) -> Json:
        found = self.kind(path, field.kind, ())
        default = field.default.value if isinstance(field.default, Enum) else field.default
        if isinstance(default, str):
            found["default"] = default
        return {"title": path, "description": self.say(Message(self.meaning(path))), **found}

    def meaning(self, path: str) -> str:
        return meaning(path) or forms()[path.removeprefix("reward.")].sentence.msgid

    def kind(self, path: str, annotation: Any, metadata: tuple[Any, ...]) -> Json:
        """Return the schema of what stands at `path`, from its annotation."""
        for part in metadata:
            if isinstance(part, EditorSchema):
                return dict(part.schema)
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.kind(path, inner[0], inner[1:])
        if origin in (Union, UnionType):
            return self.kind(path, next(part for part in inner if part is not type(None)), metadata)
        bounds: dict[str, int] = {}
        for part in metadata:
            bounds |= {"max": part.most} if isinstance(part, AtMost) else {}
        if origin is tuple:
            items = self.kind(path, inner[0], ())
            bounds |= {"min": 1} if path.endswith(".tiers") else {}
            many = {"type": "array", "items": items} | {f"{k}Items": n for k, n in bounds.items()}
            return {"anyOf": [items, many]} if path == "gates" else many
        if origin is dict:
            names = self.kind("", inner[0], ())
            values = {"additionalProperties": self.kind(path, inner[1], ())}
            sizes = {f"{k}Properties": n for k, n in bounds.items()}
            if path == "columns":
                names = {"type": "string", "pattern": r"^[A-Za-z_]\w*\.[A-Za-z_]\w*$"}
            return {"type": "object", "propertyNames": names, **values, **sizes}
        if origin is Literal or (isinstance(annotation, type) and issubclass(annotation, Enum)):
            return self.choices(path, inner or tuple(one.value for one in annotation))
        if isinstance(annotation, type) and issubclass(annotation, Declared):
            inside = self.model(annotation, f"{path}.")
            return {"anyOf": [{"type": "string"}, inside]} if path == "examples.it" else inside
        return self.text(path) if annotation is str else {}

    def choices(self, path: str, names: tuple[Any, ...]) -> Json:
        """Return the schema of one word of several, each with what it does."""
        said = CHOICES[path]
        options = [{"const": name, "description": self.say(Message(said[name]))} for name in names]
        return {"anyOf": options}

    def text(self, path: str) -> Json:
        """Return the schema of a text: an expression where one is meant."""
        terms = path.split(".")
        name = EXPRESSIONS.get(path)
        if name is None and terms[0] == "reward" and len(terms) > 2:
            name = TERMS.get(terms[-1])
        if name is not None:
            return {"allOf": [{"$ref": f"#/definitions/{name}"}]}
        words = (
            ["string", "number", "boolean"]
            if path.startswith(("title", "desc", "ex"))
            else "string"
        )
        return {"type": words} | ({"minLength": 1} if path.startswith("title") else {})
