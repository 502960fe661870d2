"""What holds for every test: generated cases are the same ones each run, no clock judges them, and Ctrl-C can
stop what a test starts.
"""

from __future__ import annotations

import os
import signal
import threading

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

# A shell has what it starts in the background ignore Ctrl-C, and so would whatever a test starts.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


#: Tests that share something dear, by what their names have in common: a Spark, and what is measured once.
TOGETHER = ("spark", "test_what_is_too_much_is_refused_at_once")


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Has tests that share something dear run in one process. Those of `pytest.mark.xdist_group` do not with
    pytest 9.2: xdist 3.8 puts the name of the group where it is not looked for.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((one for one in TOGETHER if one in nodeid), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Return what deals tests to processes."""
    return Together(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """Return half as many again as there are cores: many tests wait for a process, a disk or a Java."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(2, (cores or 1) * 3 // 2)
