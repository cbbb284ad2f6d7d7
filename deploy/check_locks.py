"""Checks the locks: every requirement pinned with hashes, no address of an index in them. Exit 1 with what is wrong."""

import re
import sys
from pathlib import Path

LOCKS = ("requirements.lock", "requirements-dev.lock", "benchmarks/engine/requirements-quix.lock")
EXACT = ("faust-streaming", "aiokafka", "confluent-kafka")


def problems(name: str, text: str) -> list[str]:
    """What is wrong with one lock, each as a line for people."""
    found = [
        f"{name}:{number}: names an address: {line.strip()}"
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(r"https?://|--(extra-)?index-url", line)
    ]
    pins = re.findall(r"^([A-Za-z0-9_.\-]+(?:\[[^\]]+\])?)==(\S+)((?:.*\\\n)*.*)", text, flags=re.MULTILINE)
    found += [f"{name}: {pin} has no hash" for pin, _, rest in pins if "--hash=sha256:" not in rest]
    if not pins:
        found.append(f"{name}: pins nothing")
    return found


def main() -> int:
    """Reads the locks beside pyproject.toml."""
    root = Path(__file__).resolve().parents[1]
    found = [problem for name in LOCKS for problem in problems(name, (root / name).read_text())]
    project = (root / "pyproject.toml").read_text()
    runtime = (root / LOCKS[0]).read_text()
    for package in EXACT:
        pinned = re.search(rf'"{package}==([^"]+)"', project)
        if pinned is None or f"\n{package}=={pinned[1]} " not in f"\n{runtime}":
            found.append(f"{LOCKS[0]}: {package} differs from pyproject.toml: run make lock")
    for problem in found:
        print(problem, file=sys.stderr)  # noqa: T201  # its only output
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
