"""A store in a fresh file, and what tests put into it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chainwatch.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store's file is."""
    return tmp_path / "chainwatch.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(path)
    yield opened
    await opened.close()
