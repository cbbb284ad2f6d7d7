"""A mail server that says what it is told to, to each command; or nothing, or hangs up."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

HANG: Final = "hang"
DROP: Final = "drop"
_SAYS: Final = {
    "CONNECT": "220 mail.example ESMTP",
    "EHLO": "250-mail.example\r\n250 AUTH PLAIN LOGIN",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "MESSAGE": "250 2.0.0 Ok: queued as 4XyZ123",
    "QUIT": "221 bye",
    "RSET": "250 ok",
}


@dataclass
class Scripted:
    """`commands`: as they came. `messages`: whole ones, whatever was answered."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def scripted(says: Mapping[str, str] | None = None) -> AsyncIterator[Scripted]:
    """`says`: by command, or by command and address (`RCPT b@x.example`); MESSAGE is the end of the message."""
    replies, seen = {**_SAYS, **(says or {})}, Scripted()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def answer(*keys: str) -> bool:
            told = next(replies[key] for key in keys if key in replies)
            if told == HANG:
                await reader.read()
            if told in (HANG, DROP):
                return False
            writer.write(f"{told}\r\n".encode())
            await writer.drain()
            return True

        try:
            open_ = await answer("CONNECT")
            while open_ and (line := (await reader.readline()).decode().strip()):
                seen.commands.append(line)
                verb = line.split(" ")[0].upper()
                address = line.partition("<")[2].partition(">")[0]
                open_ = await answer(f"{verb} {address}", verb)
                if open_ and verb == "DATA" and replies["DATA"].startswith("354"):
                    seen.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                    open_ = await answer("MESSAGE")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
