"""Each protocol's events, with values: what the log says is what the Event says."""

from typing import Any

import msgspec
import pytest

from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    Borrow,
    Deposit,
    Event,
    FlashLoan,
    Liquidation,
    PauseChange,
    PriceUpdate,
    Repay,
    ReservesUpdate,
    RewardClaim,
    RoleChange,
    Swap,
    Transfer,
    Upgrade,
    VotingPower,
    Withdraw,
)
from tests.builders import execution, transaction
from tests.decode.making import HERE, POOL_ID, ROLE, A, B, C, D, expected, make_log, said

CASES: list[tuple[str, str, tuple[Any, ...], type[Event], dict[str, Any]]] = [
    ("erc20", "Transfer", (A, B, 5), Transfer, {"token": HERE, "sender": A, "recipient": B, "amount": 5}),
    ("erc4626", "Deposit", (A, B, 5, 6), Deposit, {"account": B, "token": None, "amount": 5, "shares": 6}),
    ("erc4626", "Withdraw", (A, B, C, 5, 6), Withdraw, {"account": C, "token": None, "amount": 5, "shares": 6}),
    ("uniswap_v2", "Swap", (A, 10, 0, 0, 9, B), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9}),
    ("uniswap_v2", "Sync", (10, 20), ReservesUpdate, {"pool": HERE, "reserve0": 10, "reserve1": 20}),
    ("uniswap_v3", "Swap", (A, B, 10, -9, 1 << 96, 77, -5), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9, "sqrt_price_x96": 1 << 96}),
    ("uniswap_v4", "Swap", (bytes.fromhex(POOL_ID[2:]), A, -10, 9, 1 << 96, 77, -5, 3000), Swap,
     {"pool": "0x" + "0d" * 20, "sender": A, "recipient": A, "amount0": 10, "amount1": -9,
      "sqrt_price_x96": 1 << 96}),
    ("uniswap_v3", "Flash", (A, B, 10, 0, 1, 0), FlashLoan,
     {"lender": HERE, "borrower": B, "token": None, "amount": 10, "fee": 1}),
    ("aave_v3", "Supply", (A, B, C, 5, 0), Deposit, {"account": C, "token": A, "amount": 5}),
    ("aave_v3", "Withdraw", (A, B, C, 5), Withdraw, {"account": B, "token": A, "amount": 5}),
    ("aave_v3", "Borrow", (A, B, C, 5, 2, 3, 0), Borrow, {"account": C, "token": A, "amount": 5}),
    ("aave_v3", "Repay", (A, B, C, 5, False), Repay, {"account": B, "payer": C, "token": A, "amount": 5}),
    ("aave_v3", "LiquidationCall", (A, B, C, 5, 6, D, True), Liquidation,
     {"account": C, "liquidator": D, "debt_token": B, "collateral_token": A, "repaid": 5, "seized": 6}),
    ("aave_v3", "FlashLoan", (A, B, C, 100, 0, 5, 0), FlashLoan,
     {"lender": HERE, "borrower": A, "token": C, "amount": 100, "fee": 5}),
    ("aave_v2", "Deposit", (A, B, C, 5, 0), Deposit, {"account": C, "token": A, "amount": 5}),
    ("aave_v2", "Borrow", (A, B, C, 5, 2, 3, 0), Borrow, {"account": C, "token": A, "amount": 5}),
    ("aave_v2", "Repay", (A, B, C, 5), Repay, {"account": B, "payer": C, "token": A, "amount": 5}),
    ("aave_v2", "FlashLoan", (A, B, C, 100, 5, 0), FlashLoan,
     {"lender": HERE, "borrower": A, "token": C, "amount": 100, "fee": 5}),
    ("aave_v1", "FlashLoan", (A, B, 100, 5, 1, 99), FlashLoan,
     {"lender": HERE, "borrower": A, "token": B, "amount": 100, "fee": 5}),
    ("balancer_v2", "Swap", (bytes.fromhex(POOL_ID[2:]), B, A, 10, 9), Swap,
     {"pool": "0x" + "0d" * 20, "sender": HERE, "recipient": HERE, "amount0": -9, "amount1": 10,
      "token0": A, "token1": B, "pair": A + B}),
    ("balancer_v2", "FlashLoan", (A, B, 100, 5), FlashLoan,
     {"lender": HERE, "borrower": A, "token": B, "amount": 100, "fee": 5}),
    ("compound_v2", "Mint", (A, 5, 6), Deposit, {"account": A, "token": None, "amount": 5, "shares": 6}),
    ("compound_v2", "Redeem", (A, 5, 6), Withdraw, {"account": A, "token": None, "amount": 5, "shares": 6}),
    ("compound_v2", "Borrow", (A, 5, 6, 7), Borrow, {"account": A, "token": None, "amount": 5}),
    ("compound_v2", "RepayBorrow", (A, B, 5, 6, 7), Repay, {"account": B, "payer": A, "token": None, "amount": 5}),
    ("compound_v2", "LiquidateBorrow", (A, B, 5, C, 6), Liquidation,
     {"account": B, "liquidator": A, "debt_token": None, "collateral_token": C, "repaid": 5, "seized": 6}),
    ("chainlink", "AnswerUpdated", (-3, 8, 99), PriceUpdate, {"feed": HERE, "answer": -3, "updated_at": 99}),
    ("openzeppelin", "RoleGranted", (b"\xab" * 32, A, B), RoleChange,
     {"role": ROLE, "account": A, "granted": True, "actor": B}),
    ("openzeppelin", "RoleRevoked", (b"\xab" * 32, A, B), RoleChange,
     {"role": ROLE, "account": A, "granted": False, "actor": B}),
    ("openzeppelin", "Upgraded", (A,), Upgrade, {"implementation": A, "what": "implementation"}),
    ("openzeppelin", "BeaconUpgraded", (A,), Upgrade, {"implementation": A, "what": "beacon"}),
    ("openzeppelin", "AdminChanged", (A, B), Upgrade, {"implementation": B, "what": "admin"}),
    ("openzeppelin", "Paused", (A,), PauseChange, {"paused": True, "actor": A}),
    ("openzeppelin", "Unpaused", (A,), PauseChange, {"paused": False, "actor": A}),
    ("chainwatch", "Deposit", (A, 5, 6), Deposit, {"account": A, "token": None, "amount": 5}),
    ("chainwatch", "Withdraw", (A, 5, 6), Withdraw, {"account": A, "token": None, "amount": 5}),
    ("chainwatch", "CollateralDeposited", (A, 5), Deposit, {"account": A, "token": None, "amount": 5}),
    ("chainwatch", "CollateralWithdrawn", (A, 5), Withdraw, {"account": A, "token": None, "amount": 5}),
    ("chainwatch", "Borrow", (A, 5, 6), Borrow, {"account": A, "token": None, "amount": 5, "collateral_price": 6}),
    ("chainwatch", "Repay", (A, B, 5), Repay, {"account": B, "payer": A, "token": None, "amount": 5}),
    ("chainwatch", "Liquidation", (A, B, 5, 6, 7), Liquidation,
     {"account": B, "liquidator": A, "debt_token": None, "collateral_token": None, "repaid": 5, "seized": 6}),
    ("openzeppelin", "DelegateVotesChanged", (A, 5, 8), VotingPower, {"account": A, "before": 5, "after": 8}),
    ("solidly", "ClaimRewards", (A, B, 5), RewardClaim, {"account": A, "token": B, "amount": 5}),
    ("solidly", "ClaimRewards", (A, 5), RewardClaim, {"account": A, "token": None, "amount": 5}),
    ("convex", "RewardPaid", (A, 5), RewardClaim, {"account": A, "token": None, "amount": 5}),
    ("convex", "RewardPaid", (A, B, 5), RewardClaim, {"account": A, "token": B, "amount": 5}),
    ("aave_v3", "RewardsClaimed", (A, B, C, D, 5), RewardClaim, {"account": A, "token": B, "amount": 5}),
    ("compound_v3", "RewardClaimed", (A, B, C, 5), RewardClaim, {"account": A, "token": C, "amount": 5}),
    ("aave_governance", "RewardsClaimed", (A, B, 5), RewardClaim, {"account": A, "token": None, "amount": 5}),
    ("aave_governance", "RewardsClaimed", (A, B, C, 5), RewardClaim, {"account": A, "token": None, "amount": 5}),
    ("sushiswap", "Harvest", (A, 3, 5), RewardClaim, {"account": A, "token": None, "amount": 5}),
    ("pancakeswap", "Harvest", (A, B, 3, 4, 5), RewardClaim, {"account": A, "token": None, "amount": 5}),
    ("curve", "Claimed", (A, 5, 6, 7), RewardClaim, {"account": A, "token": None, "amount": 5}),
    ("pendle", "Claimed", (A, 5), RewardClaim, {"account": A, "token": None, "amount": 5}),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "name", "values", "kind", "fields"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_an_event_says_what_its_log_says(registry, protocol, name, values, kind, fields):
    assert said(registry, protocol, name, *values) == [expected(kind, protocol, **fields)]


def test_a_change_of_owner_takes_from_one_and_gives_to_the_other(registry):
    events = said(registry, "openzeppelin", "OwnershipTransferred", A, B)
    assert [(e.account, e.granted, e.role, e.order) for e in events] == [(A, False, "owner", 0), (B, True, "owner", 1)]
    assert len(said(registry, "openzeppelin", "OwnershipTransferred", ZERO_ADDRESS, B)) == 1


def test_a_flash_of_two_tokens_is_two_loans(registry):
    events = said(registry, "uniswap_v3", "Flash", A, B, 10, 20, 1, 2)
    assert [(e.amount, e.fee) for e in events] == [(10, 1), (20, 2)]


def test_dydx_lends_when_a_call_follows_a_withdrawal_by_the_same_account(registry, decoder):
    specs = {k.spec.name: k.spec for k in registry.known if k.spec.protocol == "dydx"}
    update = ((False, 100), (False, 1))
    logs = [
        make_log(specs["LogWithdraw"], A, 0, 3, update, A, log_index=1),
        make_log(specs["LogCall"], A, 0, B, log_index=2),
        make_log(specs["LogDeposit"], A, 0, 3, ((True, 102), (True, 1)), A, log_index=3),
    ]
    kinds = [type(e) for e in decoder.facts(execution(logs=logs)).events]
    assert kinds == [Withdraw, FlashLoan, Deposit]
    alone = decoder.facts(execution(logs=logs[1:]))
    assert [type(e) for e in alone.events] == [Deposit]


class TestWrappedCoin:
    """WETH9's Deposit is also the event of staking contracts: only a wrapper makes a token."""

    def deposit(self, registry, **kwargs):
        spec = next(k.spec for k in registry.known if (k.spec.protocol, k.spec.name) == ("weth", "Deposit"))
        return make_log(spec, A, 5, **kwargs)

    def test_with_as_much_coin_sent_it_is_a_mint(self, registry, decoder):
        sent = execution(logs=[self.deposit(registry)], transaction=transaction(from_=A, to=HERE, value="0x5"))
        native, mint = decoder.facts(sent).events
        assert (native.token, native.amount, native.protocol) == (NATIVE, 5, "native")
        assert (mint.token, mint.sender, mint.recipient, mint.amount) == (HERE, ZERO_ADDRESS, A, 5)

    def test_without_it_is_somebodys_deposit(self, registry, decoder):
        (event,) = decoder.facts(execution(logs=[self.deposit(registry)])).events
        assert isinstance(event, Deposit)
        assert (event.account, event.amount, event.order) == (A, 5, 0)

    def test_a_token_that_moves_in_the_same_transaction_is_a_wrapper(self, registry, decoder):
        transfer = next(k.spec for k in registry.known if (k.spec.protocol, k.spec.name) == ("erc20", "Transfer"))
        logs = [self.deposit(registry, log_index=0), make_log(transfer, A, B, 5, log_index=1)]
        assert [type(e) for e in decoder.facts(execution(logs=logs)).events] == [Transfer, Transfer]

    def test_a_fork_that_writes_the_transfer_too_is_not_counted_twice(self, registry, decoder):
        transfer = next(k.spec for k in registry.known if (k.spec.protocol, k.spec.name) == ("erc20", "Transfer"))
        logs = [make_log(transfer, ZERO_ADDRESS, A, 5, log_index=0), self.deposit(registry, log_index=1)]
        sent = execution(logs=logs, transaction=transaction(from_=A, to=HERE, value="0x5"))
        mints = [e for e in decoder.facts(sent).events if isinstance(e, Transfer) and e.token == HERE]
        assert len(mints) == 1


def test_a_malformed_log_is_counted_kept_raw_and_in_nobodys_way(registry, decoder):
    spec = next(k.spec for k in registry.known if (k.spec.protocol, k.spec.name) == ("erc20", "Transfer"))
    good = make_log(spec, A, B, 5, log_index=3)
    bad = [
        msgspec.structs.replace(good, data="0x"),
        msgspec.structs.replace(good, data=good.data + "00"),
        msgspec.structs.replace(good, data="0x" + "zz" * 32),
        msgspec.structs.replace(good, data=" " + good.data[1:]),
        msgspec.structs.replace(good, topics=[good.topics[0], good.topics[1], "0x12"]),
        msgspec.structs.replace(good, topics=[good.topics[0], good.topics[1], "0x" + "11" * 32]),
        msgspec.structs.replace(good, log_index="many"),
    ]
    found = decoder.facts(execution(logs=[*bad, good]))
    assert len(found.malformed) == len(bad)
    assert [msgspec.json.decode(m.raw, type=type(good)) for m in found.malformed] == bad
    assert [e.amount for e in found.events] == [5]
    assert all(m.reason for m in found.malformed)


def test_logs_that_nobody_knows_are_counted(decoder):
    strange = make_log_raw("0x" + "12" * 32)
    assert decoder.facts(execution(logs=[strange, strange])).unknown_logs == 2


def make_log_raw(topic0: str):
    from chainwatch.types import Log

    return Log(address=HERE, topics=[topic0], data="0x")
