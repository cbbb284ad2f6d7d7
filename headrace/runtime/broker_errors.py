"""What went wrong with the local broker, in words that say what to do: told from its log or the system's errors."""

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from headrace.runtime.dependency import DependencyError

LOG_FILE: Final = "broker.log"
_REFUSED: Final = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENOENT)


def explain_end(lines: Sequence[str], data_dir: Path, port: int) -> DependencyError:
    """Why a broker ended, told from its last log lines."""
    text = "\n".join(lines)
    if "No space left on device" in text:
        return disk_full(data_dir)
    if "Address already in use" in text:
        return port_taken(port)
    if "Failed to acquire lock" in text:
        return DependencyError(
            "kafka_already_running",
            f"another Kafka uses {data_dir}",
            "stop it with `headrace kafka down`, or choose another folder with --data",
        )
    return start_failed("the local Kafka has ended", lines, data_dir)


def start_failed(what: str, lines: Sequence[str], data_dir: Path) -> DependencyError:
    """The error for a broker that did not start, or ended, for a cause that only its log knows."""
    return DependencyError("kafka_failed", what + _last_words(lines), f"its log is {data_dir / LOG_FILE}")


def port_taken(port: int) -> DependencyError:
    """The error for a port that somebody else listens on."""
    return DependencyError(
        "port_taken", f"port {port} is taken by another process", "choose another with --port, or leave it out"
    )


def disk_full(folder: Path) -> DependencyError:
    """The error for a full disk under `folder`."""
    return DependencyError(
        "disk_full",
        f"no space left on the disk of {folder}",
        "free some space, or choose another folder: --data DIR for the broker's data, HEADRACE_CACHE_DIR for its jars",
    )


def explain_os_error(error: OSError, folder: Path) -> DependencyError | None:
    """For an error of the disk under `folder`; None when it is none."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    if error.errno in _REFUSED:
        return DependencyError(
            "folder_unwritable",
            f"{folder} cannot be written: {error.strerror}",
            "choose another: --data DIR for the broker's data, HEADRACE_CACHE_DIR for its jars",
        )
    return None


def _last_words(lines: Sequence[str]) -> str:
    telling = [line[:300] for line in lines if " ERROR " in line or " FATAL " in line or "Exception" in line][-4:]
    last = telling or [line[:300] for line in lines[-4:]]
    return ("; its last words:\n  " + "\n  ".join(last)) if last else ", without a word"
