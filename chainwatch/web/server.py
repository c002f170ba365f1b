"""/health, /ready and /metrics. Read-only; on loopback, or with a token.

/health: 200 while the process lives and its loop turns. /ready: 200 where nothing stands against any chain, else 503
with the reasons. Red never silences detection.
"""

import hmac
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from chainwatch.bot import Bot
from chainwatch.config.load import Loaded
from chainwatch.config.models import WebConfig
from chainwatch.errors import BadConfig, BadInput
from chainwatch.web.metrics import exposition

log = structlog.get_logger(__name__)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(loaded: Loaded, bot: Bot) -> AsyncIterator[str | None]:
    """Serve while the body runs; its URL, or None where no address is configured.

    Raises BadInput where the address cannot be listened on, BadConfig where the token is not set.
    """
    config = loaded.config.web
    if config.listen is None:
        yield None
        return
    host, _, port = config.listen.rpartition(":")
    runner = web.AppRunner(application(bot, config), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host.strip("[]"), int(port))
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            raise BadInput(
                f"web.listen = {config.listen!r} cannot be listened on ({error}).", "Choose another port or address."
            ) from error
        log.info("serving", url=f"http://{config.listen}")
        yield f"http://{config.listen}"
    finally:
        await runner.cleanup()


def application(bot: Bot, config: WebConfig) -> web.Application:
    """The routes, guarded."""
    token = os.environ.get(config.token_env or "", "")
    if config.token_env is not None and not token:
        raise BadConfig(
            f"web.token_env names the environment variable {config.token_env}, which is not set.", "Set it to a secret."
        )
    started = time.monotonic()

    @web.middleware
    async def guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if token:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), token.encode()):
                raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        # Without a token only this machine may ask, and no web page by way of a name that resolves to loopback.
        elif request.host.rpartition(":")[0].strip("[]") not in _LOOPBACK and request.host not in _LOOPBACK:
            raise web.HTTPForbidden(text="Ask by 127.0.0.1 or localhost, or set web.token_env.")
        response = await handler(request)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def health(_request: web.Request) -> web.Response:
        return _json({"alive": True, "uptime_seconds": round(time.monotonic() - started, 1)}, 200)

    async def ready(_request: web.Request) -> web.Response:
        chains = bot.not_ready()
        green = not any(chains.values())
        return _json(
            {"ready": green, "chains": {str(c): reasons for c, reasons in chains.items()}}, 200 if green else 503
        )

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=exposition(bot), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(middlewares=[guarded])
    app.add_routes([web.get("/health", health), web.get("/ready", ready), web.get("/metrics", metrics)])
    return app


def _json(value: object, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
