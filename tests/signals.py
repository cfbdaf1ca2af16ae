"""Signals of processes that tests start."""

import signal


def hear_ctrl_c() -> None:
    """For `preexec_fn`: a shell without job control has all that it runs in the background ignore
    Ctrl-C, and tests with it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
