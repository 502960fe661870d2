"""Every reward form of this room, found by its file: adding a form is adding a file."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from cogrow.rewards.terms import Form

_NOT_FORMS = {"registry", "terms"}


@cache
def forms() -> Mapping[str, Form]:
    """Return the forms by name. Raises TypeError for a file without a `FORM` of its own name."""
    package = import_module(__package__)
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name in _NOT_FORMS:
            continue
        form = getattr(import_module(f"{__package__}.{module.name}"), "FORM", None)
        if not isinstance(form, Form) or form.name != module.name:
            raise TypeError(f"rewards/{module.name}.py has no FORM called {module.name!r}")
        found[form.name] = form
    return MappingProxyType(found)
