"""Readiness is honest: each failure is red, what cannot be known is amber. On a real Anvil."""

import pytest

from chainwatch.chain.rpc import Rpc
from chainwatch.drill.artefacts import ours
from chainwatch.errors import BadInput, NodeRejected
from chainwatch.respond.adapters import role_id
from chainwatch.respond.arming import Arming
from chainwatch.respond.ready import Check, Colour, readiness, worst
from chainwatch.respond.responder import unlock
from tests.respond.chain.conftest import PLAYBOOK, Scene

pytestmark = pytest.mark.anvil


async def checks(scene: Scene, rpc: Rpc | None = None) -> dict[str, Check]:
    found = await readiness(scene.loaded, rpc or scene.rpc, lambda: unlock(scene.loaded))
    return {check.name.removeprefix(f"{PLAYBOOK}: "): check for check in found}


async def governance(scene: Scene, function: str, *arguments: object) -> None:
    data = ours("LendingMarket").call(function, *arguments)
    request = {"from": scene.world.roles.governance, "to": scene.world.unsafe_market, "data": data}
    assert await scene.actors.succeeded(await scene.rpc.call("eth_sendTransaction", [request]))


def role(name: str) -> bytes:
    return bytes.fromhex(role_id(name)[2:])


def not_green(found: dict[str, Check]) -> dict[str, str]:
    return {name: str(check.colour) for name, check in found.items() if check.colour is not Colour.GREEN}


async def test_a_sound_configuration_is_green_throughout(scene):
    found = await checks(scene)
    assert not_green(found) == {}
    assert set(found) == {
        "node", "simulation", "disarm", "signer", "funds", "code", "role", "least privilege", "state", "simulates",
        "others cannot",
    }  # fmt: skip


async def test_a_role_that_is_not_held_is_red(scene):
    await governance(scene, "revokeRole", role("GUARDIAN_ROLE"), scene.world.roles.guardian)
    assert not_green(await checks(scene)) == {"role": "red", "simulates": "red"}


async def test_a_role_that_the_zero_address_holds_too_is_red(scene):
    await governance(scene, "grantRole", role("GUARDIAN_ROLE"), "0x" + "00" * 20)
    assert not_green(await checks(scene)) == {"role": "red"}


async def test_more_rights_than_declared_are_red(scene):
    await governance(scene, "grantRole", role("DEFAULT_ADMIN_ROLE"), scene.world.roles.guardian)
    found = await checks(scene)
    assert not_green(found) == {"least privilege": "red"}
    assert "DEFAULT_ADMIN_ROLE" in found["least privilege"].detail


async def test_paused_already_is_red(scene):
    await scene.actors.pause()
    found = await checks(scene)
    assert found["state"].colour is found["simulates"].colour is Colour.RED


async def test_a_target_without_code_is_red_everywhere_and_nowhere_green(scene):
    scene.action(target="0x" + "33" * 20)
    found = await checks(scene)
    assert found["code"].colour is found["state"].colour is found["simulates"].colour is Colour.RED
    assert found["role"].colour is Colour.AMBER  # nobody answers: it cannot be known


async def test_a_contract_that_anybody_may_pause_is_red(scene):
    # paused() is slot 0; every other call sets it: CALLDATALOAD selector, EQ paused(), JUMPI, SSTORE.
    anyone = "0x" + "44" * 20
    code = "0x5f3560e01c635c975abb14601457600160005500" + "5b5f545f5260205ff3"
    await scene.rpc.call("anvil_setCode", [anyone, code])
    scene.action(target=anyone)
    found = await checks(scene)
    assert found["simulates"].colour is Colour.GREEN
    assert found["others cannot"].colour is Colour.RED


async def test_a_key_that_could_undo_the_pause_is_red(scene):
    # unpause() (0x3f4ba83a) clears slot 0 for anybody, pause() sets it, paused() reads it; hasRole is "paused".
    target = "0x" + "55" * 20
    await scene.rpc.call("anvil_setCode", [target, "0x5f3560e01c635c975abb14601457600160005500" + "5b5f545f5260205ff3"])
    scene.action(target=target)
    assert (await checks(scene))["least privilege"].colour is Colour.RED


async def test_too_little_money_is_red_and_says_how_much_is_missing(scene):
    await scene.rpc.call("anvil_setBalance", [scene.world.roles.guardian, hex(10**17)])
    found = await checks(scene)
    assert not_green(found) == {"funds": "red"}
    assert "Send 0.0500" in found["funds"].mend  # 500,000 gas at 300 gwei is 0.15


async def test_disarmed_is_red(scene):
    Arming(scene.loaded.root, armed=True).disarm()
    assert not_green(await checks(scene)) == {"disarm": "red"}


async def test_a_wrong_passphrase_is_red(scene, monkeypatch):
    monkeypatch.setenv("CHAINWATCH_PASSPHRASE", "hunter2")
    found = await checks(scene)
    assert not_green(found) == {"signer": "red"}
    assert "hunter2" not in repr(found)
    with pytest.raises(BadInput, match="does not open"):
        await unlock(scene.loaded)


async def test_no_simulation_is_amber_and_never_green(scene):
    class Plain(Rpc):
        async def call(self, method, params=(), **options):
            if method == "eth_simulateV1":
                raise NodeRejected(method, -32601, "Method not found")
            return await super().call(method, params, **options)

    async with Plain(scene.anvil.http) as rpc:
        assert not_green(await checks(scene, rpc)) == {"simulation": "amber", "simulates": "amber"}


async def test_a_check_that_breaks_is_red(scene):
    class Broken(Rpc):
        async def call(self, method, params=(), **options):
            if method == "eth_getCode":
                return None
            return await super().call(method, params, **options)

    async with Broken(scene.anvil.http) as rpc:
        found = await checks(scene, rpc)
    assert not_green(found) == {"code": "red"}
    assert "the check failed" in found["code"].detail


async def test_the_wrong_chain_is_red_and_nothing_else_is_claimed(scene):
    import msgspec

    config = scene.loaded.config
    chain = scene.loaded.chain.model_copy(update={"id": 5})
    scene.loaded = msgspec.structs.replace(scene.loaded, config=config.model_copy(update={"chains": (chain,)}))
    assert {name: str(c.colour) for name, c in (await checks(scene)).items()} == {"node": "red"}


def test_nothing_checked_is_red():
    assert worst([]) is Colour.RED
