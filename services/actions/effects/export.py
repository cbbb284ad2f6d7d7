"""`export_row`: a row in the day's file of a folder, and in its spreadsheet. The file knows the effect's id."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Final

from headrace.consumer.effects import Contact, Done, InDoubt, Letter, Refused
from headrace.contracts.effects import Effect
from services.actions.effects.export_file import append_row
from services.actions.effects.filling import number_of
from services.actions.effects.workbook import Workbooks, stale_files

_CUSTOMER: Final = "customer"


class ExportSender:
    """`zone`: the store's, by which a day is told; the day is that of the decision, however often it is tried."""

    name: Final = "export"
    keyed: Final = True
    concurrency: Final = 4
    deadline_s: Final = 30.0

    def __init__(self, folder: Path, *, zone: tzinfo = UTC, workbooks: Workbooks | None = None) -> None:
        self._folder = folder
        self._zone = zone
        self._workbooks = workbooks or Workbooks()
        self._looked = False

    def wants(self, effect: Effect) -> bool:
        """Rows."""
        return effect.kind == "export_row"

    async def send(self, letter: Letter) -> Done:
        """The receipt is the file's name."""
        effect = letter.effect
        columns = [str(name) for name in effect.with_.get("columns", ())]
        row = {**(effect.with_.get("row") or {}), **_of_contact(letter.contact), _CUSTOMER: number_of(effect)}
        day = effect.decided_at.astimezone(self._zone).date()
        await self._look_once()
        try:
            path, _ = await asyncio.to_thread(
                append_row,
                self._folder,
                str(effect.with_.get("file", "")),
                day,
                columns,
                [row.get(name) for name in columns],
                effect.id,
            )
        except ValueError as error:
            raise Refused("bad_file", str(error)) from None
        except OSError as error:  # the file itself tells, the next time, whether the row is in it
            raise InDoubt(f"the folder of exports cannot be written: {error.strerror}") from error
        self._workbooks.changed(path)
        return Done(receipt=path.name)

    async def aclose(self) -> None:
        """Brings the spreadsheets up to their files."""
        await self._workbooks.aclose()

    async def _look_once(self) -> None:
        if not self._looked:
            self._looked = True
            for path in await asyncio.to_thread(stale_files, self._folder):
                self._workbooks.changed(path)


def _of_contact(contact: Contact | None) -> Mapping[str, Any]:
    known = contact or Contact()
    return {
        "customer.email": known.email,
        "customer.first_name": known.first_name,
        "customer.last_name": known.last_name,
    }
