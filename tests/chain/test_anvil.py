"""Our own Anvil: it starts on a free port, and whatever happens leaves no process behind."""

import asyncio
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from chainwatch.chain import anvil as anvil_module
from chainwatch.chain.anvil import Anvil, find_anvil
from chainwatch.chain.rpc import Rpc, chain_id, quantity
from chainwatch.errors import MissingTool, NodeError
from tests.chain.nodes import until

pytestmark = pytest.mark.anvil


def running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def pid_of(anvil: Anvil) -> int:
    assert anvil._process is not None
    return anvil._process.pid


async def test_two_run_side_by_side_and_answer_as_told() -> None:
    async with Anvil("--chain-id", "5") as one, Anvil("--chain-id", "6") as other:
        assert one.http != other.http
        assert one.ws == one.http.replace("http", "ws")
        async with Rpc(one.http) as first, Rpc(other.http) as second:
            assert [await chain_id(first), await chain_id(second)] == [5, 6]


async def test_stopping_leaves_no_process() -> None:
    anvil = Anvil()
    await anvil.start()
    pid = pid_of(anvil)
    assert running(pid)
    await anvil.stop()
    assert not running(pid)
    await anvil.stop()  # twice is once
    async with Rpc(anvil.http) as rpc:
        with pytest.raises(NodeError):
            await rpc.call("eth_chainId")


async def test_an_error_in_the_block_leaves_no_process() -> None:
    pids = []

    async def fail() -> None:
        async with Anvil() as anvil:
            pids.append(pid_of(anvil))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not running(pids[0])


async def test_stopping_one_that_was_killed_is_no_error() -> None:
    async with Anvil() as anvil:
        assert anvil._process is not None
        anvil._process.kill()
        await anvil._process.wait()


async def test_one_that_ends_at_once_is_an_error_with_what_it_said() -> None:
    with pytest.raises(NodeError, match="--no-such-option"):
        await Anvil("--no-such-option").start()


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with Anvil() as first:
        with pytest.raises(NodeError, match="ended at once"):
            await Anvil(port=int(first.http.rsplit(":", 1)[1])).start()


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


async def test_one_that_never_listens_is_given_up_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mute = script(
        tmp_path / "anvil",
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)",
    )
    monkeypatch.setattr(anvil_module, "find_anvil", lambda: mute)
    monkeypatch.setattr(anvil_module, "_START_TIMEOUT_SECONDS", 1.0)
    with pytest.raises(NodeError, match="did not start listening within 1 s"):
        await Anvil().start()
    assert not running(int((tmp_path / "pid").read_text()))


async def test_being_cancelled_while_it_starts_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    mute = script(
        tmp_path / "anvil", f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    )
    monkeypatch.setattr(anvil_module, "find_anvil", lambda: mute)
    starting = asyncio.create_task(Anvil().start())
    await until(lambda: pid.exists() and pid.read_text())
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not running(int(pid.read_text()))


async def test_its_output_is_read_so_that_it_never_stalls() -> None:
    async with Anvil() as anvil, Rpc(anvil.http) as rpc:
        # It prints the name of each method called; the pipe and asyncio's buffer hold 192 KiB of it.
        long_name = ("eth_getTransactionByBlockNumberAndIndex", ["latest", "0x0"])
        for _ in range(40):
            await rpc.batch([long_name] * 200)
        assert quantity(await rpc.call("eth_blockNumber")) == 0


# --- Where it is found ------------------------------------------------------------------------------------


def npm_package(root: Path) -> Path:
    """Where npm puts the binary of this platform, below `root`."""
    real = find_anvil()
    if real.parts[-5:-3] != ("node_modules", "@foundry-rs"):
        pytest.skip("Anvil was not installed by npm here")
    return root.joinpath(*real.parts[-5:])


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory from which no Anvil is found."""
    monkeypatch.setattr(anvil_module, "__file__", str(tmp_path / "checkout" / "chainwatch" / "chain" / "anvil.py"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_missing_anvil_is_a_missing_tool_that_says_how_to_get_it(nothing_installed: Path) -> None:
    with pytest.raises(MissingTool, match="make setup") as error:
        find_anvil()
    assert error.value.exit_code == 2


async def test_starting_without_an_anvil_is_the_same_error(nothing_installed: Path) -> None:
    with pytest.raises(MissingTool):
        await Anvil().start()


def test_anvil_on_the_path_is_found(nothing_installed: Path) -> None:
    (nothing_installed / "bin").mkdir()
    on_path = script(nothing_installed / "bin" / "anvil", "")
    assert find_anvil() == on_path


@pytest.mark.parametrize("below", ["", "checkout"])
def test_npms_binary_is_preferred_to_its_wrapper_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, request: pytest.FixtureRequest
) -> None:
    binary = npm_package(tmp_path / below)
    request.getfixturevalue("nothing_installed")
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "anvil", "")
    binary.parent.mkdir(parents=True)
    script(binary, "")
    assert shutil.which("anvil") == str(tmp_path / "bin" / "anvil")
    assert find_anvil() == binary
