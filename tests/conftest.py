"""What holds for every test: generated cases are the same ones each run, no clock judges them, and Ctrl-C can
stop what a test starts.
"""

from __future__ import annotations

import os
import signal
import threading

from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

# A shell has what it starts in the background ignore Ctrl-C, and so would whatever a test starts.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Return half as many again as there are cores: many tests wait for a process, a disk or a Java."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(2, (cores or 1) * 3 // 2)
