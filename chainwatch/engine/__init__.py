"""The bot of one chain: wiring and supervision. It owns no rules."""

from chainwatch.engine.engine import Engine, Observer
from chainwatch.engine.status import EngineStatus

__all__ = ["Engine", "EngineStatus", "Observer"]
