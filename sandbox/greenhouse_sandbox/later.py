"""Work that is done after its answer went out, as an API does it that is slower than the connection to it."""

from collections.abc import Callable
from threading import Lock, Timer


class Later:
    """What is still to be done; when the sandbox closes, it is left undone. Safe to use from many threads."""

    def __init__(self) -> None:
        self._timers: set[Timer] = set()
        self._closed = False
        self._lock = Lock()

    def do(self, seconds: float, work: Callable[[], object]) -> None:
        """Does something after so many seconds."""

        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    self._timers.discard(timer)

        timer = Timer(seconds, run)
        timer.daemon = True
        with self._lock:
            if not self._closed:
                self._timers.add(timer)
                timer.start()

    def close(self) -> None:
        """Lets go of what has not begun, and waits for what has."""
        with self._lock:
            self._closed, timers = True, list(self._timers)
        for timer in timers:
            timer.cancel()
            timer.join()
