"""Fixtures that every tree of tests uses. Everything here is real: Anvil is Anvil."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from tests.store.server import CannotStart, Server

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture
async def anvil() -> AsyncIterator[Anvil]:
    """A fresh Anvil that mines each transaction at once."""
    async with Anvil() as running:
        yield running


@pytest.fixture
async def still_anvil() -> AsyncIterator[Anvil]:
    """A fresh Anvil that mines only when told to."""
    async with Anvil("--no-mining") as running:
        yield running


@pytest.fixture
async def rpc(anvil: Anvil) -> AsyncIterator[Rpc]:
    async with Rpc(anvil.http) as client:
        yield client


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The shared corpus beside the project."""
    directory = Path(os.environ.get("CHAINWATCH_CORPUS", SHARED / "corpus"))
    if not directory.is_dir():
        pytest.skip(f"the shared corpus is not at {directory} (set CHAINWATCH_CORPUS to where it is)")
    return directory


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, one for each worker. Those who stop it start it again."""
    try:
        running = Server()
    except CannotStart as error:
        pytest.skip(f"no PostgreSQL here: {error}")
    yield running
    running.close()
