"""Ports of this machine: which are free, which somebody listens on."""

import random
import socket
from contextlib import closing
from typing import Final

HOST: Final = "127.0.0.1"
_RANGE: Final = range(20_000, 32_768)
"""Below the ports that systems give to outgoing connections: while a server is away (a restart), its port must not go
to a client, least of all to one that was connecting to it, which would then be connected to itself."""
_TRIES: Final = 1_000


def free_ports(count: int) -> list[int]:
    """Ports where a server may listen, also again after a pause: free now, all different. Raises OSError if none is."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_RANGE, _TRIES):
        if len(found) == count:
            return found
        if is_free(port):
            found.append(port)
    raise OSError(f"fewer than {count} free ports between {_RANGE.start} and {_RANGE.stop}")


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Whether a connection is accepted there."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
