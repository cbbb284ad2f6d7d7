"""The OpenAPI document as the file that clients are made from: `python -m services.attributes.openapi [--write]`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final, cast

from headrace.consumer import Database
from services.attributes.api import Shop, create_app
from services.attributes.layout import Room

FILE: Final = Path(__file__).resolve().parents[2] / "schemas" / "attributes.openapi.json"


def document() -> dict[str, Any]:
    """With an API key, as in production."""
    shop = Shop(cast("Database", None), "store", _nowhere, lambda: Room("headrace"))
    return create_app([shop], {"store": "key"}).openapi()


def text() -> str:
    """As the file has it."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


async def _nowhere(customer: str, event: bytes) -> None:
    raise NotImplementedError


def main() -> int:
    """Exit 1 when the file differs and is not written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the file")
    if parser.parse_args().write:
        FILE.write_text(text(), encoding="utf-8")
        return 0
    differs = FILE.read_text(encoding="utf-8") != text()
    if differs:
        print(f"differs: {FILE.name}")  # noqa: T201  # its output
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
