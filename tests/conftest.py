"""What holds for every test: generated cases are the same ones each run, no clock judges them, and Ctrl-C can
stop what a test starts.
"""

from __future__ import annotations

import signal
import threading

from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

# A shell has what it starts in the background ignore Ctrl-C, and so would whatever a test starts.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
