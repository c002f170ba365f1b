"""The engine runs contracts that look staged, in simulation only, and says so before the attack is sent."""

import asyncio
from typing import Any

import pytest

import chainwatch.engine.engine as engine_module
from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.detect.staging import Staging
from chainwatch.drill.world import deploy_world
from chainwatch.engine.staging import AGAIN_AFTER_BLOCKS, MAX_FUNCTIONS, MAX_TRIES, MAX_WAITING, StagedContracts, inputs
from chainwatch.errors import NodeError
from chainwatch.types import Execution, Finding, Stage, Tier
from tests.builders import address, block, execution, finding, pool_over, ref, transaction
from tests.staging.drill import PLAN, attack, controls, staged, watching

DEPLOYER, CONTRACT, MARKET = (address(n) for n in range(0xA1, 0xA4))


def suspect(n: int = 1, **fields: Any) -> Finding:
    given = {"family": "staging", "kind": "attack_staged", "detector": "staging", "confidence": 0.55, "advisory": True,
             "suspects": (DEPLOYER, CONTRACT), "victims": (MARKET,), "tx_hashes": (f"0x{n:064x}",)}  # fmt: skip
    return finding(**(given | fields))


class Rehearsal:
    """StagedContracts with nothing behind it but what a test says each look finds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *found: Finding | None) -> None:
        self.looked: list[Finding] = []
        self.confirmed: list[tuple[Finding, Finding]] = []
        self._found = list(found)

        async def confirmed(pair: tuple[Finding, Finding]) -> None:
            self.confirmed.append(pair)

        async def look(suspected: Finding) -> Finding | None:
            self.looked.append(suspected)
            return self._found.pop(0) if self._found else None

        self.staged = StagedContracts(None, 1, lambda _: ([], []), confirmed)  # type: ignore[arg-type]
        monkeypatch.setattr(self.staged, "look", look)

    async def blocks(self, first: int, last: int, *found: Finding, by: str | None = None) -> None:
        following = asyncio.create_task(self.staged.follow())
        for number in range(first, last + 1):
            acts = [execution(transaction=transaction(from_=by))] if by else []
            self.staged.note(block(number, *acts), found if number == first else ())
            for _ in range(5):
                await asyncio.sleep(0)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


class TestWhenItLooks:
    async def test_at_once_and_again_ever_more_seldom(self, monkeypatch):
        run = Rehearsal(monkeypatch)
        await run.blocks(10, 10, suspect())
        assert len(run.looked) == 1
        await run.blocks(11, 10 + AGAIN_AFTER_BLOCKS[-1] + 50)
        assert len(run.looked) == len(AGAIN_AFTER_BLOCKS)

    async def test_whenever_the_deployer_acts_but_not_for_ever(self, monkeypatch):
        run = Rehearsal(monkeypatch)
        await run.blocks(10, 10, suspect())
        await run.blocks(11, 11, by=DEPLOYER)
        assert len(run.looked) == 2
        await run.blocks(12, 100, by=DEPLOYER)
        assert len(run.looked) == MAX_TRIES
        assert not run.staged.busy

    async def test_not_again_once_it_is_confirmed(self, monkeypatch):
        run = Rehearsal(monkeypatch, None, suspect(confidence=0.9))
        await run.blocks(10, 60, suspect())
        assert len(run.looked) == 2
        assert [pair[1].confidence for pair in run.confirmed] == [0.9]
        assert run.staged.counts.confirmed == 1

    async def test_not_where_its_block_is_gone(self, monkeypatch):
        run = Rehearsal(monkeypatch)
        await run.blocks(10, 10, suspect(block=ref(10)))
        run.staged.orphaned([ref(10)])
        await run.blocks(11, 60)
        assert len(run.looked) == 1

    async def test_not_where_its_block_goes_while_it_is_looked_at(self, monkeypatch):
        run = Rehearsal(monkeypatch)

        async def look(_: Finding) -> Finding:
            run.staged.orphaned([ref(10)])
            return suspect(confidence=0.9)

        monkeypatch.setattr(run.staged, "look", look)
        await run.blocks(10, 12, suspect(block=ref(10)))
        assert run.confirmed == []
        assert run.staged.counts.confirmed == 0

    async def test_not_at_other_kinds_nor_at_what_is_pending(self, monkeypatch):
        run = Rehearsal(monkeypatch)
        await run.blocks(10, 12, finding(), suspect(stage=Stage.PENDING))
        assert run.looked == []

    async def test_a_flood_is_shed_and_counted(self, monkeypatch):
        run = Rehearsal(monkeypatch)
        await run.blocks(10, 10, *(suspect(n) for n in range(MAX_WAITING + 9)))
        assert run.staged.counts.shed == 9
        assert len(run.looked) == MAX_WAITING


class TestWhatItCalls:
    def test_every_function_with_zeros_then_with_the_market_and_nothing_at_all(self):
        code = "0x" + "".join(f"8063{n:08x}1461003057" for n in range(0x1000_0000, 0x1000_0000 + 40))
        data = inputs(code, (MARKET,))
        assert data[0] == "0x"
        assert len(data) == 1 + 2 * MAX_FUNCTIONS
        assert data[1] == "0x10000000" + "0" * 512
        assert data[-1].count(MARKET[2:]) == 8

    def test_callbacks_are_left_out_and_no_code_is_not_called(self):
        assert inputs("0x806323e30c8b1461003057", ()) == ["0x"]
        assert inputs("0x", (MARKET,)) == []


class TestWhatFails:
    async def test_a_node_that_fails_is_counted_and_nothing_is_said(self, monkeypatch):
        class Broken:
            def having(self, _role: object) -> list[object]:
                return []

            async def call(self, *_: object, **__: object) -> object:
                raise NodeError("no.", "Try again.")

        def judge(_: Execution) -> tuple[list[Finding], list[str]]:
            raise AssertionError

        looks = StagedContracts(Broken(), 1, judge, None)  # type: ignore[arg-type]
        assert await looks.look(suspect()) is None
        assert looks.counts.failed == 1

    async def test_a_node_that_hangs_costs_no_more_than_the_budget(self, monkeypatch):
        class Hanging:
            async def call(self, *_: object, **__: object) -> object:
                await asyncio.sleep(60)
                raise AssertionError

        monkeypatch.setattr("chainwatch.engine.staging.BUDGET_SECONDS", 0.05)
        looks = StagedContracts(Hanging(), 1, lambda _: ([], []), None)  # type: ignore[arg-type]
        assert await asyncio.wait_for(looks.look(suspect()), 5) is None
        assert looks.counts.failed == 1


@pytest.mark.anvil
async def test_nothing_is_sent_and_a_contract_that_is_gone_is_nothing(anvil: Anvil, rpc: Rpc):
    world = await deploy_world(rpc.url)
    head = await rpc.call("eth_blockNumber", as_=str)
    judged: list[Execution] = []

    def judge(simulated: Execution) -> tuple[list[Finding], list[str]]:
        judged.append(simulated)
        # What the same family says again, or another only suspects, confirms nothing.
        return [suspect(confidence=0.9), finding(confidence=0.4)], ["one"]

    looks = StagedContracts(pool_over(rpc), 31337, judge, None)  # type: ignore[arg-type]
    attacker = world.roles.attacker
    assert await looks.look(suspect(suspects=(attacker, world.flash_attacker, CONTRACT))) is None
    assert looks.counts.contracts == 2
    assert looks.counts.simulated == len(judged) > 5
    assert looks.counts.failed == len(judged)  # a detector that raises is a failure, too
    assert {e.stage for e in judged} == {Stage.PENDING}
    assert {(e.transaction.from_, e.transaction.to) for e in judged} == {(attacker, world.flash_attacker)}
    assert await rpc.call("eth_blockNumber", as_=str) == head
    assert (await rpc.call("txpool_status"))["pending"] == "0x0"


@pytest.mark.anvil
class TestOnAnvil:
    @pytest.mark.parametrize("form", ["ready", "by factory"])
    async def test_an_attack_with_its_plan_inside_is_known_before_it_is_sent(self, form):
        run = await attack(form, 4)
        assert run.succeeded
        assert (run.alerted, run.confirmed) == (4, 4)

    async def test_one_that_waits_is_confirmed_when_its_owner_makes_it_ready(self):
        run = await attack("waiting", 12)
        assert run.alerted == 12
        assert run.confirmed is not None
        assert 4 <= run.confirmed < 12

    async def test_what_is_told_by_call_data_is_not_confirmed(self):
        assert (await attack("told amounts", 2)).confirmed is None
        unseen = await attack("told victim", 2)
        assert unseen.succeeded
        assert unseen.watched is None

    async def test_people_are_told_what_it_will_do_and_no_machine_acts(self):
        async with watching() as watch:
            world, attacker = watch.world, watch.world.roles.attacker
            markets = (world.safe_market, world.unsafe_market, world.router)
            await watch.send(attacker, None, staged("ReadyAttacker").creation(*markets, PLAN, attacker))
            *_, last = watch.staged()
            assert last.explanation.startswith("It is an attack that was not sent yet")
            assert last.tier is Tier.ALERT
            assert last.loss_estimate["usd"] == 620_000  # 700,000 less the collateral left behind
            assert last.kind == "attack_staged"
            assert not any(decision.sent for _, decision in watch.seen.decisions)

    async def test_a_reorganisation_takes_it_back(self):
        async with watching() as watch:
            world, attacker = watch.world, watch.world.roles.attacker
            markets = (world.safe_market, world.unsafe_market, world.router)
            await watch.send(attacker, None, staged("ReadyAttacker").creation(*markets, PLAN, attacker))
            assert len(watch.seen.live()) == 1
            await watch.scene.rpc.call("anvil_reorg", [1, []])
            await watch.mine(2)
            assert watch.seen.live() == []

    async def test_honest_contracts_are_not_confirmed(self):
        said = await controls(["liquidator", "leverage", "router", "bot", "arbitrageur of another lender"])
        assert not any("confirmed" in tiers or "alert" in tiers for tiers in said.values()), said

    async def test_it_can_be_switched_off(self, monkeypatch, scene):
        path = scene.path
        path.write_text(path.read_text().replace("mempool = false", "mempool = false\nstaging = false"))
        monkeypatch.setattr(engine_module, "detectors", lambda: (Staging(),))
        async with scene.watched(armed=False) as (engine, _):
            assert engine.staging is None
