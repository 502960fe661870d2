"""Every standard metric, found by family."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from cogrow.metrics.metric import Metric

_NOT_FAMILIES = {"metric", "registry"}


@cache
def metrics() -> Mapping[str, Metric]:
    """Return the standard metrics by name. Raises TypeError for a name given twice."""
    package = import_module(__package__)
    found: dict[str, Metric] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name in _NOT_FAMILIES:
            continue
        for metric in import_module(f"{__package__}.{module.name}").METRICS:
            if metric.name in found:
                raise TypeError(f"the metric {metric.name!r} is defined twice")
            found[metric.name] = metric
    return MappingProxyType(found)
