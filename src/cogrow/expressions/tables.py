"""The parser of the grammar, from tables worked out before: to work them out takes longer than all the
rest of reading a program.

`grammar.json` beside this file has them. Tables of another grammar, or of another version of lark, are
left alone, and worked out anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

#: Stands for a mapping whose keys are no texts, as a list of pairs.
_PAIRS = "#"


def parser(transformer: Any) -> Lark:
    """Return the parser of the grammar, its trees changed by `transformer`."""
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    kept = Path(__file__).with_name("grammar.json").read_text(encoding="utf-8")
    return from_tables(kept, grammar, transformer) or _worked_out(grammar, transformer)


def _worked_out(grammar: str, transformer: Any = None) -> Lark:
    return Lark(grammar, parser="lalr", transformer=transformer, maybe_placeholders=False)


def from_tables(kept: str, grammar: str, transformer: Any) -> Lark | None:
    """Return the parser that was kept, None where it is that of another grammar or version."""
    found = json.loads(kept)
    if found["of"] != _made_of(grammar):
        return None
    load: Callable[..., Lark] = Lark._load_from_dict  # the way lark's own stand-alone parsers take
    tables, memo = _unpacked(found["tables"]), _unpacked(found["memo"])
    return load(tables, memo, transformer=transformer)


def kept_tables(grammar: str) -> str:
    """Return the text of `grammar.json` for a grammar."""
    tables, memo = _worked_out(grammar).memo_serialize([TerminalDef, Rule])
    whole = {"of": _made_of(grammar), "tables": _packed(tables), "memo": _packed(memo)}
    return json.dumps(whole, separators=(",", ":"), sort_keys=True) + "\n"


def _made_of(grammar: str) -> dict[str, str]:
    return {"lark": lark.__version__, "grammar": sha256(grammar.encode()).hexdigest()}


def _packed(value: Any) -> Any:
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _packed(part) for key, part in value.items()}
        return {_PAIRS: [[_packed(key), _packed(part)] for key, part in value.items()]}
    return [_packed(part) for part in value] if isinstance(value, (list, tuple)) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        if _PAIRS in value:
            return {key: _unpacked(part) for key, part in value[_PAIRS]}
        return {key: _unpacked(part) for key, part in value.items()}
    return [_unpacked(part) for part in value] if isinstance(value, list) else value
