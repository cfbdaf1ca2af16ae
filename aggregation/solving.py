"""Integer programs by HiGHS that can be watched: the solver works beside the one who waits for it.

HiGHS says nothing until it is done. So it runs in a thread of its own (it holds no lock of
Python's meanwhile) while this one beats. What a watcher raises comes out at once; the solver's
thread then ends by its time limit, which every program must have. Pure.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aggregation.watching import beat

BEAT = 0.2  # seconds


def solved(gain: Any, *, time_limit: float, **program: Any) -> Any:
    """What `scipy.optimize.milp` answers to these arguments within `time_limit` seconds."""
    from scipy.optimize import milp

    options = {"time_limit": time_limit, "mip_rel_gap": 0.0}
    solver = ThreadPoolExecutor(1, thread_name_prefix="integer-program")
    answer = solver.submit(milp, gain, options=options, **program)
    solver.shutdown(wait=False)  # it takes no further work
    while True:
        try:
            return answer.result(timeout=BEAT)
        except TimeoutError:
            beat()
