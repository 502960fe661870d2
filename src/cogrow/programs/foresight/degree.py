"""How what is paid grows with what is measured: twice as much of all, how many times as much."""

from __future__ import annotations

from cogrow.expressions.tree import Const, Op, Tree, Value

#: The degree of 0, which fits any.
_ANY = -1000


def degree(tree: Tree) -> int | None:
    """Return how a tree grows with its values: twice all of them makes it 2**degree times as much.

    None where nothing can be said; a condition has degree 0 where it stays true or false.
    """
    found = _degree(tree)
    return None if found is None or found == _ANY else found


def _degree(tree: Tree) -> int | None:
    if isinstance(tree, Const):
        return _ANY if tree.value == 0 and not isinstance(tree.value, bool) else 0
    if isinstance(tree, Value):
        return 1
    if not isinstance(tree, Op):
        return None
    parts = [_degree(arg) for arg in tree.args]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if tree.op == "if":
        return _alike(known[1:]) if known[0] in (0, _ANY) else None
    if tree.op in ("*", "/"):
        if _ANY in known:
            return _ANY
        return known[0] + known[1] if tree.op == "*" else known[0] - known[1]
    if tree.op in ("+", "-", "neg", "abs", "least", "greatest", "coalesce"):
        return _alike(known)
    if tree.op in ("=", "<>", "<", "<=", ">", ">=", "in"):
        return None if _alike(known) is None else 0
    return 0 if tree.op in ("and", "or", "not", "is_null") else None


def _alike(parts: list[int]) -> int | None:
    """Return the one degree the parts have, _ANY if all are 0; None where they differ."""
    real = {part for part in parts if part != _ANY}
    if not real:
        return _ANY
    return real.pop() if len(real) == 1 else None
