"""The bot as a process of its own: started, killed, started again."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_S = 60.0
READY = re.compile(r"\[9/9\] all systems operational")


@dataclass
class BotProcess:
    """`grace serve`; `lines` is what it wrote so far, standard output and error together."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, settings: Mapping[str, str]) -> "BotProcess":
        """Start with these settings in its environment, and nothing else of ours."""
        own = {f"GRACE_{name.upper()}": value for name, value in settings.items()}
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **own}
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("grace")),
            "serve",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            limit=2**22,
        )
        made = cls(process)
        made._reading = asyncio.create_task(made._read())
        return made

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip())
            self._news.set()
        self._news.set()

    async def until(self, reached: Callable[[list[str]], bool], what: str) -> None:
        """Wait until its lines say something, or fail with all of them."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not reached(self.lines):
                    if self._reading is not None and self._reading.done():
                        break
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        if not reached(self.lines):
            told = "\n".join(self.lines[-40:])
            raise AssertionError(f"the bot never said {what}; it said:\n{told}")

    async def said(self, words: str) -> None:
        """Wait until a line has these words."""
        await self.until(lambda lines: any(words in line for line in lines), words)

    async def ready(self) -> None:
        """Wait until it is up."""
        await self.until(lambda lines: any(READY.search(line) for line in lines), "it is up")

    async def kill(self) -> None:
        """Kill it at once, as a power cut would."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """Ask it to stop, and return its exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: int) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for its end and return its exit status."""
        async with asyncio.timeout(PATIENCE_S):
            status = await self.process.wait()
            if self._reading is not None:
                await self._reading
        return status


@asynccontextmanager
async def serving(settings: Mapping[str, str]) -> AsyncIterator[BotProcess]:
    """Run `grace serve`; whatever happens, it is gone afterwards."""
    bot = await BotProcess.start(settings)
    try:
        yield bot
    finally:
        await bot.kill()
