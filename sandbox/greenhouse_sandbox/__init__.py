"""An emulator of the Greenhouse Harvest v3 API on SQLite: the other side of the wire."""

from .log import Record
from .sandbox import Sandbox
from .server import Server
from .wire import Reply

__all__ = ["Record", "Reply", "Sandbox", "Server"]
