"""A store in a fresh file or a fresh database of a real PostgreSQL, and what tests put into it."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from chainwatch.store import Store
from tests.store.server import Server

_databases = itertools.count()


@pytest.fixture
async def url(server: Server) -> AsyncIterator[str]:
    """Where a fresh PostgreSQL database is."""
    name = f"test_{next(_databases)}"
    await server.run(f"CREATE DATABASE {name}")
    yield server.url(name)
    await server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store's file is."""
    return tmp_path / "chainwatch.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest) -> Path | str:
    """Where the store is: all that holds of the one database holds of the other."""
    where: Path | str = request.getfixturevalue("path" if request.param == "sqlite" else "url")
    return where


@pytest.fixture
async def store(location: Path | str) -> AsyncIterator[Store]:
    opened = await Store.open(location)
    yield opened
    await opened.close()


@pytest.fixture
async def file_store(path: Path) -> AsyncIterator[Store]:
    """A store in an SQLite file, for what only SQLite does."""
    opened = await Store.open(path)
    yield opened
    await opened.close()


@pytest.fixture
async def server_store(url: str) -> AsyncIterator[Store]:
    """A store in a PostgreSQL database, for what only PostgreSQL does."""
    opened = await Store.open(url)
    yield opened
    await opened.close()


async def rows(store: Store, statement: str) -> list[tuple[Any, ...]]:
    """What `statement` selects."""
    async with store._database.read() as connection:
        return [tuple(row) for row in (await connection.execute(text(statement))).all()]
