"""A Redis server of the tests' own, from the distribution's package: on a free port, in a temporary directory."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import redis

_MISSING = "these tests need a Redis server: apt-get install --no-install-recommends redis-server"


def free_port() -> int:
    """Give a port on which nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class RedisServer:
    """A server that is started, paused, killed and started again; it keeps nothing."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        assert program is not None, _MISSING
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client: Any = redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=5)
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        self.start()

    def start(self, *options: str) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen([*self._command, *options], stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self.client.ping()
            except redis.RedisError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("the Redis server did not start")

    def kill(self) -> None:
        """End it at once; what it held is gone."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it answer nobody; the system still takes connections for it."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it for good."""
        self.client.close()
        self.kill()
