"""The most memory that this process has had."""

import re
import resource
from pathlib import Path


def peak_mb() -> int:
    """In MB. `getrusage` would also count what the process that started it had, where the kernel tells it better."""
    try:
        found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        found = None
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if found is None else int(found[1])) // 1024
