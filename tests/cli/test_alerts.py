"""`chainwatch alerts`: list, acknowledge, silence, feedback."""

import asyncio
import json
from pathlib import Path
from typing import Any

from chainwatch.store import Store
from chainwatch.types import AlertEvent, Tier
from tests.cli.conftest import Cli
from tests.cli.test_coverage import CONFIG
from tests.notify.test_channel import alert

PROFILE = 'name = "lender"\nchain_id = 5\n[[contracts]]\nname = "c"\naddress = "0x' + "b1" * 20 + '"\n'


def desk(root: Path) -> Path:
    async def write() -> None:
        store = await Store.open(root / "chainwatch.db")
        await store.append_alert(alert(alert_id="abc1", fingerprint="1"))
        await store.append_alert(alert(alert_id="abd2", fingerprint="2"))
        await store.append_alert(alert(alert_id="xyz3", fingerprint="3", event=AlertEvent.RESOLVED))
        await store.close()

    asyncio.run(write())
    (root / "profiles").mkdir()
    (root / "profiles" / "lender.toml").write_text(PROFILE)
    path = root / "chainwatch.toml"
    path.write_text(CONFIG)
    return path


def test_the_life_of_an_alert(cli: Cli, tmp_path: Path) -> None:
    path = desk(tmp_path)
    done = cli("alerts", "list", "--config", path)
    assert done.code == 0, done
    assert "abc1" in done.out and "abd2" in done.out and "xyz3" not in done.out
    done = cli("alerts", "ack", "abc", "--by", "ann", "--note", "on it", "--config", path)
    assert "abc1 (flash_price_manipulation) is acknowledged by ann." in done.out
    done = cli("alerts", "ack", "xyz3", "--by", "ann", "--config", path)
    assert "had ended already (resolved)" in done.out
    done = cli("alerts", "feedback", "abd2", "false", "--by", "bob", "--config", path)
    assert done.code == 0, done
    done = cli("alerts", "silence", "lender", "--for", "2h", "--why", "upgrade", "--by", "bob", "--config", path)
    assert done.code == 0, done
    done = cli("alerts", "list", "--all", "--config", path)
    for part in ("ann", "xyz3", "everything below act on lender, by bob: upgrade", "was false 1 times"):
        assert part in done.out
    shown = json.loads(cli("alerts", "list", "--json", "--config", path).out)
    assert shown["acknowledged"] == {"abc1": "ann"}
    assert shown["silences"][0]["why"] == "upgrade"
    cli("alerts", "silence", "lender", "--for", "0m", "--why", "done", "--config", path)
    assert json.loads(cli("alerts", "list", "--json", "--config", path).out)["silences"] == []


def test_the_gravest_comes_first(cli: Cli, tmp_path: Path) -> None:
    path = desk(tmp_path)

    async def write() -> None:
        store = await Store.open(tmp_path / "chainwatch.db")
        for n, (usd, confidence) in enumerate(((1e6, 0.2), (5e5, 0.9), (None, 0.99))):
            loss: dict[str, Any] = {"usd": usd, "tokens": {}}
            await store.append_alert(
                alert(alert_id=f"m{n}", fingerprint=f"m{n}", loss_estimate=loss, confidence=confidence)
            )
        await store.append_alert(alert(alert_id="w1", fingerprint="w1", tier=Tier.WATCH, loss_estimate={"usd": 1e9}))
        await store.close()

    asyncio.run(write())
    shown = json.loads(cli("alerts", "list", "--json", "--config", path).out)["alerts"]
    assert [a["alert_id"] for a in shown] == ["m1", "m0", "abc1", "abd2", "m2", "w1"]
    assert "$450,000" in cli("alerts", "list", "--config", path).out


def test_bad_input_is_refused(cli: Cli, tmp_path: Path) -> None:
    path = desk(tmp_path)
    for arguments, says in (
        (("ack", "ab"), "Several alerts begin"),
        (("ack", "nothing"), "No alert begins"),
        (("ack", ""), "No alert begins"),
        (("silence", "another", "--for", "1h", "--why", "x"), "There is no profile 'another'"),
        (("silence", "lender", "--for", "8d", "--why", "x"), "at most seven days"),
        (("silence", "lender", "--for", "soon", "--why", "x"), "at most seven days"),
        (("feedback", "abc1", "perhaps"), "perhaps"),
    ):
        done = cli("alerts", *arguments, "--config", path)
        assert done.code == 2, (arguments, done)
        assert says in done.err + done.out
