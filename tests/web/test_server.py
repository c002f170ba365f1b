"""/health, /ready and /metrics of a real bot, before, during and after an outage; and who may ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from chainwatch.bot import Bot
from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.config.load import Loaded, load
from chainwatch.config.models import WebConfig
from chainwatch.errors import BadConfig, BadInput
from chainwatch.web.server import application, serving
from tests.chain.nodes import until
from tests.proxy import Fault, FaultProxy

pytestmark = pytest.mark.anvil


def configured(root: Path, *providers: FaultProxy, more: str = "") -> Loaded:
    chain = "[[chains]]\nid = 31337\npoll_seconds = 0.2\nblind_after_seconds = 1.5\n"
    for proxy in providers:
        chain += f'[[chains.providers]]\nname = "{proxy.name}"\nhttp = "{proxy.http}"\nws = "{proxy.ws}"\n'
    path = root / "chainwatch.toml"
    path.write_text(more + chain)
    return load(path)


@asynccontextmanager
async def running(loaded: Loaded) -> AsyncIterator[tuple[Bot, TestClient[Any, Any]]]:
    async with Bot(loaded, armed=False) as bot:
        task = asyncio.create_task(bot.run())
        async with TestClient(TestServer(application(bot, WebConfig()))) as client:
            await until(lambda: all(status.started for status in bot.statuses().values()))
            yield bot, client
        bot.stop()
        await asyncio.wait_for(task, 30)


async def metric(client: TestClient[Any, Any], name: str) -> float:
    async with client.get("/metrics") as answer:
        [line] = [text for text in (await answer.text()).splitlines() if text.startswith(name + "{")]
    return float(line.rsplit(" ", 1)[1])


async def test_ready_is_green_red_while_blind_and_green_again(anvil: Anvil, rpc: Rpc, tmp_path: Path) -> None:
    await rpc.call("evm_setIntervalMining", [1])
    async with FaultProxy(anvil.http, anvil.ws, name="a") as proxy, running(configured(tmp_path, proxy)) as (_, client):

        async def ready() -> tuple[int, list[str]]:
            async with client.get("/ready") as answer:
                return answer.status, (await answer.json())["chains"]["31337"]

        assert await ready() == (200, [])
        assert await metric(client, "chainwatch_blind") == 0.0
        proxy.on(Fault.DEAD)
        async with asyncio.timeout(10):
            while (await ready())[0] == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert "blind: no head has been read" in (await ready())[1][0]
        async with client.get("/health") as answer:
            assert answer.status == 200
        proxy.heal()
        async with asyncio.timeout(10):
            while (await ready())[0] == 503:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            while not await metric(client, "chainwatch_seconds_blind_total"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        newest = await metric(client, "chainwatch_newest_contiguous_block")
        assert newest >= 1
        assert await metric(client, "chainwatch_missing") == 0.0


async def test_metrics_name_providers_and_hold_no_endpoint(anvil: Anvil, rpc: Rpc, tmp_path: Path) -> None:
    async with FaultProxy(anvil.http, anvil.ws, name="a") as proxy, running(configured(tmp_path, proxy)) as (_, client):
        async with client.get("/metrics") as answer:
            text = await answer.text()
            assert answer.headers["Cache-Control"] == "no-store"
        assert 'chainwatch_provider_calls_total{chain="31337",method="eth_getBlockByHash",provider="a"}' in text
        assert "127.0.0.1" not in text
        assert "# TYPE chainwatch_header_to_handled_seconds summary" in text


async def test_a_page_in_a_browser_cannot_ask_by_another_name(anvil: Anvil, rpc: Rpc, tmp_path: Path) -> None:
    async with FaultProxy(anvil.http, anvil.ws, name="a") as proxy, running(configured(tmp_path, proxy)) as (_, client):
        async with client.get("/ready", headers={"Host": "evil.example:9464"}) as answer:
            assert answer.status == 403
        async with client.post("/ready") as answer:
            assert answer.status == 405


async def test_a_token_is_asked_for_where_one_is_set(
    anvil: Anvil, rpc: Rpc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCH_TOKEN", "s3cret")
    async with FaultProxy(anvil.http, anvil.ws, name="a") as proxy:
        more = '[web]\nlisten = "127.0.0.1:0"\ntoken_env = "WATCH_TOKEN"\n'
        async with Bot(configured(tmp_path, proxy, more=more), armed=False) as bot:
            app = application(bot, WebConfig(listen="0.0.0.0:1", token_env="WATCH_TOKEN"))
            async with TestClient(TestServer(app)) as client:
                for headers, status in (({}, 401), ({"Authorization": "Bearer no"}, 401)):
                    async with client.get("/metrics", headers=headers) as answer:
                        assert answer.status == status
                async with client.get("/metrics", headers={"Authorization": "Bearer s3cret"}) as answer:
                    assert answer.status == 200
            monkeypatch.delenv("WATCH_TOKEN")
            with pytest.raises(BadConfig, match="WATCH_TOKEN, which is not set"):
                application(bot, WebConfig(listen="0.0.0.0:1", token_env="WATCH_TOKEN"))


async def test_a_port_in_use_is_said(anvil: Anvil, rpc: Rpc, tmp_path: Path) -> None:
    port = anvil.http.rsplit(":", 1)[1]
    async with FaultProxy(anvil.http, anvil.ws, name="a") as proxy:
        loaded = configured(tmp_path, proxy, more=f'[web]\nlisten = "127.0.0.1:{port}"\n')
        async with Bot(loaded, armed=False) as bot:
            with pytest.raises(BadInput, match="cannot be listened on"):
                async with serving(loaded, bot):
                    pass


async def test_two_chains_one_away_at_the_start(anvil: Anvil, rpc: Rpc, tmp_path: Path) -> None:
    async with (
        Anvil("--chain-id", "5") as other,
        FaultProxy(anvil.http, anvil.ws, name="a") as a,
        FaultProxy(other.http, other.ws, name="b") as b,
    ):
        b.on(Fault.DEAD)
        second = f'[[chains]]\nid = 5\n[[chains.providers]]\nname = "b"\nhttp = "{b.http}"\n'
        path = configured(tmp_path, a).path
        path.write_text(path.read_text() + second)
        async with Bot(load(path), armed=False) as bot:
            task = asyncio.create_task(bot.run())
            await until(lambda: bot.statuses()[31337].started)
            assert list(bot.statuses()) == [31337]
            assert "away" in bot.not_ready()[5][0]
            b.heal()
            await until(lambda: 5 in bot.statuses() and bot.statuses()[5].started, 20)
            bot.stop()
            await asyncio.wait_for(task, 30)


async def test_served_where_it_is_configured(anvil: Anvil, rpc: Rpc, tmp_path: Path) -> None:
    async with FaultProxy(anvil.http, anvil.ws, name="a") as proxy:
        loaded = configured(tmp_path, proxy, more='[web]\nlisten = "127.0.0.1:19464"\n')
        async with (
            Bot(loaded, armed=False) as bot,
            serving(loaded, bot) as url,
            ClientSession() as session,
            session.get(f"{url}/health") as answer,
        ):
            assert (await answer.json())["alive"] is True
