"""Asks this container's own /ready; exit 0 when it answers 200. Standard library only: it runs every few seconds."""

import os
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_S = 3


def ready(port: int) -> bool:
    """Whether the service on this port of the loopback address says it is ready."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if ready(int(os.environ.get("HEADRACE_HEALTH_PORT", "9100"))) else 1)
