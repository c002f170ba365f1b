"""An Anvil process of our own: for the demo, drills and tests. Found where npm put it or on PATH."""

import asyncio
import platform
import re
import shutil
import sys
from pathlib import Path

from chainwatch.errors import MissingTool, NodeError

_LISTENING = re.compile(rb"Listening on 127\.0\.0\.1:(\d+)")
_START_TIMEOUT_SECONDS = 20.0


def find_anvil() -> Path:
    """The Anvil binary: npm's platform package below the working directory or the checkout, else on PATH.

    Raises MissingTool where there is none. The platform's own binary is preferred to npm's wrapper script:
    killing the wrapper would orphan Anvil.
    """
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    system = {"linux": "linux", "darwin": "darwin", "win32": "win32"}.get(sys.platform)
    checkout = Path(__file__).resolve().parents[2]
    for base in (Path.cwd(), checkout):
        binary = base / "node_modules" / "@foundry-rs" / f"anvil-{system}-{machine}" / "bin" / "anvil"
        if binary.is_file():
            return binary
    on_path = shutil.which("anvil")
    if on_path is not None:
        return Path(on_path)
    raise MissingTool(
        "Anvil was found neither on PATH nor in node_modules.",
        "Run `make setup` in a checkout, or install Foundry so that `anvil` is on PATH.",
    )


class Anvil:
    """A running Anvil on a free port of the loopback interface; `async with Anvil(...) as anvil`."""

    def __init__(self, *arguments: str, port: int = 0) -> None:
        self._arguments = arguments
        self._port = port
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Anvil":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def http(self) -> str:
        """Its HTTP endpoint."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws(self) -> str:
        """Its WebSocket endpoint."""
        return f"ws://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            str(find_anvil()), "--port", str(self._port), *self._arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            await asyncio.wait_for(self._wait_until_listening(), _START_TIMEOUT_SECONDS)
        except TimeoutError as error:
            await self.stop()
            raise NodeError(
                f"Anvil did not start listening within {_START_TIMEOUT_SECONDS:g} s.", "Run `anvil` by hand to see why."
            ) from error
        except BaseException:  # it ended at once, or we are cancelled: either way no process may stay
            await self.stop()
            raise
        # Its pipe must be read, or Anvil stalls when it is full.
        self._drain = asyncio.create_task(self._read_on())

    async def stop(self) -> None:
        """Stop it and wait until it is gone."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._drain is not None:
            self._drain.cancel()
            await asyncio.gather(self._drain, return_exceptions=True)
            self._drain = None

    async def _wait_until_listening(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        seen = b""
        while line := await self._process.stdout.readline():
            seen += line
            if match := _LISTENING.search(line):
                self._port = int(match[1])
                return
        raise NodeError(
            f"Anvil ended at once: {seen.decode(errors='replace').strip()[-300:]}", "Run it by hand to see why."
        )

    async def _read_on(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        while await self._process.stdout.read(65536):
            pass
