"""Scenes of protocols and who runs them: vaults, rewards, payments, upgrades, governance, accounts, migrations."""

from math import isqrt

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chainwatch.drill.artefacts import Artefact, create_address
from chainwatch.drill.world import anvil_account
from chainwatch.types import Address
from tests.hard_negatives.chain import COIN
from tests.hard_negatives.npm import artefact, own
from tests.hard_negatives.routes import DEADLINE, ZERO, Step, approve, reserves, send, step, swap
from tests.hard_negatives.scenes import shape
from tests.hard_negatives.stage import Actor, Stage, require
from tests.hard_negatives.world import E18

_UNLIMITED = 2**256 - 1
_SALT = bytes(32)


def _safe_call(
    stage: Stage, safe: Address, to: Address, data: bytes, operation: int, signer: int | None, nonce: int = 0,
    refund: tuple[int, int] = (0, 0),
) -> str:  # fmt: skip
    """Call data of execTransaction; signed by development account `signer`, or approved by the owner's sending it."""
    safe_ = artefact("safe", "Safe")
    # With a refund a Safe gives its call only the gas that was asked for.
    arguments = (to, 0, data, operation, 3_000_000 if refund[1] else 0, refund[0], refund[1], ZERO, ZERO)
    if signer is None:
        owner = stage.chain.accounts[3]
        signatures = bytes.fromhex(owner[2:].rjust(64, "0") + "00" * 32 + "01")
    else:
        domain = {"chainId": 31337, "verifyingContract": safe}
        names = (
            "to",
            "value",
            "data",
            "operation",
            "safeTxGas",
            "baseGas",
            "gasPrice",
            "gasToken",
            "refundReceiver",
            "nonce",
        )
        kinds = (
            "address",
            "uint256",
            "bytes",
            "uint8",
            "uint256",
            "uint256",
            "uint256",
            "address",
            "address",
            "uint256",
        )
        message = dict(zip(names, (*arguments, nonce), strict=True))
        types = {"SafeTx": [{"name": n, "type": k} for n, k in zip(names, kinds, strict=True)]}
        signatures = bytes(anvil_account(signer).sign_typed_data(domain, types, message).signature)
    return safe_.call("execTransaction", *arguments, signatures)


def _many(steps: list[Step]) -> bytes:
    """Safe's MultiSend of calls."""
    packed = b"".join(
        b"\0" + bytes.fromhex(to[2:]) + value.to_bytes(32, "big") + len(data).to_bytes(32, "big") + data
        for to, value, data, _, _ in steps
    )
    return bytes.fromhex(artefact("safe", "MultiSend").call("multiSend", packed)[2:])


@shape("vault_use")
async def vault_use(stage: Stage) -> None:
    """Somebody deposits into a yield vault and leaves it again, the vault fetching his money from Aave."""
    world, user = stage.world, stage.user()
    vault_, vault = own("Vault"), world.yield_vault
    amount = world.units("USDC", stage.dollars(1e3, 3e6))
    await stage.fund("USDC", user, amount)
    world.approve("USDC", user, vault)
    await stage.act("vault_deposit", user, vault, vault_.call("deposit", amount, user))
    stage.chain.call(vault_, vault, "rebalance", world.units("USDC", 1e4))
    await stage.chain.later(86_400 * stage.rng.randint(1, 30))
    shares = await stage.chain.balance(vault, user)
    await stage.act("vault_withdraw", user, vault, vault_.call("redeem", shares, user, user))
    require(await stage.held("USDC", user) >= amount - 1, "the user has his money and interest")


@shape("vault_harvest")
async def vault_harvest(stage: Stage) -> None:
    """The keeper claims the vault's rewards and sells them for its asset; he is paid a part. Or he rebalances it."""
    world, vault = stage.world, own("Vault")
    await stage.chain.later(86_400 * stage.rng.randint(1, 25))
    path = [world.token[n] for n in ("FARM", "WETH", "USDC")]
    before = await stage.chain.read(vault, world.yield_vault, "totalAssets")
    data = vault.call("harvest", world.vault_staking, world.router["uni"], path)
    await stage.act("vault_harvest", world.deployer, world.yield_vault, data, name="harvest")
    require(await stage.chain.read(vault, world.yield_vault, "totalAssets") > before, "the vault earned")
    idle = world.units("USDC", stage.dollars(1e4, 5e5))
    await stage.act("vault_rebalance", world.deployer, world.yield_vault, vault.call("rebalance", idle))
    require(await stage.held("USDC", world.yield_vault) == idle, "that much lies idle")


@shape("staking_compound")
async def staking_compound(stage: Stage) -> None:
    """A farmer's bot claims, swaps half, adds liquidity and stakes it, all at once; at last it leaves."""
    world, actor = stage.world, stage.bot()
    pair, staking_, staking = world.pair["uni", "FARM", "WETH"], own("Staking"), world.staking
    router_, router = artefact("uniswap_v2", "UniswapV2Router02"), world.router["uni"]
    shares = await stage.chain.balance(pair, world.rich) // stage.rng.randint(10, 100)
    stage.chain.call(own("Token"), pair, "transfer", actor.me, shares, by=world.rich)
    begin = [step(own("Token"), pair, "approve", staking, _UNLIMITED), step(staking_, staking, "stake", shares)]
    await stage.run("staking", actor, begin, name="stake")
    await stage.chain.later(86_400 * stage.rng.randint(1, 20))
    farm, weth = world.token["FARM"], world.token["WETH"]
    await stage.fund("WETH", actor.me, world.units("WETH", 100))
    one = await stage.chain.read(staking_, staking, "balanceOf", actor.me)
    require(one == shares, "it is staked")
    half = world.units("FARM", stage.dollars(5, 50))
    compound = [
        step(staking_, staking, "claim"),
        *swap(world, ("v2", "uni"), "FARM", "WETH", actor.me, half),
        step(router_, router, "addLiquidity", farm, weth, half, world.units("WETH", 100), 0, 0, actor.me, DEADLINE),
        step(staking_, staking, "stake", 0, all_of=pair, word=0),
    ]
    await stage.run("staking", actor, compound, name="compound")
    require(await stage.chain.read(staking_, staking, "balanceOf", actor.me) > shares, "more is staked")
    await stage.run("staking", actor, [step(staking_, staking, "exit")], name="exit")
    require(await stage.chain.balance(pair, actor.me) > shares, "all is back")


@shape("rewards_distribution")
async def rewards_distribution(stage: Stage) -> None:
    """A distributor gives rewards to stakers and donates to pools: balances rise for nothing in return."""
    world, actor = stage.world, stage.bot()
    way = stage.rng.choice(["notify", "donate", "both"])
    amount = world.units("FARM", stage.dollars(1e3, 5e4))
    await stage.fund("FARM", world.deployer, amount)
    if way != "donate":
        data = own("Staking").call("notifyRewardAmount", amount, 7 * 86_400)
        await stage.act("rewards_distribution", world.deployer, world.staking, data, name="notify")
        require(await stage.held("FARM", world.staking) >= amount, "the stakers' contract has it")
    if way != "notify":
        token = stage.rng.choice(["FARM", "HOOK", "USDC"])
        pair_, pair = artefact("uniswap_v2_core", "UniswapV2Pair"), world.pair["uni", token, "WETH"]
        there, _ = await reserves(world, "uni", token, "WETH")
        given = int(there * stage.rng.uniform(0.001, 0.3))
        await stage.fund(token, actor.me, given)
        steps = [send(world, token, pair, given), step(pair_, pair, "sync")]
        await stage.run("rewards_distribution", actor, steps, name=f"donate {token}")
        require((await reserves(world, "uni", token, "WETH"))[0] == there + given, "the pool counts it")


@shape("airdrop")
async def airdrop(stage: Stage) -> None:
    """Up to two hundred are paid at once, in a token or in coin."""
    world, payer = stage.world, stage.user()
    count = stage.rng.randint(40, 200)
    to = [f"0x{stage.rng.getrandbits(160):040x}" for _ in range(count)]
    amounts = [stage.rng.randint(10**15, 10**18) for _ in range(count)]
    if stage.rng.random() < 0.3:
        data = own("Payer").call("payCoin", to, amounts)
        await stage.act("airdrop", payer, world.payer, data, name=f"{count} in coin", value=sum(amounts))
        require(await stage.chain.balance(COIN, to[-1]) == amounts[-1], "the last one was paid")
        return
    token = stage.rng.choice(["FARM", "DAI", "GOV"])
    if stage.rng.random() < 0.5:  # by a contract of the payer, itself
        actor = stage.bot()
        await stage.fund(token, actor.me, sum(amounts))
        steps = [send(world, token, a, n) for a, n in zip(to, amounts, strict=True)]
        await stage.run("airdrop", actor, steps, name=f"{count} in {token}")
    else:
        await stage.fund(token, payer, sum(amounts))
        world.approve(token, payer, world.payer)
        await stage.act("airdrop", payer, world.payer, own("Payer").call("pay", world.token[token], to, amounts),
                        name=f"{count} in {token}")  # fmt: skip
    require(await stage.held(token, to[-1]) == amounts[-1], "the last one was paid")


@shape("subscription_charge")
async def subscription_charge(stage: Stage) -> None:
    """A merchant's contract charges those who subscribed, by their allowance; they do nothing at that moment."""
    world, actor = stage.world, stage.bot()
    service_, service = own("Subscriptions"), world.subscriptions
    users = [stage.user() for _ in range(stage.rng.randint(1, 30))]
    prices = [world.units("USDC", stage.dollars(5, 2_000)) for _ in users]
    for user, price in zip(users, prices, strict=True):
        await stage.fund("USDC", user, 3 * price)
        world.approve("USDC", user, service)
        stage.do(user, step(service_, service, "subscribe", actor.me, price))
    before = await stage.held("USDC", actor.me)
    if stage.rng.random() < 0.5:
        name, charged = "fixed price", sum(prices)
        steps = [step(service_, service, "charge", actor.me, user) for user in users]
    else:
        name, used = "by use", [int(price * stage.rng.uniform(0.2, 1)) for price in prices]
        charged = sum(used)
        steps = [step(service_, service, "chargeUse", user, use) for user, use in zip(users, used, strict=True)]
    await stage.run("subscription_charge", actor, steps, name=f"{len(users)} subscribers, {name}")
    require(await stage.held("USDC", actor.me) - before == charged, "the merchant was paid")


@shape("exchange_sweep")
async def exchange_sweep(stage: Stage) -> None:
    """An exchange collects its deposit addresses into its hot wallet, by allowances these gave to its contract."""
    world, actor = stage.world, stage.bot()
    token = stage.rng.choice(["USDC", "DAI", "FARM"])
    deposits = [stage.user() for _ in range(stage.rng.randint(2, 30))]
    amounts = [world.units(token, stage.dollars(20, 5e4)) for _ in deposits]
    sweeper = stage.chain.create(own("Sweeper"), actor.me)
    itself = stage.rng.random() < 0.5
    for deposit, amount in zip(deposits, amounts, strict=True):
        await stage.fund(token, deposit, amount)
        world.approve(token, deposit, actor.me if itself else sweeper)
    at = world.token[token]
    if itself:
        steps = [
            step(own("Token"), at, "transferFrom", deposit, actor.sender, amount)
            for deposit, amount in zip(deposits, amounts, strict=True)
        ]
    else:
        steps = [step(own("Sweeper"), sweeper, "sweep", at, deposits, actor.sender)]
    before = await stage.held(token, actor.sender)
    name = f"{len(deposits)} in {token}, {'by itself' if itself else 'by a sweeper'}"
    await stage.run("exchange_sweep", actor, steps, name=name)
    require(await stage.held(token, actor.sender) - before == sum(amounts), "it is all in the hot wallet")


@shape("stream_withdraw")
async def stream_withdraw(stage: Stage) -> None:
    """Vested tokens are withdrawn; the recipient, a contract, is told and passes them on to its members."""
    world, member, other = stage.world, stage.user(), stage.user()
    amount = world.units("DAI", stage.dollars(1e3, 1e6))
    splitter = stage.chain.create(own("StreamSplitter"), member, other)
    stream = stage.chain.create(own("Stream"), world.token["DAI"], splitter, amount)
    await stage.fund("DAI", stream, amount)
    await stage.chain.later(stage.rng.randint(600, 3_600))
    wanted = amount // 8
    if stage.rng.random() < 0.5:
        await stage.act("stream_withdraw", member, stream, own("Stream").call("withdraw", wanted), name="by a member")
    else:
        actor = stage.bot()
        await stage.run("stream_withdraw", actor, [step(own("Stream"), stream, "withdraw", wanted)], name="by a bot")
    require(await stage.held("DAI", member) == wanted // 2, "the member was paid")


async def _through_timelock(stage: Stage, kind: str, target: Address, payload: str, name: str, by: Address | None = None
                            ) -> None:  # fmt: skip
    """Scheduled by the council, executed after the delay by whom it pleases."""
    world, council, timelock = stage.world, stage.chain.accounts[3], artefact("openzeppelin", "TimelockController")
    data = bytes.fromhex(payload[2:])
    schedule = timelock.call("schedule", target, 0, data, _SALT, _SALT, 60)
    await stage.act("timelock_schedule", council, world.timelock, schedule, name=name)
    await stage.chain.later(61)
    execute = timelock.call("execute", target, 0, data, _SALT, _SALT)
    await stage.act(kind, by or council, world.timelock, execute, name=name)


@shape("proxy_upgrade")
async def proxy_upgrade(stage: Stage) -> None:
    """The council upgrades a proxy through the timelock; the new code moves what the box holds to the treasury."""
    world = stage.world
    code, box = stage.chain.create(own("BoxV2")), own("BoxV2")
    migrate = stage.rng.random() < 0.6
    call = bytes.fromhex(box.call("migrate", world.treasury)[2:]) if migrate else b""
    payload = artefact("openzeppelin", "ProxyAdmin").call("upgradeAndCall", world.box, code, call)
    held = await stage.held("USDC", world.box)
    await _through_timelock(stage, "proxy_upgrade", world.proxy_admin, payload, "with migration" if migrate else "code")
    require(await stage.held("USDC", world.box) == (0 if migrate else held), "the box is as it should be")


@shape("role_change")
async def role_change(stage: Stage) -> None:
    """Roles and owners change in good order: granted by who may, handed over by the owner."""
    world, new = stage.world, stage.user()
    timelock, vault = artefact("openzeppelin", "TimelockController"), own("Vault")
    role = await stage.chain.read(timelock, world.timelock, "PROPOSER_ROLE")
    await stage.act("role_change", world.deployer, world.timelock, timelock.call("grantRole", role, new), name="grant")
    require(await stage.chain.read(timelock, world.timelock, "hasRole", role, new), "the role was granted")
    handed = vault.call("transferOwnership", world.safe)
    await stage.act("role_change", world.deployer, world.yield_vault, handed, name="hand over")
    require(await stage.chain.read(vault, world.yield_vault, "owner") == world.safe, "the Safe owns the vault")
    call = _safe_call(
        stage, world.safe, world.yield_vault, bytes.fromhex(vault.call("transferOwnership", new)[2:]), 0, None
    )
    await stage.act("role_change", stage.chain.accounts[3], world.safe, call, name="by a Safe")
    require(await stage.chain.read(vault, world.yield_vault, "owner") == new, "the new owner owns the vault")


@shape("treasury_handover")
async def treasury_handover(stage: Stage) -> None:
    """A contract is handed to a new owner as decided earlier, who empties it into his own care at once."""
    world, actor = stage.world, stage.bot()
    box, timelock = own("BoxV1"), artefact("openzeppelin", "TimelockController")
    payload = bytes.fromhex(box.call("transferOwnership", actor.me)[2:])
    schedule = timelock.call("schedule", world.box, 0, payload, _SALT, _SALT, 60)
    await stage.act("timelock_schedule", stage.chain.accounts[3], world.timelock, schedule, name="handover")
    await stage.chain.later(61)
    held = await stage.held("USDC", world.box)
    steps = [
        step(timelock, world.timelock, "execute", world.box, 0, payload, _SALT, _SALT),
        step(box, world.box, "sweep", actor.me),
    ]
    before = await stage.held("USDC", actor.me)
    await stage.run("treasury_handover", actor, steps)
    require(await stage.held("USDC", actor.me) - before == held > 0, "the new owner has it")


@shape("dao_execution")
async def dao_execution(stage: Stage) -> None:
    """A proposal is made, voted for and executed: a grant, paid in one or several tokens, executed by anybody."""
    world, actor = stage.world, stage.bot()
    dao_, voter, grantee = own("Dao"), world.rich, stage.user()
    receiver = stage.rng.choice([grantee, actor.me])
    gov = own("VotesToken")
    stage.chain.call(gov, world.token["GOV"], "delegate", voter, by=voter)
    await stage.chain.mine(2)
    names = stage.rng.sample(["USDC", "WETH", "DAI", "FARM"], stage.rng.randint(1, 3))
    grants = [world.units(n, stage.dollars(1e4, 1e6)) for n in names]
    targets = [world.token[n] for n in names]
    payloads = [bytes.fromhex(own("Token").call("transfer", receiver, g)[2:]) for g in grants]
    zeros, words = [0] * len(names), f"grant {stage.rng.random()}"
    proposal = await stage.chain.read(dao_, world.dao, "propose", targets, zeros, payloads, words, by=voter)
    await stage.act("dao_proposal", voter, world.dao, dao_.call("propose", targets, zeros, payloads, words))
    await stage.chain.mine(2)
    await stage.act("dao_vote", voter, world.dao, dao_.call("castVote", proposal, 1))
    await stage.chain.mine(6)
    before = await stage.held(names[0], receiver)
    arguments = (targets, zeros, payloads, keccak(words.encode()))
    if stage.rng.random() < 0.5:
        await stage.act("dao_execution", grantee, world.dao, dao_.call("execute", *arguments), name="by the grantee")
    else:
        await stage.run("dao_execution", actor, [step(dao_, world.dao, "execute", *arguments)], name="through a bot")
    require(await stage.held(names[0], receiver) - before == grants[0], "the grant was paid")


@shape("safe_batch")
async def safe_batch(stage: Stage) -> None:
    """A Safe does several things at once; sent by its owner, or signed by him and sent by a relayer for a refund."""
    world, owner = stage.world, stage.chain.accounts[3]
    size = world.units("USDC", stage.dollars(1e4, 5e5))
    pool = artefact("aave", "Pool")
    steps = [
        approve(world, "USDC", world.router["uni"]),
        *swap(world, ("v2", "uni"), "USDC", "WETH", world.safe, size),
        approve(world, "USDC", world.aave),
        step(pool, world.aave, "supply", world.token["USDC"], size, world.safe, 0),
        step(pool, world.aave, "borrow", world.token["DAI"], world.units("DAI", 1_000), 2, 0, world.safe),
        send(world, "DAI", world.treasury, world.units("DAI", 1_000)),
    ]
    chosen = steps[: stage.rng.choice([2, 4, 6])]
    before = await stage.held("WETH", world.safe)
    if stage.rng.random() < 0.5:
        call = _safe_call(stage, world.safe, world.multisend, _many(chosen), 1, None)
        await stage.act("safe_batch", owner, world.safe, call, name=f"{len(chosen)} calls")
    else:
        relayer = stage.user()
        stage.chain.enqueue(world.rich, world.safe, "0x", 10 * E18)
        nonce = await stage.chain.read(artefact("safe", "Safe"), world.safe, "nonce")
        call = _safe_call(stage, world.safe, world.multisend, _many(chosen), 1, 3, nonce, (60_000, 10**9))
        await stage.act("safe_batch", relayer, world.safe, call, name=f"{len(chosen)} calls, relayed")
    require(await stage.held("WETH", world.safe) > before, "the Safe bought")


@shape("counterfactual_account")
async def counterfactual_account(stage: Stage) -> None:
    """An account is made where its money was waiting, and spends it, in one transaction of a relayer's bot."""
    world, actor, friend = stage.world, stage.bot(), stage.user()
    factory = artefact("safe", "SafeProxyFactory")
    setup = bytes.fromhex(
        artefact("safe", "Safe").call("setup", [stage.chain.accounts[3]], 1, ZERO, b"", ZERO, ZERO, 0, ZERO)[2:]
    )
    singleton = stage.chain.create(artefact("safe", "Safe"))
    factory_at = stage.chain.create(factory)
    salt = stage.rng.getrandbits(64)
    account = await stage.chain.read(factory, factory_at, "createProxyWithNonce", singleton, setup, salt)
    amount = world.units("USDC", stage.dollars(100, 1e5))
    await stage.fund("USDC", account, amount)
    fee = amount // 100
    spend = _many([send(world, "USDC", friend, amount - fee), send(world, "USDC", actor.me, fee)])
    call = bytes.fromhex(_safe_call(stage, account, world.multisend, spend, 1, 3)[2:])
    steps = [
        step(factory, factory_at, "createProxyWithNonce", singleton, setup, salt),
        (account, 0, call, ZERO, 0),
    ]
    await stage.run("counterfactual_account", actor, steps)
    require(await stage.held("USDC", friend) == amount - fee, "the friend was paid")


@shape("delegated_account")
async def delegated_account(stage: Stage) -> None:
    """An account that delegates to code (EIP-7702) calls itself: allowance, swap and deposit in one."""
    world, user = stage.world, stage.user()
    index = stage.chain.accounts.index(user)
    key = anvil_account(index)
    nonce = await stage.chain.transaction_count(user)
    signed = Account.sign_authorization(
        {"chainId": 31337, "address": to_checksum_address(world.bots[0][1]), "nonce": nonce + 1}, key.key
    )
    await stage.chain.delegate(user, key, signed)
    sold, bought = stage.rng.choice([("USDC", "WETH"), ("WETH", "USDC"), ("DAI", "WETH")])
    amount = world.units(sold, stage.dollars(1e3, 3e5))
    await stage.fund(sold, user, amount)
    pool, token = artefact("aave", "Pool"), world.token[bought]
    steps = [
        *swap(world, ("v2", "uni"), sold, bought, user, fresh=True),
        approve(world, bought, world.aave),
        step(pool, world.aave, "supply", token, 0, user, 0, all_of=token, word=1),
    ]
    actor = Actor("account", user, user, fresh=True)
    await stage.run("delegated_account", actor, steps, name=f"{sold} to {bought}")
    require(await stage.chain.balance(world.atoken[bought], user) > 0, "it was deposited")


@shape("liquidity_migration")
async def liquidity_migration(stage: Stage) -> None:
    """Liquidity moves from Uniswap v2 to v3 by Uniswap's migrator, or from one v2 exchange to the other by a bot."""
    world = stage.world
    a, b = stage.rng.choice([("WETH", "USDC"), ("WETH", "DAI"), ("WBTC", "WETH")])
    pair = world.pair["uni", a, b]
    shares = int(await stage.chain.balance(pair, world.rich) * stage.rng.uniform(0.002, 0.3))
    one, two = world.ordered(a, b)
    if stage.rng.random() < 0.6:
        user = stage.user()
        stage.chain.call(own("Token"), pair, "transfer", user, shares, by=world.rich)
        stage.chain.call(own("Token"), pair, "approve", world.v3_migrator, _UNLIMITED, by=user)
        fee, migrator = 3000, artefact("uniswap_v3", "V3Migrator")
        order = (
            pair,
            shares,
            stage.rng.randint(50, 100),
            world.token[one],
            world.token[two],
            fee,
            -887220,
            887220,
            0,
            0,
            user,
            DEADLINE,
            False,
        )
        await stage.act(
            "liquidity_migration", user, world.v3_migrator, migrator.call("migrate", order), name=f"v3 {a}/{b}"
        )
        positions = artefact("uniswap_v3", "NonfungiblePositionManager")
        require(await stage.chain.read(positions, world.v3_positions, "balanceOf", user) == 1, "there is a v3 position")
        return
    actor, router = stage.bot(), artefact("uniswap_v2", "UniswapV2Router02")
    stage.chain.call(own("Token"), pair, "transfer", actor.me, shares, by=world.rich)
    shares = min(shares, await stage.chain.balance(pair, actor.me))
    supply = await stage.chain.read(own("Token"), pair, "totalSupply")
    in_a, in_b = (reserve * shares // supply for reserve in await reserves(world, "uni", a, b))
    new = world.pair["sushi", a, b]
    steps = [
        step(own("Token"), pair, "approve", world.router["uni"], _UNLIMITED),
        step(
            router,
            world.router["uni"],
            "removeLiquidity",
            world.token[a],
            world.token[b],
            shares,
            0,
            0,
            actor.me,
            DEADLINE,
        ),
        step(
            router,
            world.router["sushi"],
            "addLiquidity",
            world.token[a],
            world.token[b],
            in_a,
            in_b,
            0,
            0,
            actor.me,
            DEADLINE,
        ),
    ]
    await stage.run("liquidity_migration", actor, steps, name=f"v2 {a}/{b}")
    require(await stage.chain.balance(new, actor.me) > 0, "there is liquidity at the other exchange")


@shape("token_launch")
async def token_launch(stage: Stage) -> None:
    """A token, its pool and first liquidity are made, and a first purchase, in one transaction."""
    world, actor = stage.world, stage.bot()
    factory = artefact("uniswap_v2_core", "UniswapV2Factory")
    router_, router = artefact("uniswap_v2", "UniswapV2Router02"), world.router["sushi"]
    token = stage.chain.create(own("VotesToken"))
    supply = 10**26
    stage.chain.call(own("Token"), token, "transfer", actor.me, supply)
    coin = world.units("WETH", stage.dollars(1e4, 2e5))
    await stage.fund("WETH", actor.me, 2 * coin)
    weth = world.token["WETH"]
    steps = [
        step(own("Token"), token, "approve", router, _UNLIMITED),
        step(factory, world.factory["sushi"], "createPair", token, weth),
        step(router_, router, "addLiquidity", token, weth, supply, coin, 0, 0, actor.me, DEADLINE),
    ]
    for _ in range(stage.rng.randint(1, 6)):
        buyer, part = stage.user(), int(coin * stage.rng.uniform(0.01, 0.15))
        steps.append(step(router_, router, "swapExactTokensForTokens", part, 0, [weth, token], buyer, DEADLINE))
    await stage.run("token_launch", actor, steps)
    require(await stage.chain.balance(token, buyer) > 0, "the last buyer got some")


@shape("hook_token")
async def hook_token(stage: Stage) -> None:
    """A token that tells its recipient is bought; the bot, told while the pool is still at it, sells it elsewhere."""
    world, actor = stage.world, stage.bot()
    await stage.move_v2("uni", "HOOK", "WETH", 1 - stage.rng.uniform(0.05, 0.3))
    register = (world.token["HOOK"], 0, bytes.fromhex(own("HookToken").call("register", True)[2:]), ZERO, 0)
    stage.chain.call(own("Bot"), actor.me, "execute", [register], by=actor.sender)
    told = swap(world, ("v2", "sushi"), "HOOK", "WETH", actor.me)
    stage.chain.call(own("Bot"), actor.me, "whenTold", told, by=actor.sender)
    size = world.units("WETH", stage.dollars(500, 5e3))
    await stage.fund("WETH", actor.me, size)
    before = await stage.held("WETH", actor.me)
    buy = swap(world, ("v2", "uni"), "WETH", "HOOK", actor.me, size)
    await stage.run("hook_token", actor, buy, name="sold when told")
    require(await stage.held("WETH", actor.me) > before, "it earned")


@shape("coin_refund")
async def coin_refund(stage: Stage) -> None:
    """A bot buys an exact amount with coin and gets back what was too much, then unwraps and pays its owner."""
    world, actor = stage.world, stage.bot()
    token = stage.rng.choice(["USDC", "DAI", "FARM"])
    router_, router = artefact("uniswap_v2", "UniswapV2Router02"), world.router["uni"]
    want = world.units(token, stage.dollars(100, 2e4))
    coin = world.units("WETH", 3e4)
    stage.chain.enqueue(world.rich, actor.me, "0x", coin)
    weth = artefact("uniswap_v2", "WETH9")
    path = [world.token["WETH"], world.token[token]]
    part = world.units("WETH", 500)
    await stage.fund("WETH", actor.me, part)
    steps: list[Step] = [
        step(router_, router, "swapETHForExactTokens", want, path, actor.me, DEADLINE, value=coin),
        step(weth, world.token["WETH"], "withdraw", part),
        (actor.sender, part, b"", ZERO, 0),
    ]
    await stage.run("coin_refund", actor, steps, name=token)
    require(await stage.held(token, actor.me) >= want, "the bot bought")


@shape("balancer_liquidity")
async def balancer_liquidity(stage: Stage) -> None:
    """Joined with several tokens, left into one: what a pool takes and gives differs."""
    world, user = stage.world, stage.user()
    names = stage.rng.choice(list(world.balancer_pool))
    pool_id = world.balancer_pool[names]
    pool, vault = pool_id[:42], artefact("balancer", "Vault")
    ordered = world.ordered(*names)
    tokens = [world.token[n] for n in ordered]
    amounts = [world.units(n, stage.dollars(1e3, 3e5)) for n in ordered]
    for name, amount in zip(ordered, amounts, strict=True):
        await stage.fund(name, user, amount)
        world.approve(name, user, world.vault)
    given = encode(["uint256", "uint256[]", "uint256"], [1, amounts, 0])
    join = vault.call("joinPool", bytes.fromhex(pool_id[2:]), user, user, (tokens, amounts, given, False))
    await stage.act("balancer_liquidity", user, world.vault, join, name="join")
    shares = await stage.chain.balance(pool, user)
    require(shares > 0, "there are shares")
    one = stage.rng.randrange(len(tokens))
    asked = encode(["uint256", "uint256", "uint256"], [0, shares // 2, one])
    leave = vault.call("exitPool", bytes.fromhex(pool_id[2:]), user, user, (tokens, [0] * len(tokens), asked, False))
    await stage.act("balancer_liquidity", user, world.vault, leave, name=f"exit into {ordered[one]}")
    require(await stage.held(ordered[one], user) > 0, "it left into one token")


@shape("pool_bootstrap")
async def pool_bootstrap(stage: Stage) -> None:
    """A pool of v3 is made, given liquidity, and brought to its price by trading it there and back."""
    world, actor = stage.world, stage.bot()
    positions, at = artefact("uniswap_v3", "NonfungiblePositionManager"), world.v3_positions
    one, two = world.ordered("FARM", "DAI")
    dollars, fee = stage.dollars(1e4, 1e5), 10_000
    root = isqrt((world.units(two, 1e9) << 192) // world.units(one, 1e9))
    for name in (one, two):
        await stage.fund(name, actor.me, world.units(name, 3 * dollars))
    order = (
        world.token[one],
        world.token[two],
        fee,
        -887200,
        887200,
        world.units(one, dollars),
        world.units(two, dollars),
        0,
        0,
        actor.me,
        DEADLINE,
    )
    size = stage.rng.uniform(0.01, 0.2)
    steps = [
        step(positions, at, "createAndInitializePoolIfNecessary", world.token[one], world.token[two], fee, root),
        step(positions, at, "mint", order),
        *swap(world, ("v3", fee), "FARM", "DAI", actor.me, world.units("FARM", dollars * size)),
        *swap(world, ("v3", fee), "DAI", "FARM", actor.me, world.units("DAI", dollars * size)),
    ]
    await stage.run("pool_bootstrap", actor, steps)
    require(await stage.chain.read(positions, at, "balanceOf", actor.me) > 0, "there is a position")


@shape("user_operations")
async def user_operations(stage: Stage) -> None:
    """A bundler carries out what the owners of ERC-4337 accounts signed, and the EntryPoint refunds him."""
    world, bundler = stage.world, stage.user()
    entry_, account_, factory_ = (
        artefact("erc4337", n) for n in ("EntryPoint", "SimpleAccount", "SimpleAccountFactory")
    )
    entry = stage.chain.create(entry_)
    factory = stage.chain.create(factory_, entry)
    operations = []
    for _ in range(stage.rng.randint(1, 5)):
        owner = stage.user()
        new = stage.rng.random() < 0.4
        account = await stage.chain.read(factory_, factory, "getAddress", owner, 7)
        if not new:
            stage.chain.call(factory_, factory, "createAccount", owner, 7)
        made = bytes.fromhex(factory[2:] + factory_.call("createAccount", owner, 7)[2:]) if new else b""
        stage.chain.call(entry_, entry, "depositTo", account, by=owner, value=E18)
        sold, bought = stage.rng.choice([("USDC", "WETH"), ("DAI", "USDC"), ("WETH", "DAI")])
        amount = world.units(sold, stage.dollars(100, 1e5))
        await stage.fund(sold, account, amount)
        steps = swap(world, ("v2", "uni"), sold, bought, account, amount, fresh=True)
        batch = account_.call("executeBatch", [s[0] for s in steps], [], [s[2] for s in steps])
        packed = [
            account,
            0,
            made,
            bytes.fromhex(batch[2:]),
            _two(2_000_000, 2_000_000),
            60_000,
            _two(10**9, 10**11),
            b"",
            b"",
        ]
        hash_ = await stage.chain.read(entry_, entry, "getUserOpHash", tuple(packed))
        key = anvil_account(stage.chain.accounts.index(owner))
        packed[-1] = bytes(key.sign_message(encode_defunct(hash_)).signature)
        operations.append((account, bought, tuple(packed)))
    data = entry_.call("handleOps", [operation for _, _, operation in operations], bundler)
    await stage.act("user_operations", bundler, entry, data, name=f"{len(operations)} operations")
    for account, bought, _ in operations:
        require(await stage.held(bought, account) > 0, "the account bought")


def _two(high: int, low: int) -> bytes:
    return high.to_bytes(16, "big") + low.to_bytes(16, "big")


@shape("strategy_migration")
async def strategy_migration(stage: Stage) -> None:
    """A vault's manager makes a new strategy and moves all the vault's money to it, in one transaction."""
    world, actor = stage.world, stage.bot()
    vault_, factory_, strategy_ = own("StrategyVault"), own("StrategyFactory"), own("Strategy")
    vault = stage.chain.create(vault_, world.token["USDC"], actor.me)
    factory = stage.chain.create(factory_)
    old = stage.chain.create(strategy_, vault, world.token["USDC"], world.aave)
    await stage.fund("USDC", vault, world.units("USDC", stage.dollars(1e4, 3e6)))
    stage.chain.call(own("Bot"), actor.me, "execute", [step(vault_, vault, "migrate", old)], by=actor.sender)
    arguments = (vault, world.token["USDC"], world.aave)
    new = create_address(factory, 1)
    steps = [step(factory_, factory, "make", *arguments), step(vault_, vault, "migrate", new)]
    if stage.rng.random() < 0.3:  # made earlier
        stage.chain.call(factory_, factory, "make", *arguments)
        steps = steps[1:]
    await stage.run("strategy_migration", actor, steps, name="made now" if len(steps) == 2 else "made before")
    require(await stage.chain.balance(world.atoken["USDC"], new) > 0, "the new strategy works")


@shape("hook_compound")
async def hook_compound(stage: Stage) -> None:
    """Rewards in a token that tells its recipient: being told while it claims, the bot makes liquidity of them and
    stakes that where it is still claiming."""
    world, actor = stage.world, stage.bot()
    pair, staking_, hook = world.pair["uni", "HOOK", "WETH"], own("Staking"), world.token["HOOK"]
    staking = stage.chain.create(staking_, pair, hook)
    rewards = world.units("HOOK", stage.dollars(1e3, 5e4))
    await stage.fund("HOOK", world.deployer, rewards)
    world.approve("HOOK", world.deployer, staking)
    shares = await stage.chain.balance(pair, world.rich) // stage.rng.randint(10, 100)
    stage.chain.call(own("Token"), pair, "transfer", actor.me, shares, by=world.rich)
    router_, router = artefact("uniswap_v2", "UniswapV2Router02"), world.router["uni"]
    begin = [
        step(own("Token"), pair, "approve", staking, _UNLIMITED),
        step(staking_, staking, "stake", shares),
        step(own("HookToken"), hook, "register", True),
    ]
    stage.chain.call(own("Bot"), actor.me, "execute", begin, by=actor.sender)
    stage.chain.call(staking_, staking, "notifyRewardAmount", rewards, 7 * 86_400)
    await stage.fund("WETH", actor.me, world.units("WETH", 1e5))
    told = [
        step(
            router_,
            router,
            "addLiquidity",
            hook,
            world.token["WETH"],
            0,
            world.units("WETH", 1e5),
            0,
            0,
            actor.me,
            DEADLINE,
            all_of=hook,
            word=2,
        ),
        step(staking_, staking, "stake", 0, all_of=pair, word=0),
    ]
    stage.chain.call(own("Bot"), actor.me, "whenTold", told, by=actor.sender)
    await stage.chain.later(86_400 * stage.rng.randint(1, 6))
    await stage.run("hook_compound", actor, [step(staking_, staking, "claim")])
    require(await stage.chain.read(staking_, staking, "balanceOf", actor.me) > shares, "more is staked")


@shape("late_initialise")
async def late_initialise(stage: Stage) -> None:
    """A clone made and funded earlier is initialised by its makers at last; sometimes they then pay out of it."""
    world, actor, payee = stage.world, stage.bot(), stage.user()
    box, code = own("BoxV1"), stage.chain.create(own("BoxV1"))
    clone = f"0x3d602d80600a3d3981f3363d3d373d3d3d363d73{code[2:]}5af43d82803e903d91602b57fd5bf3"  # EIP-1167
    proxy = stage.chain.create(Artefact("Clone", [], clone), by=actor.sender)
    amount = world.units("USDC", stage.dollars(1e3, 1e5))
    await stage.fund("USDC", proxy, amount)
    steps = [step(box, proxy, "initialize", world.token["USDC"], 30), step(box, proxy, "setFee", 25)]
    way = stage.rng.choice(["only", "pays others", "pays its makers"])
    to = payee if way == "pays others" else actor.sender
    steps += [] if way == "only" else [step(box, proxy, "sweep", to)]
    await stage.run("late_initialise", actor, steps, name=way)
    require(await stage.held("USDC", proxy) == (amount if way == "only" else 0), "the box is as it should be")
