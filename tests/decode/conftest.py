"""One registry for all: loading is pure, so sharing it hides nothing."""

import pytest

from chainwatch.decode import Decoder, Registry, load_registry


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="session")
def decoder(registry: Registry) -> Decoder:
    return Decoder(registry)
