"""The events of exchanges, aggregators, staking and wallets, with values: what the log says is what the Event says."""

from typing import Any

import pytest

from chainwatch.decode import Decoder, Registry, load_registry
from chainwatch.types import (
    ALL_ITEMS,
    NATIVE,
    ZERO_ADDRESS,
    Approval,
    Deposit,
    Event,
    FlashLoan,
    IndexUpdate,
    InstrumentUpdate,
    Liquidation,
    LiquidityChange,
    NftTransfer,
    OrderCancelled,
    ParameterChange,
    PauseChange,
    Proposal,
    Repay,
    ReservesUpdate,
    RoleChange,
    Swap,
    Trade,
    Upgrade,
    Vote,
    Withdraw,
)
from tests.builders import execution
from tests.decode.making import HERE, POOL_ID, A, B, C, D, expected, make_log

POOL = bytes.fromhex(POOL_ID[2:])
POOL_ADDRESS = "0x" + "0d" * 20
X = b"\xab" * 32
Q96 = 1 << 96


def packed(x: int, y: int) -> bytes:
    """Amounts as the Liquidity Book packs them."""
    return (y << 128 | x).to_bytes(32, "big")


Case = tuple[str, str, tuple[Any, ...], type[Event], dict[str, Any]]

STANDARDS: list[Case] = [
    ("erc1155", "TransferSingle", (A, B, C, 5, 6), NftTransfer,
     {"token": HERE, "token_id": 5, "sender": B, "recipient": C, "amount": 6}),
    ("erc1155", "ApprovalForAll", (A, B, True), Approval,
     {"token": HERE, "owner": A, "spender": B, "amount": ALL_ITEMS}),
    ("erc777", "AuthorizedOperator", (A, B), Approval,
     {"token": HERE, "owner": B, "spender": A, "amount": 2**256 - 1}),
    ("erc777", "RevokedOperator", (A, B), Approval, {"token": HERE, "owner": B, "spender": A, "amount": 0}),
    ("permit2", "Approval", (A, B, C, 5, 99), Approval, {"token": B, "owner": A, "spender": C, "amount": 5}),
    ("permit2", "Permit", (A, B, C, 5, 99, 1), Approval, {"token": B, "owner": A, "spender": C, "amount": 5}),
    ("permit2", "Lockdown", (A, B, C), Approval, {"token": B, "owner": A, "spender": C, "amount": 0}),
]  # fmt: skip

UNISWAP: list[Case] = [
    ("uniswap_v1", "TokenPurchase", (A, 10, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": 10, "amount1": -9}),
    ("uniswap_v1", "EthPurchase", (A, 10, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": -9, "amount1": 10}),
    ("uniswap_v1", "AddLiquidity", (A, 10, 9), LiquidityChange, {"pool": HERE, "account": A, "amounts": (10, 9)}),
    ("uniswap_v1", "RemoveLiquidity", (A, 10, 9), LiquidityChange, {"pool": HERE, "account": A, "amounts": (-10, -9)}),
    ("uniswap_v1", "NewExchange", (A, B), InstrumentUpdate, {"instrument": B, "what": "listed"}),
    ("uniswap_v2", "Burn", (A, 10, 9, B), LiquidityChange, {"pool": HERE, "account": B, "amounts": (-10, -9)}),
    ("uniswap_v2", "PairCreated", (A, B, C, 7), InstrumentUpdate, {"instrument": C, "what": "listed"}),
    ("uniswap_v3", "Mint", (A, B, -5, 5, 7, 10, 9), LiquidityChange,
     {"pool": HERE, "account": B, "amounts": (10, 9), "shares": 7}),
    ("uniswap_v3", "Burn", (A, -5, 5, 7, 10, 9), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10, -9), "shares": 7}),
    ("uniswap_v3", "Initialize", (Q96, 0), InstrumentUpdate, {"instrument": HERE, "what": "listed", "value": Q96}),
    ("uniswap_v3", "PoolCreated", (A, B, 500, 10, C), InstrumentUpdate, {"instrument": C, "what": "listed"}),
    ("uniswap_v3", "IncreaseObservationCardinalityNext", (1, 100), ParameterChange,
     {"what": "observationCardinalityNext", "before": 1, "after": 100}),
    ("uniswap_v3", "SetFeeProtocol", (0, 0, 4, 5), ParameterChange,
     {"what": "feeProtocol", "before": 0, "after": 0x54}),
    ("uniswap_v3", "FeeAmountEnabled", (100, 1), ParameterChange,
     {"what": "tickSpacing", "subject": "100", "after": 1}),
    ("uniswap_v4", "ModifyLiquidity", (POOL, A, -5, 5, -7, X), LiquidityChange,
     {"pool": POOL_ADDRESS, "account": A, "amounts": (), "shares": -7}),
    ("uniswap_v4", "Donate", (POOL, A, 10, 9), LiquidityChange,
     {"pool": POOL_ADDRESS, "account": A, "amounts": (10, 9), "shares": 0}),
    ("uniswap_v4", "Initialize", (POOL, A, B, 500, 10, C, Q96, 0), InstrumentUpdate,
     {"instrument": POOL_ADDRESS, "what": "listed", "value": Q96}),
    ("uniswap_v4", "ProtocolFeeUpdated", (POOL, 5), ParameterChange,
     {"what": "protocolFee", "subject": POOL_ADDRESS, "after": 5}),
    ("uniswap_v4", "ProtocolFeeControllerUpdated", (A,), ParameterChange,
     {"what": "protocolFeeController", "after": A}),
    ("uniswap_v4", "Transfer", (A, B, C, 5, 6), NftTransfer,
     {"token": HERE, "token_id": 5, "sender": B, "recipient": C, "amount": 6}),
    ("uniswap_v4", "Approval", (A, B, 5, 6), Approval,
     {"token": HERE, "owner": A, "spender": B, "amount": 6, "token_id": 5}),
    ("uniswap_v4", "OperatorSet", (A, B, False), Approval, {"token": HERE, "owner": A, "spender": B, "amount": 0}),
]  # fmt: skip

LOW, HIGH = A, B  # two tokens in the order of their addresses

PANCAKESWAP: list[Case] = [
    ("pancakeswap", "Swap", (A, B, 10, -9, Q96, 77, -5, 1, 0), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9, "sqrt_price_x96": Q96}),
    ("pancakeswap", "Flash", (A, B, 0, 20, 0, 2), FlashLoan,
     {"lender": HERE, "borrower": B, "token": None, "amount": 20, "fee": 2}),
    ("pancakeswap", "Mint", (A, B, -5, 5, 7, 10, 9), LiquidityChange,
     {"pool": HERE, "account": B, "amounts": (10, 9), "shares": 7}),
    ("pancakeswap", "Burn", (A, -5, 5, 7, 10, 9), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10, -9), "shares": 7}),
    ("pancakeswap", "Initialize", (Q96, 0), InstrumentUpdate, {"instrument": HERE, "what": "listed", "value": Q96}),
    ("pancakeswap", "PoolCreated", (A, B, 500, 10, C), InstrumentUpdate, {"instrument": C, "what": "listed"}),
    ("pancakeswap", "IncreaseObservationCardinalityNext", (1, 100), ParameterChange,
     {"what": "observationCardinalityNext", "before": 1, "after": 100}),
    ("pancakeswap", "FeeAmountEnabled", (100, 1), ParameterChange,
     {"what": "tickSpacing", "subject": "100", "after": 1}),
    ("pancakeswap", "SetFeeProtocol", (0, 0, 3200, 3300), ParameterChange,
     {"what": "feeProtocol", "before": 0, "after": 3200 + 3300 * 65536}),
    ("pancakeswap", "SetLmPoolEvent", (A,), ParameterChange, {"what": "lmPool", "after": A}),
    ("pancakeswap", "SetLmPoolDeployer", (A,), ParameterChange, {"what": "lmPoolDeployer", "after": A}),
    ("pancakeswap", "TokenExchange", (A, 1, 10, 0, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": -9, "amount1": 10, "pair": "0-1"}),
    ("pancakeswap", "AddLiquidity(address,uint256[2],uint256[2],uint256,uint256)", (A, (10, 9), (1, 1), 19, 99),
     LiquidityChange, {"pool": HERE, "account": A, "amounts": (10, 9)}),
    ("pancakeswap", "RemoveLiquidity(address,uint256[3],uint256[3],uint256)", (A, (10, 9, 8), (1, 1, 1), 99),
     LiquidityChange, {"pool": HERE, "account": A, "amounts": (-10, -9, -8)}),
    ("pancakeswap", "RemoveLiquidityImbalance(address,uint256[2],uint256[2],uint256,uint256)",
     (A, (10, 9), (1, 1), 19, 99), LiquidityChange, {"pool": HERE, "account": A, "amounts": (-10, -9)}),
    ("pancakeswap", "RemoveLiquidityOne", (A, 1, 50, 49), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (0, -49), "shares": 50}),
    ("pancakeswap", "RampA", (100, 200, 1, 2), ParameterChange, {"what": "A", "before": 100, "after": 200}),
    ("pancakeswap", "StopRampA", (150, 2), ParameterChange, {"what": "A", "after": 150}),
    ("pancakeswap", "Kill", (), PauseChange, {"paused": True, "actor": None}),
    ("pancakeswap", "Unkill", (), PauseChange, {"paused": False, "actor": None}),
    ("pancakeswap", "Deposit", (A, 3, 50), Deposit, {"account": A, "token": None, "amount": 50}),
    ("pancakeswap", "Withdraw", (A, 3, 50), Withdraw, {"account": A, "token": None, "amount": 50}),
    ("pancakeswap", "EmergencyWithdraw", (A, 3, 50), Withdraw, {"account": A, "token": None, "amount": 50}),
    ("pancakeswap", "Deposit", (A, 3, 7, 50, -5, 5), Deposit, {"account": A, "token": None, "amount": 50}),
    ("pancakeswap", "SetEmergency", (True,), PauseChange, {"paused": True, "actor": None, "scope": "rewards"}),
    ("pancakeswap", "NewReceiver", (A,), ParameterChange, {"what": "receiver", "after": A}),
    ("pancakeswap", "NewOperatorAddress", (A,), ParameterChange, {"what": "operator", "after": A}),
    ("pancakeswap", "NewLMPoolDeployerAddress", (A,), ParameterChange, {"what": "LMPoolDeployer", "after": A}),
    ("pancakeswap", "UpdateFarmBoostContract", (A,), ParameterChange, {"what": "farmBoostContract", "after": A}),
    ("pancakeswap", "NewPeriodDuration", (9,), ParameterChange, {"what": "periodDuration", "after": 9}),
    ("pancakeswap", "SetPool", (3, 9), ParameterChange, {"what": "allocPoint", "subject": "3", "after": 9}),
]  # fmt: skip

CURVE: list[Case] = [
    ("curve", "TokenExchange(address,int128,uint256,int128,uint256)", (A, 0, 10, 2, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": 10, "amount1": -9, "pair": "0-2"}),
    ("curve", "TokenExchange(address,int128,uint256,int128,uint256)", (A, 2, 10, 1, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": -9, "amount1": 10, "pair": "1-2"}),
    ("curve", "TokenExchange(address,uint256,uint256,uint256,uint256)", (A, 1, 10, 0, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": -9, "amount1": 10, "pair": "0-1"}),
    ("curve", "TokenExchange", (A, 0, 10, 2, 9, 1, 77), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": 10, "amount1": -9, "pair": "0-2"}),
    ("curve", "TokenExchangeUnderlying", (A, 0, 10, 3, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": 10, "amount1": -9, "pair": "u0-3"}),
    *(
        case
        for n in (2, 3, 4, 5, 6, 0)  # 0: a dynamic array, of four here
        for coins, given, zeros in [(f"uint256[{n or ''}]", tuple(range(10, 10 + (n or 4))), (0,) * (n or 4))]
        for case in (
            ("curve", f"AddLiquidity(address,{coins},{coins},uint256,uint256)", (A, given, zeros, 19, 99),
             LiquidityChange, {"pool": HERE, "account": A, "amounts": given}),
            ("curve", f"RemoveLiquidity(address,{coins},{coins},uint256)", (A, given, zeros, 99),
             LiquidityChange, {"pool": HERE, "account": A, "amounts": tuple(-g for g in given)}),
            ("curve", f"RemoveLiquidityImbalance(address,{coins},{coins},uint256,uint256)", (A, given, zeros, 19, 99),
             LiquidityChange, {"pool": HERE, "account": A, "amounts": tuple(-g for g in given)}),
        )
    ),
    ("curve", "AddLiquidity(address,uint256[2],uint256,uint256)", (A, (10, 9), 1, 99), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (10, 9)}),
    ("curve", "AddLiquidity(address,uint256[3],uint256,uint256)", (A, (10, 9, 8), 1, 99), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (10, 9, 8)}),
    ("curve", "AddLiquidity(address,uint256[2],uint256,uint256,uint256)", (A, (10, 9), 1, 99, 7), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (10, 9)}),
    ("curve", "AddLiquidity(address,uint256[3],uint256,uint256,uint256)", (A, (10, 9, 8), 1, 99, 7), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (10, 9, 8)}),
    ("curve", "RemoveLiquidity(address,uint256[2],uint256)", (A, (10, 9), 99), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10, -9)}),
    ("curve", "RemoveLiquidity(address,uint256[3],uint256)", (A, (10, 9, 8), 99), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10, -9, -8)}),
    ("curve", "RemoveLiquidityOne", (A, 50, 49), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-49,), "shares": 50}),
    ("curve", "RemoveLiquidityOne", (A, 50, 49, 999), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-49,), "shares": 50}),
    ("curve", "RemoveLiquidityOne", (A, 50, 2, 49), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (0, 0, -49), "shares": 50}),
    ("curve", "RemoveLiquidityOne", (A, 1, 50, 49), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (0, -49), "shares": 50}),
    ("curve", "RemoveLiquidityOne(address,int128,uint256,uint256,uint256)", (A, 1, 50, 49, 999), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (0, -49), "shares": 50}),
    ("curve", "RemoveLiquidityOne", (A, 50, 1, 49, 1, 7), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (0, -49), "shares": 50}),
    ("curve", "RampA", (100, 200, 1, 2), ParameterChange, {"what": "A", "before": 100, "after": 200}),
    ("curve", "StopRampA", (150, 2), ParameterChange, {"what": "A", "after": 150}),
    ("curve", "ApplyNewFee", (4,), ParameterChange, {"what": "fee", "after": 4}),
    ("curve", "NewAdmin", (A,), RoleChange, {"role": "owner", "account": A, "granted": True, "actor": None}),
    ("curve", "ApplyOwnership", (A,), RoleChange, {"role": "owner", "account": A, "granted": True, "actor": None}),
    ("curve", "ApplyAdmin", (A,), RoleChange, {"role": "owner", "account": A, "granted": True, "actor": None}),
    ("curve", "TricryptoPoolDeployed", (A, "n", "s", B, (A, B, C), B, X, 1, 2, 3, 4, 5, C), InstrumentUpdate,
     {"instrument": A, "what": "listed"}),
    ("curve", "TwocryptoPoolDeployed", (A, "n", "s", (B, C), B, X, (1, 1), 2, 3, 4, 5, C), InstrumentUpdate,
     {"instrument": A, "what": "listed"}),
    ("curve", "UpdateFeeReceiver", (A, B), ParameterChange, {"what": "fee_receiver", "before": A, "after": B}),
    ("curve", "UpdatePoolImplementation", (A, B), ParameterChange,
     {"what": "pool_implementation", "before": A, "after": B}),
    ("curve", "UpdatePoolImplementation", (1, A, B), ParameterChange,
     {"what": "pool_implementation", "before": A, "after": B}),
    ("curve", "UpdateGaugeImplementation", (A, B), ParameterChange,
     {"what": "gauge_implementation", "before": A, "after": B}),
    ("curve", "UpdateTokenImplementation", (A, B), ParameterChange,
     {"what": "token_implementation", "before": A, "after": B}),
    ("curve", "UpdateMathImplementation", (A, B), ParameterChange,
     {"what": "math_implementation", "before": A, "after": B}),
    ("curve", "UpdateViewsImplementation", (A, B), ParameterChange,
     {"what": "views_implementation", "before": A, "after": B}),
    ("curve", "Deposit", (A, 50), Deposit, {"account": A, "token": None, "amount": 50}),
    ("curve", "Withdraw", (A, 50), Withdraw, {"account": A, "token": None, "amount": 50}),
    ("curve", "Deposit", (A, 50, 99, 1, 9), Deposit, {"account": A, "token": None, "amount": 50}),
    ("curve", "Withdraw", (A, 50, 9), Withdraw, {"account": A, "token": None, "amount": 50}),
    ("curve", "NewGauge", (A, 0, 5), InstrumentUpdate, {"instrument": A, "what": "listed"}),
]  # fmt: skip

BALANCER: list[Case] = [
    ("balancer_v2", "PoolBalanceChanged", (POOL, A, (B, C), (10, -9), (0, 0)), LiquidityChange,
     {"pool": POOL_ADDRESS, "account": A, "amounts": (10, -9), "tokens": (B, C)}),
    ("balancer_v2", "InternalBalanceChanged", (A, B, 5), Deposit, {"account": A, "token": B, "amount": 5}),
    ("balancer_v2", "InternalBalanceChanged", (A, B, -5), Withdraw, {"account": A, "token": B, "amount": 5}),
    ("balancer_v2", "PoolRegistered", (POOL, A, 2), InstrumentUpdate, {"instrument": A, "what": "listed"}),
    ("balancer_v2", "PoolCreated", (A,), InstrumentUpdate, {"instrument": A, "what": "listed"}),
    ("balancer_v2", "AuthorizerChanged", (A,), ParameterChange, {"what": "authorizer", "after": A}),
    ("balancer_v2", "RelayerApprovalChanged", (A, B, True), RoleChange,
     {"role": "relayer", "account": A, "granted": True, "actor": B}),
    ("balancer_v2", "PausedStateChanged", (True,), PauseChange, {"paused": True, "actor": None}),
    ("balancer_v2", "RecoveryModeStateChanged", (True,), ParameterChange, {"what": "recoveryMode", "after": 1}),
    ("balancer_v2", "FlashLoanFeePercentageChanged", (5,), ParameterChange,
     {"what": "flashLoanFeePercentage", "after": 5}),
    ("balancer_v2", "SwapFeePercentageChanged", (5,), ParameterChange, {"what": "swapFeePercentage", "after": 5}),
    ("balancer_v2", "GradualSwapFeeUpdateScheduled", (1, 2, 3, 4), ParameterChange,
     {"what": "swapFeePercentage", "before": 3, "after": 4}),
    ("balancer_v2", "AmpUpdateStarted", (100, 200, 1, 2), ParameterChange,
     {"what": "amplificationParameter", "before": 100, "after": 200}),
    ("balancer_v2", "AmpUpdateStopped", (150,), ParameterChange, {"what": "amplificationParameter", "after": 150}),
    ("balancer_v2", "TokenRateProviderSet", (1, A, 9), ParameterChange,
     {"what": "rateProvider", "subject": "1", "after": A}),
    ("balancer_v2", "TokenRateCacheUpdated", (1, 9), ParameterChange, {"what": "rate", "subject": "1", "after": 9}),
    ("balancer_v2", "PriceRateProviderSet", (A, B, 9), ParameterChange,
     {"what": "rateProvider", "subject": A, "after": B}),
    ("balancer_v2", "PriceRateCacheUpdated", (A, 9), ParameterChange, {"what": "rate", "subject": A, "after": 9}),
    ("balancer_v2", "SwapEnabledSet", (False,), PauseChange, {"paused": True, "actor": None, "scope": "swap"}),
    ("balancer_v2", "JoinExitEnabledSet", (True,), PauseChange,
     {"paused": False, "actor": None, "scope": "join and exit"}),
    ("balancer_v2", "ManagementAumFeePercentageChanged", (5,), ParameterChange,
     {"what": "managementAumFeePercentage", "after": 5}),
    ("balancer_v2", "CircuitBreakerSet", (A, 5, 6, 7), ParameterChange,
     {"what": "circuitBreaker", "subject": A, "after": 5}),
    ("balancer_v3", "Swap", (C, HIGH, LOW, 10, 9, 1, 1), Swap,
     {"pool": C, "sender": HERE, "recipient": HERE, "amount0": -9, "amount1": 10,
      "token0": LOW, "token1": HIGH, "pair": LOW + HIGH}),
    ("balancer_v3", "LiquidityAdded", (A, B, 1, 99, (10, 9), (0, 0)), LiquidityChange,
     {"pool": A, "account": B, "amounts": (10, 9)}),
    ("balancer_v3", "LiquidityRemoved", (A, B, 1, 99, (10, 9), (0, 0)), LiquidityChange,
     {"pool": A, "account": B, "amounts": (-10, -9)}),
    ("balancer_v3", "PoolInitialized", (A,), InstrumentUpdate, {"instrument": A, "what": "listed"}),
    ("balancer_v3", "AuthorizerChanged", (A,), ParameterChange, {"what": "authorizer", "after": A}),
    ("balancer_v3", "ProtocolFeeControllerChanged", (A,), ParameterChange,
     {"what": "protocolFeeController", "after": A}),
    ("balancer_v3", "SwapFeePercentageChanged", (A, 5), ParameterChange,
     {"what": "swapFeePercentage", "subject": A, "after": 5}),
    ("balancer_v3", "AggregateSwapFeePercentageChanged", (A, 5), ParameterChange,
     {"what": "aggregateSwapFeePercentage", "subject": A, "after": 5}),
    ("balancer_v3", "AggregateYieldFeePercentageChanged", (A, 5), ParameterChange,
     {"what": "aggregateYieldFeePercentage", "subject": A, "after": 5}),
    ("balancer_v3", "PoolRecoveryModeStateChanged", (A, True), ParameterChange,
     {"what": "recoveryMode", "subject": A, "after": 1}),
    ("balancer_v3", "VaultPausedStateChanged", (True,), PauseChange, {"paused": True, "actor": None}),
    ("balancer_v3", "VaultBuffersPausedStateChanged", (True,), PauseChange,
     {"paused": True, "actor": None, "scope": "buffers"}),
    ("balancer_v3", "PoolPausedStateChanged", (A, False), PauseChange, {"paused": False, "actor": None, "scope": A}),
    ("balancer_v3", "GlobalProtocolSwapFeePercentageChanged", (5,), ParameterChange,
     {"what": "protocolSwapFeePercentage", "after": 5}),
    ("balancer_v3", "GlobalProtocolYieldFeePercentageChanged", (5,), ParameterChange,
     {"what": "protocolYieldFeePercentage", "after": 5}),
    ("balancer_v3", "ProtocolSwapFeePercentageChanged", (A, 5), ParameterChange,
     {"what": "protocolSwapFeePercentage", "subject": A, "after": 5}),
    ("balancer_v3", "ProtocolYieldFeePercentageChanged", (A, 5), ParameterChange,
     {"what": "protocolYieldFeePercentage", "subject": A, "after": 5}),
    ("balancer_v3", "PoolCreatorSwapFeePercentageChanged", (A, 5), ParameterChange,
     {"what": "poolCreatorSwapFeePercentage", "subject": A, "after": 5}),
    ("balancer_v3", "PoolCreatorYieldFeePercentageChanged", (A, 5), ParameterChange,
     {"what": "poolCreatorYieldFeePercentage", "subject": A, "after": 5}),
]  # fmt: skip

OTHER_EXCHANGES: list[Case] = [
    ("sushiswap", "LogDeposit", (A, B, C, 5, 4), Deposit, {"account": C, "token": A, "amount": 5, "shares": 4}),
    ("sushiswap", "LogWithdraw", (A, B, C, 5, 4), Withdraw, {"account": B, "token": A, "amount": 5, "shares": 4}),
    ("sushiswap", "LogFlashLoan", (A, B, 100, 5, C), FlashLoan,
     {"lender": HERE, "borrower": A, "token": B, "amount": 100, "fee": 5}),
    ("sushiswap", "LogSetMasterContractApproval", (A, B, True), RoleChange,
     {"role": "master contract", "account": A, "granted": True, "actor": B}),
    ("sushiswap", "LogWhiteListMasterContract", (A, False), RoleChange,
     {"role": "whitelisted master contract", "account": A, "granted": False, "actor": None}),
    ("sushiswap", "LogStrategySet", (A, B), ParameterChange, {"what": "strategy", "subject": A, "after": B}),
    ("sushiswap", "LogStrategyTargetPercentage", (A, 50), ParameterChange,
     {"what": "strategyTargetPercentage", "subject": A, "after": 50}),
    ("sushiswap", "Deposit", (A, 3, 50), Deposit, {"account": A, "token": None, "amount": 50}),
    ("sushiswap", "Withdraw", (A, 3, 50), Withdraw, {"account": A, "token": None, "amount": 50}),
    ("sushiswap", "EmergencyWithdraw", (A, 3, 50), Withdraw, {"account": A, "token": None, "amount": 50}),
    ("sushiswap", "Deposit", (A, 3, 50, B), Deposit, {"account": B, "token": None, "amount": 50}),
    ("sushiswap", "Withdraw", (A, 3, 50, B), Withdraw, {"account": A, "token": None, "amount": 50}),
    ("sushiswap", "EmergencyWithdraw", (A, 3, 50, B), Withdraw, {"account": A, "token": None, "amount": 50}),
    ("sushiswap", "LogSetPool", (3, 9, A, True), ParameterChange, {"what": "allocPoint", "subject": "3", "after": 9}),
    ("sushiswap", "LogSushiPerSecond", (9,), ParameterChange, {"what": "sushiPerSecond", "after": 9}),
    ("solidly", "Swap(address,uint256,uint256,uint256,uint256,address)", (A, 10, 0, 0, 9, B), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9}),
    ("solidly", "Burn(address,uint256,uint256,address)", (A, 10, 9, B), LiquidityChange,
     {"pool": HERE, "account": B, "amounts": (-10, -9)}),
    ("solidly", "Burn(address,address,uint256,uint256)", (A, B, 10, 9), LiquidityChange,
     {"pool": HERE, "account": B, "amounts": (-10, -9)}),
    ("solidly", "Sync", (10, 20), ReservesUpdate, {"pool": HERE, "reserve0": 10, "reserve1": 20}),
    ("solidly", "PairCreated", (A, B, True, C, 7), InstrumentUpdate, {"instrument": C, "what": "listed"}),
    ("solidly", "PoolCreated", (A, B, True, C, 7), InstrumentUpdate, {"instrument": C, "what": "listed"}),
    ("solidly", "PoolCreated", (A, B, 100, C), InstrumentUpdate, {"instrument": C, "what": "listed"}),
    ("solidly", "SetCustomFee", (A, 5), ParameterChange, {"what": "fee", "subject": A, "after": 5}),
    ("solidly", "SetFeeManager", (A,), ParameterChange, {"what": "feeManager", "after": A}),
    ("solidly", "SetPauser", (A,), ParameterChange, {"what": "pauser", "after": A}),
    ("solidly", "SetVoter", (A,), ParameterChange, {"what": "voter", "after": A}),
    ("solidly", "SetPauseState", (True,), PauseChange, {"paused": True, "actor": None}),
    ("solidly", "Deposit(address,address,uint256)", (A, B, 5), Deposit, {"account": B, "token": None, "amount": 5}),
    ("solidly", "Withdraw", (A, 5), Withdraw, {"account": A, "token": None, "amount": 5}),
    ("solidly", "GaugeCreated", (A, B, C, B, C), InstrumentUpdate, {"instrument": A, "what": "listed"}),
    ("solidly", "GaugeKilled", (A,), PauseChange, {"paused": True, "actor": None, "scope": A}),
    ("solidly", "GaugeRevived", (A,), PauseChange, {"paused": False, "actor": None, "scope": A}),
    ("solidly", "Deposit(address,uint256,uint256,uint256,uint8,uint256)", (A, 7, 5, 99, 1, 9), Deposit,
     {"account": A, "token": None, "amount": 5}),
    ("solidly", "Deposit(address,uint256,uint8,uint256,uint256,uint256)", (A, 7, 1, 5, 99, 9), Deposit,
     {"account": A, "token": None, "amount": 5}),
    ("solidly", "Withdraw", (A, 7, 5, 9), Withdraw, {"account": A, "token": None, "amount": 5}),
    ("dodo", "DODOSwap", (HIGH, LOW, 10, 9, C, B), Swap,
     {"pool": HERE, "sender": C, "recipient": B, "amount0": -9, "amount1": 10, "token0": LOW, "token1": HIGH}),
    ("dodo", "DODOFlashLoan", (A, B, 0, 20), FlashLoan,
     {"lender": HERE, "borrower": B, "token": None, "amount": 20}),
    ("dodo", "BuyShares", (A, 5, 99), LiquidityChange, {"pool": HERE, "account": A, "amounts": (), "shares": 5}),
    ("dodo", "SellShares", (A, B, 5, 99), LiquidityChange, {"pool": HERE, "account": A, "amounts": (), "shares": -5}),
    ("dodo", "LpFeeRateChange", (5,), ParameterChange, {"what": "lpFeeRate", "after": 5}),
    ("dodo", "ChangeOracle", (A,), ParameterChange, {"what": "oracle", "after": A}),
    ("dodo", "DisableOracle", (5,), ParameterChange, {"what": "i", "after": 5}),
    ("dodo", "SellBaseToken", (A, 10, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": 10, "amount1": -9}),
    ("dodo", "BuyBaseToken", (A, 10, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": -10, "amount1": 9}),
    ("dodo", "Deposit", (A, B, False, 10, 8), LiquidityChange,
     {"pool": HERE, "account": B, "amounts": (0, 10), "shares": 8}),
    ("dodo", "Withdraw", (A, B, True, 10, 8), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10, 0), "shares": 8}),
    ("dodo", "ClaimAssets", (A, 10, 9), LiquidityChange, {"pool": HERE, "account": A, "amounts": (-10, -9)}),
    ("dodo", "Donate", (10, True), LiquidityChange,
     {"pool": HERE, "account": HERE, "amounts": (10, 0), "shares": 0}),
    ("dodo", "UpdateLiquidityProviderFeeRate", (1, 2), ParameterChange,
     {"what": "liquidityProviderFeeRate", "before": 1, "after": 2}),
    ("dodo", "UpdateMaintainerFeeRate", (1, 2), ParameterChange,
     {"what": "maintainerFeeRate", "before": 1, "after": 2}),
    ("dodo", "UpdateGasPriceLimit", (1, 2), ParameterChange, {"what": "gasPriceLimit", "before": 1, "after": 2}),
    ("dodo", "UpdateK", (1, 2), ParameterChange, {"what": "K", "before": 1, "after": 2}),
    ("dodo", "NewDVM", (A, B, C, HERE), InstrumentUpdate, {"instrument": HERE, "what": "listed"}),
    ("dodo", "NewDPP", (A, B, C, HERE), InstrumentUpdate, {"instrument": HERE, "what": "listed"}),
    ("dodo", "NewDSP", (A, B, C, HERE), InstrumentUpdate, {"instrument": HERE, "what": "listed"}),
    ("dodo", "DODOBirth", (A, B, C), InstrumentUpdate, {"instrument": A, "what": "listed"}),
]  # fmt: skip

ORDER = "0x" + "ab" * 32

AGGREGATORS: list[Case] = [  # the instrument is LOW/HIGH; positive: LOW was bought
    ("cow", "Trade", (C, LOW, HIGH, 10, 9, 1, b"\xab" * 56), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10, "fee": 1, "order_id": "0x" + "ab" * 56}),
    ("cow", "Trade", (C, HIGH, LOW, 10, 9, 1, b"\xab" * 56), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": 9, "fee": 1, "order_id": "0x" + "ab" * 56}),
    ("cow", "OrderInvalidated", (A, b"\xab" * 56), OrderCancelled, {"order_id": "0x" + "ab" * 56, "account": A}),
    ("cow", "OrderInvalidation", (b"\xab" * 56,), OrderCancelled, {"order_id": "0x" + "ab" * 56}),
    ("cow", "SolverAdded", (A,), RoleChange, {"role": "solver", "account": A, "granted": True, "actor": None}),
    ("cow", "SolverRemoved", (A,), RoleChange, {"role": "solver", "account": A, "granted": False, "actor": None}),
    ("zerox", "TransformedERC20", (C, LOW, HIGH, 10, 9), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10}),
    ("zerox", "LimitOrderFilled", (X, A, C, B, LOW, HIGH, 10, 9, 0, 0, X), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": 9, "order_id": ORDER}),
    ("zerox", "RfqOrderFilled", (X, A, C, HIGH, LOW, 10, 9, X), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10, "order_id": ORDER}),
    ("zerox", "OtcOrderFilled", (X, A, C, LOW, HIGH, 9, 10), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": 9, "order_id": ORDER}),
    ("zerox", "OrderCancelled", (X, A), OrderCancelled, {"order_id": ORDER, "account": A}),
    ("zerox", "OrderSignerRegistered", (A, B, True), RoleChange,
     {"role": "order signer", "account": B, "granted": True, "actor": A}),
    ("zerox", "ProxyFunctionUpdated", (b"\xab" * 4, A, B), Upgrade, {"implementation": B, "what": "implementation"}),
    ("zerox", "QuoteSignerUpdated", (A,), ParameterChange, {"what": "quoteSigner", "after": A}),
    ("zerox", "TransformerDeployerUpdated", (A,), ParameterChange, {"what": "transformerDeployer", "after": A}),
    ("zerox", "ProtocolFeeMultiplier", (1, 2), ParameterChange,
     {"what": "protocolFeeMultiplier", "before": 1, "after": 2}),
    ("zerox", "ProtocolFeeCollectorAddress", (A, B), ParameterChange,
     {"what": "protocolFeeCollector", "before": A, "after": B}),
    ("zerox", "AssetProxyRegistered", (b"\xab" * 4, A), ParameterChange,
     {"what": "assetProxy", "subject": "0xabababab", "after": A}),
    ("zerox", "Cancel(address,address,bytes,bytes,address,bytes32)", (A, B, b"1", b"2", C, X), OrderCancelled,
     {"order_id": ORDER, "account": A}),
    ("zerox", "Cancel(address,address,address,bytes32,bytes,bytes)", (A, B, C, X, b"1", b"2"), OrderCancelled,
     {"order_id": ORDER, "account": A}),
    ("zerox", "ERC721OrderCancelled", (A, 7), OrderCancelled, {"order_id": "7", "account": A}),
    ("zerox", "ERC1155OrderCancelled", (A, 7), OrderCancelled, {"order_id": "7", "account": A}),
    ("one_inch", "Swapped", (C, LOW, HIGH, D, 10, 9), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10}),
    ("one_inch", "Swapped", (C, LOW, HIGH, D, 11, 10, 9, 8, 9, A), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10}),
    ("woofi", "WooRouterSwap", (0, HIGH, LOW, 10, 9, C, D, A), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": 9}),
    ("one_inch", "OrderCancelled", (X,), OrderCancelled, {"order_id": ORDER}),
    ("one_inch", "OrderCanceled", (A, X, 5), OrderCancelled, {"order_id": ORDER, "account": A}),
    ("paraswap", "SwappedV3", (b"\1" * 16, A, 0, C, D, HIGH, LOW, 10, 9, 9), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": 9}),
    ("paraswap", "BoughtV3", (b"\1" * 16, A, 0, C, D, LOW, HIGH, 10, 9, 9), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10}),
    ("paraswap", "SwappedDirect", (b"\1" * 16, A, 0, C, 1, D, LOW, HIGH, 10, 9, 9), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10}),
    ("paraswap", "OrderFilled", (X, A, LOW, 9, C, HIGH, 10), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": 9, "order_id": ORDER}),
    ("paraswap", "OrderCancelled", (X, A), OrderCancelled, {"order_id": ORDER, "account": A}),
    ("okx_dex", "OrderRecord", (LOW, HIGH, C, 10, 9), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10}),
    ("kyber", "Swapped", (C, HIGH, LOW, D, 10, 9), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": 9}),
    ("kyber", "ExecuteTrade", (C, LOW, HIGH, 10, 9), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10}),
    ("kyber", "ExecuteTrade", (C, LOW, HIGH, D, 10, 9, A, 0), Trade,
     {"instrument": f"{LOW}/{HIGH}", "account": C, "size": -10}),
]  # fmt: skip

MORE_POOLS: list[Case] = [
    ("kyber", "Swap", (A, 10, 0, 0, 9, B, 5), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9}),
    ("kyber", "Sync", (30, 40, 10, 20), ReservesUpdate, {"pool": HERE, "reserve0": 30, "reserve1": 40}),
    ("kyber", "Burn(address,uint256,uint256,address)", (A, 10, 9, B), LiquidityChange,
     {"pool": HERE, "account": B, "amounts": (-10, -9)}),
    ("kyber", "Initialize", (Q96, 0), InstrumentUpdate, {"instrument": HERE, "what": "listed", "value": Q96}),
    ("kyber", "Swap(address,address,int256,int256,uint160,uint128,int24)", (A, B, 10, -9, Q96, 77, -5), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9, "sqrt_price_x96": Q96}),
    ("kyber", "Mint(address,address,int24,int24,uint128,uint256,uint256)", (A, B, -5, 5, 7, 10, 9), LiquidityChange,
     {"pool": HERE, "account": B, "amounts": (10, 9), "shares": 7}),
    ("kyber", "Burn(address,int24,int24,uint128,uint256,uint256)", (A, -5, 5, 7, 10, 9), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10, -9), "shares": 7}),
    ("kyber", "BurnRTokens", (A, 7, 10, 9), LiquidityChange, {"pool": HERE, "account": A, "amounts": (-10, -9)}),
    ("kyber", "Flash", (A, B, 10, 0, 1, 0), FlashLoan,
     {"lender": HERE, "borrower": B, "token": None, "amount": 10, "fee": 1}),
    ("bancor", "Conversion(address,address,address,uint256,uint256,int256)", (HIGH, LOW, C, 10, 9, 1), Swap,
     {"pool": HERE, "sender": C, "recipient": C, "amount0": -9, "amount1": 10, "token0": LOW, "token1": HIGH,
      "pair": LOW + HIGH}),
    ("bancor", "LiquidityAdded", (A, B, 10, 99, 100), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (10,), "tokens": (B,)}),
    ("bancor", "LiquidityRemoved", (A, B, 10, 99, 100), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10,), "tokens": (B,)}),
    ("bancor", "ConversionFeeUpdate", (1, 2), ParameterChange, {"what": "conversionFee", "before": 1, "after": 2}),
    ("bancor", "Activation", (3, A, True), InstrumentUpdate, {"instrument": A, "what": "listed"}),
    ("bancor", "Activation", (3, A, False), InstrumentUpdate, {"instrument": A, "what": "halted"}),
    ("balancer_v1", "LOG_SWAP", (C, HIGH, LOW, 10, 9), Swap,
     {"pool": HERE, "sender": C, "recipient": C, "amount0": -9, "amount1": 10, "token0": LOW, "token1": HIGH,
      "pair": LOW + HIGH}),
    ("balancer_v1", "LOG_JOIN", (A, B, 10), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (10,), "tokens": (B,)}),
    ("balancer_v1", "LOG_EXIT", (A, B, 10), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10,), "tokens": (B,)}),
    ("balancer_v1", "LOG_NEW_POOL", (A, B), InstrumentUpdate, {"instrument": B, "what": "listed"}),
    ("saddle", "TokenSwap", (A, 10, 9, 2, 0), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": -9, "amount1": 10, "pair": "0-2"}),
    ("saddle", "TokenSwapUnderlying", (A, 10, 9, 0, 3), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": 10, "amount1": -9, "pair": "u0-3"}),
    ("saddle", "AddLiquidity", (A, (10, 9), (0, 0), 19, 99), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (10, 9)}),
    ("saddle", "RemoveLiquidity", (A, (10, 9), 99), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10, -9)}),
    ("saddle", "RemoveLiquidityImbalance", (A, (10, 9), (0, 0), 19, 99), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10, -9)}),
    ("saddle", "RemoveLiquidityOne", (A, 50, 99, 1, 49), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (0, -49), "shares": 50}),
    ("saddle", "FlashLoan", (A, 1, 100, 5, 2), FlashLoan,
     {"lender": HERE, "borrower": A, "token": None, "amount": 100, "fee": 5}),
    ("saddle", "NewSwapFee", (5,), ParameterChange, {"what": "swapFee", "after": 5}),
    ("saddle", "NewAdminFee", (5,), ParameterChange, {"what": "adminFee", "after": 5}),
    ("saddle", "RampA", (100, 200, 1, 2), ParameterChange, {"what": "A", "before": 100, "after": 200}),
    ("saddle", "StopRampA", (150, 2), ParameterChange, {"what": "A", "after": 150}),
    ("algebra", "Swap", (A, B, 10, -9, Q96, 77, -5, 500, 100), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9, "sqrt_price_x96": Q96}),
    ("trader_joe", "Swap", (A, B, 8388608, packed(10, 0), packed(0, 9), 0, packed(0, 0), packed(0, 0)), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9}),
    ("trader_joe", "DepositedToBins", (A, B, (1, 2), (packed(10, 0), packed(1, 9))), LiquidityChange,
     {"pool": HERE, "account": B, "amounts": (11, 9)}),
    ("trader_joe", "WithdrawnFromBins", (A, B, (1, 2), (packed(10, 0), packed(1, 9))), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-11, -9)}),
    ("trader_joe", "FlashLoan", (A, B, 1, packed(0, 20), packed(0, 2), packed(0, 0)), FlashLoan,
     {"lender": HERE, "borrower": B, "token": None, "amount": 20, "fee": 2}),
    ("maverick", "PoolSwap", (A, B, (10, True, False, 5), 10, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9}),
    ("maverick", "PoolSwap", (A, B, (10, False, False, 5), 10, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": -9, "amount1": 10}),
    ("curve_lending", "TokenExchange", (A, 1, 10, 0, 9), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": -9, "amount1": 10, "pair": "0-1"}),
    ("curve_lending", "Deposit", (A, 10, -5, 5), Deposit, {"account": A, "token": None, "amount": 10}),
    ("curve_lending", "Withdraw", (A, 9, 10), Withdraw, {"account": A, "token": None, "amount": 10}),
    ("curve_lending", "Repay", (A, 9, 10), Repay, {"account": A, "payer": A, "token": None, "amount": 10}),
    ("curve_lending", "RemoveCollateral", (A, 10), Withdraw, {"account": A, "token": None, "amount": 10}),
    ("curve_lending", "Liquidate", (A, B, 10, 9, 8), Liquidation,
     {"account": B, "liquidator": A, "debt_token": None, "collateral_token": None, "repaid": 8, "seized": 10}),
    ("curve_lending", "SetRate", (5, 6, 7), ParameterChange, {"what": "rate", "after": 5}),
    ("curve_lending", "SetFee", (5,), ParameterChange, {"what": "fee", "after": 5}),
    ("curve_lending", "SetAdminFee", (5,), ParameterChange, {"what": "adminFee", "after": 5}),
    ("curve_lending", "SetPriceOracle", (A,), ParameterChange, {"what": "priceOracle", "after": A}),
    ("curve_lending", "SetMonetaryPolicy", (A,), ParameterChange, {"what": "monetaryPolicy", "after": A}),
    ("algebra", "Pool", (A, B, C), InstrumentUpdate, {"instrument": C, "what": "listed"}),
    ("pendle", "Swap", (A, B, -10, 9, 1, 1), Swap,
     {"pool": HERE, "sender": A, "recipient": B, "amount0": 10, "amount1": -9}),
    ("pendle", "Mint(address,uint256,uint256,uint256)", (A, 7, 9, 10), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (10, 9), "shares": 7}),
    ("pendle", "Burn(address,address,uint256,uint256,uint256)", (A, B, 7, 9, 10), LiquidityChange,
     {"pool": HERE, "account": A, "amounts": (-10, -9), "shares": 7}),
    ("pendle", "UpdateImpliedRate", (99, 5), InstrumentUpdate, {"instrument": HERE, "what": "parameter", "value": 5}),
    ("pendle", "CreateNewMarket", (A, B, 1, 2, 3), InstrumentUpdate, {"instrument": A, "what": "listed"}),
    ("pendle", "CreateYieldContract", (A, 99, B, C), InstrumentUpdate, {"instrument": C, "what": "listed"}),
    ("pendle", "SetOverriddenFee", (A, B, 5), ParameterChange, {"what": "lnFeeRateRoot", "subject": B, "after": 5}),
    ("pendle", "NewTreasuryAndFeeReserve", (A, 80), ParameterChange, {"what": "treasury", "after": A}),
    ("pendle", "SetTreasury", (A,), ParameterChange, {"what": "treasury", "after": A}),
    ("pendle", "SetInterestFeeRate", (5,), ParameterChange, {"what": "interestFeeRate", "after": 5}),
    ("pendle", "SetRewardFeeRate", (5,), ParameterChange, {"what": "rewardFeeRate", "after": 5}),
    ("pendle", "SetExpiryDivisor", (5,), ParameterChange, {"what": "expiryDivisor", "after": 5}),
    ("pendle", "Mint(address,address,address,uint256,uint256)", (A, B, C, 10, 11), Deposit,
     {"account": B, "token": None, "amount": 10, "shares": 11}),
    ("pendle", "Burn(address,address,uint256,uint256)", (A, B, 11, 10), Withdraw,
     {"account": A, "token": None, "amount": 10, "shares": 11}),
    ("pendle", "Deposit", (A, B, C, 10, 9), Deposit, {"account": B, "token": C, "amount": 10, "shares": 9}),
    ("pendle", "Redeem", (A, B, C, 9, 10), Withdraw, {"account": A, "token": C, "amount": 10, "shares": 9}),
    ("pendle", "NewLockPosition", (A, 10, 99), Deposit, {"account": A, "token": None, "amount": 10}),
    ("pendle", "Withdraw", (A, 10), Withdraw, {"account": A, "token": None, "amount": 10}),
]  # fmt: skip

STAKING: list[Case] = [
    ("lido", "Submitted", (A, 10, B), Deposit, {"account": A, "token": NATIVE, "amount": 10}),
    ("lido", "TokenRebased", (99, 86400, 100, 110, 100, 120, 1), IndexUpdate,
     {"market": HERE, "supply_index": 12 * 10**26, "total_supplied": 120}),
    ("lido", "TokenRebased", (99, 86400, 0, 0, 0, 0, 0), IndexUpdate,
     {"market": HERE, "supply_index": None, "total_supplied": 0}),
    ("lido", "PostTotalShares", (120, 110, 86400, 100), IndexUpdate,
     {"market": HERE, "supply_index": 12 * 10**26, "total_supplied": 120}),
    ("lido", "WithdrawalRequested", (7, A, B, 10, 9), Deposit,
     {"account": B, "token": None, "amount": 10, "shares": 9}),
    ("lido", "WithdrawalClaimed", (7, A, B, 10), Withdraw, {"account": A, "token": NATIVE, "amount": 10}),
    ("lido", "StakingPaused", (), PauseChange, {"paused": True, "actor": None, "scope": "staking"}),
    ("lido", "StakingResumed", (), PauseChange, {"paused": False, "actor": None, "scope": "staking"}),
    ("lido", "Stopped", (), PauseChange, {"paused": True, "actor": None}),
    ("lido", "Resumed", (), PauseChange, {"paused": False, "actor": None}),
    ("lido", "Paused", (99,), PauseChange, {"paused": True, "actor": None}),
    ("lido", "BunkerModeEnabled", (99,), PauseChange, {"paused": True, "actor": None, "scope": "turbo withdrawals"}),
    ("lido", "BunkerModeDisabled", (), PauseChange, {"paused": False, "actor": None, "scope": "turbo withdrawals"}),
    ("lido", "StakingLimitRemoved", (), ParameterChange, {"what": "maxStakeLimit", "after": None}),
    ("lido", "MaxExternalRatioBPSet", (5,), ParameterChange, {"what": "maxExternalRatioBP", "after": 5}),
    ("lido", "LidoLocatorSet", (A,), ParameterChange, {"what": "lidoLocator", "after": A}),
    ("yearn", "Deposit", (A, 9, 10), Deposit, {"account": A, "token": None, "amount": 10}),
    ("yearn", "Withdraw", (A, 9, 10), Withdraw, {"account": A, "token": None, "amount": 10}),
    ("yearn", "StrategyAdded", (A, 1, 2, 3, 4), RoleChange,
     {"role": "strategy", "account": A, "granted": True, "actor": None}),
    ("yearn", "StrategyRevoked", (A,), RoleChange,
     {"role": "strategy", "account": A, "granted": False, "actor": None}),
    ("yearn", "StrategyMigrated", (A, B), ParameterChange, {"what": "strategy", "before": A, "after": B}),
    ("yearn", "StrategyReported", (A, 1, 2, 3, 4, 5, 60, 7, 8), IndexUpdate, {"market": HERE, "total_borrowed": 60}),
    ("yearn", "StrategyReported", (A, 1, 2, 60, 3, 4, 5), IndexUpdate, {"market": HERE, "total_borrowed": 60}),
    ("yearn", "StrategyUpdateDebtRatio", (A, 5), ParameterChange, {"what": "debtRatio", "subject": A, "after": 5}),
    ("yearn", "StrategyUpdatePerformanceFee", (A, 5), ParameterChange,
     {"what": "performanceFee", "subject": A, "after": 5}),
    ("yearn", "UpdateGovernance", (A,), RoleChange,
     {"role": "governance", "account": A, "granted": True, "actor": None}),
    ("yearn", "UpdateManagement", (A,), RoleChange,
     {"role": "management", "account": A, "granted": True, "actor": None}),
    ("yearn", "UpdateGuardian", (A,), RoleChange, {"role": "guardian", "account": A, "granted": True, "actor": None}),
    ("yearn", "UpdateRewards", (A,), ParameterChange, {"what": "rewards", "after": A}),
    ("yearn", "UpdateDepositLimit", (5,), ParameterChange, {"what": "depositLimit", "after": 5}),
    ("yearn", "UpdatePerformanceFee", (5,), ParameterChange, {"what": "performanceFee", "after": 5}),
    ("yearn", "UpdateManagementFee", (5,), ParameterChange, {"what": "managementFee", "after": 5}),
    ("yearn", "LockedProfitDegradationUpdated", (5,), ParameterChange,
     {"what": "lockedProfitDegradation", "after": 5}),
    ("yearn", "EmergencyShutdown", (True,), PauseChange, {"paused": True, "actor": None}),
    ("yearn", "StrategyChanged", (A, 1), RoleChange,
     {"role": "strategy", "account": A, "granted": True, "actor": None}),
    ("yearn", "StrategyChanged", (A, 2), RoleChange,
     {"role": "strategy", "account": A, "granted": False, "actor": None}),
    ("yearn", "RoleSet", (A, 5), ParameterChange, {"what": "roles", "subject": A, "after": 5}),
    ("yearn", "UpdateRoleManager", (A,), RoleChange,
     {"role": "role manager", "account": A, "granted": True, "actor": None}),
    ("yearn", "UpdateAccountant", (A,), ParameterChange, {"what": "accountant", "after": A}),
    ("yearn", "UpdateDepositLimitModule", (A,), ParameterChange, {"what": "deposit_limit_module", "after": A}),
    ("yearn", "UpdateWithdrawLimitModule", (A,), ParameterChange, {"what": "withdraw_limit_module", "after": A}),
    ("yearn", "UpdateMinimumTotalIdle", (5,), ParameterChange, {"what": "minimum_total_idle", "after": 5}),
    ("yearn", "UpdateProfitMaxUnlockTime", (5,), ParameterChange, {"what": "profit_max_unlock_time", "after": 5}),
    ("yearn", "UpdatedMaxDebtForStrategy", (A, B, 5), ParameterChange,
     {"what": "max_debt", "subject": B, "after": 5}),
    ("yearn", "Shutdown", (), PauseChange, {"paused": True, "actor": None}),
    ("yearn", "StrategyShutdown", (), PauseChange, {"paused": True, "actor": None}),
    ("convex", "Deposited", (A, 3, 10), Deposit, {"account": A, "token": None, "amount": 10}),
    ("convex", "Withdrawn(address,uint256,uint256)", (A, 3, 10), Withdraw,
     {"account": A, "token": None, "amount": 10}),
    ("convex", "Staked", (A, 10), Deposit, {"account": A, "token": None, "amount": 10}),
    ("convex", "Withdrawn", (A, 10), Withdraw, {"account": A, "token": None, "amount": 10}),
    ("convex", "Staked", (A, 11, 10, 12), Deposit, {"account": A, "token": None, "amount": 10}),
    ("convex", "Withdrawn(address,uint256,bool)", (A, 10, False), Withdraw,
     {"account": A, "token": None, "amount": 10}),
]  # fmt: skip

WALLETS: list[Case] = [
    ("safe", "AddedOwner", (A,), RoleChange, {"role": "owner", "account": A, "granted": True, "actor": None}),
    ("safe", "RemovedOwner", (A,), RoleChange, {"role": "owner", "account": A, "granted": False, "actor": None}),
    ("safe", "EnabledModule", (A,), RoleChange, {"role": "module", "account": A, "granted": True, "actor": None}),
    ("safe", "DisabledModule", (A,), RoleChange, {"role": "module", "account": A, "granted": False, "actor": None}),
    ("safe", "ChangedThreshold", (2,), ParameterChange, {"what": "threshold", "after": 2}),
    ("safe", "ChangedGuard", (A,), ParameterChange, {"what": "guard", "after": A}),
    ("safe", "ChangedModuleGuard", (A,), ParameterChange, {"what": "moduleGuard", "after": A}),
    ("safe", "ChangedFallbackHandler", (A,), ParameterChange, {"what": "fallbackHandler", "after": A}),
    ("safe", "ChangedMasterCopy", (A,), Upgrade, {"implementation": A, "what": "implementation"}),
    ("safe", "ApproveHash", (X, A), Vote, {"proposal_id": ORDER, "voter": A, "support": 1, "weight": 1}),
    ("safe", "ExecutionSuccess", (X, 0), Proposal, {"proposal_id": ORDER, "step": "executed"}),
    ("gnosis_multisig", "Submission", (7,), Proposal, {"proposal_id": "7", "step": "created"}),
    ("gnosis_multisig", "Execution", (7,), Proposal, {"proposal_id": "7", "step": "executed"}),
    ("gnosis_multisig", "Confirmation", (A, 7), Vote,
     {"proposal_id": "7", "voter": A, "support": 1, "weight": 1}),
    ("gnosis_multisig", "Revocation", (A, 7), Vote, {"proposal_id": "7", "voter": A, "support": 0, "weight": 1}),
    ("gnosis_multisig", "OwnerAddition", (A,), RoleChange,
     {"role": "owner", "account": A, "granted": True, "actor": None}),
    ("gnosis_multisig", "OwnerRemoval", (A,), RoleChange,
     {"role": "owner", "account": A, "granted": False, "actor": None}),
    ("gnosis_multisig", "RequirementChange", (2,), ParameterChange, {"what": "required", "after": 2}),
    ("gnosis_multisig", "DailyLimitChange", (5,), ParameterChange, {"what": "dailyLimit", "after": 5}),
]  # fmt: skip

CASES = [
    *STANDARDS, *UNISWAP, *PANCAKESWAP, *CURVE, *BALANCER, *OTHER_EXCHANGES, *AGGREGATORS, *MORE_POOLS, *STAKING,
    *WALLETS,
]  # fmt: skip


def said(registry: Registry, protocol: str, event: str, *values: Any) -> list[Event]:
    """What `protocol` says by `event`, which is a name or, where names are shared, a signature."""
    own = registry.of(protocol)
    own.bind(HERE, protocol)
    specs = [k.spec for k in (*own.known, *own.anonymous) if event in (k.spec.name, k.spec.signature)]
    spec = next(s for s in specs if len(s.params) == len(values))
    found = Decoder(own).facts(execution(logs=[make_log(spec, *values, log_index=7)]))
    assert not found.malformed
    return list(found.events)


@pytest.mark.parametrize(("protocol", "name", "values", "kind", "fields"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_an_event_says_what_its_log_says(registry, protocol, name, values, kind, fields):
    assert said(registry, protocol, name, *values) == [expected(kind, protocol, **fields)]


@pytest.mark.parametrize("protocol", ["uniswap_v2", "solidly"])
def test_a_pair_adds_liquidity_or_trades_after_it_told_its_reserves_and_others_mean_something_else(registry, protocol):
    own = registry.of(protocol)
    own.bind(HERE, protocol)
    specs = {k.spec.signature: k.spec for k in own.known}
    sync = next(spec for signature, spec in specs.items() if signature.startswith("Sync("))
    logs = [make_log(specs["Mint(address,uint256,uint256)"], A, 10, 9, log_index=7)]
    if protocol == "solidly":
        logs.append(
            make_log(specs["Swap(address,address,uint256,uint256,uint256,uint256)"], A, B, 0, 10, 9, 0, log_index=9)
        )
    expected = [("LiquidityChange", (10, 9)), ("Swap", (-9, 10))]
    for log, (kind, amounts) in zip(logs, expected, strict=False):
        facts = Decoder(own).facts(execution(logs=[make_log(sync, 1, 2, log_index=6), log]))
        said_ = facts.events[-1]
        assert type(said_).__name__ == kind
        assert amounts == (said_.amounts if kind == "LiquidityChange" else (said_.amount0, said_.amount1))
        elsewhere = make_log(sync, 1, 2, address=B, log_index=6)
        for before in ([], [elsewhere]):
            assert all(type(e).__name__ != kind for e in Decoder(own).facts(execution(logs=[*before, log])).events)


def test_a_batch_of_items_is_one_movement_each(registry):
    events = said(registry, "erc1155", "TransferBatch", A, B, C, (5, 6), (1, 2))
    assert [(e.token, e.sender, e.recipient, e.token_id, e.amount) for e in events] == [
        (HERE, B, C, 5, 1), (HERE, B, C, 6, 2),
    ]  # fmt: skip
    assert said(registry, "erc1155", "TransferBatch", A, B, C, (5, 6), (1,)) == []


@pytest.mark.parametrize(
    ("protocol", "event"),
    [
        ("uniswap_v3", "OwnerChanged"),
        ("pancakeswap", "OwnerChanged"),
        ("curve", "TransferOwnership"),
        ("bancor", "OwnerUpdate"),
    ],
)
def test_a_change_of_owner_takes_from_one_and_gives_to_the_other(registry, protocol, event):
    events = said(registry, protocol, event, A, B)
    assert [(e.role, e.account, e.granted) for e in events] == [("owner", A, False), ("owner", B, True)]


@pytest.mark.parametrize(
    ("protocol", "event", "values", "changes"),
    [
        ("curve", "RampAgamma", (1, 2, 3, 4, 5, 6), [("A", 1, 2), ("gamma", 3, 4)]),
        ("curve", "StopRampA", (1, 2, 3), [("A", None, 1), ("gamma", None, 2)]),
        ("curve", "NewFee", (1, 2), [("fee", None, 1), ("admin_fee", None, 2)]),
        ("curve", "NewFee", (1, 2, 3), [("fee", None, 1), ("admin_fee", None, 2), ("offpeg_fee_multiplier", None, 3)]),
        ("curve", "ApplyNewFee", (1, 2), [("fee", None, 1), ("offpeg_fee_multiplier", None, 2)]),
        ("curve", "NewParameters", (1, 2, 3), [("A", None, 1), ("fee", None, 2), ("admin_fee", None, 3)]),
        ("curve", "NewParameters", (1, 2, 3, 4, 5, 6), [
            ("mid_fee", None, 1), ("out_fee", None, 2), ("fee_gamma", None, 3), ("allowed_extra_profit", None, 4),
            ("adjustment_step", None, 5), ("ma_time", None, 6),
        ]),
        ("pancakeswap", "NewFee", (1, 2), [("fee", None, 1), ("admin_fee", None, 2)]),
        ("curve_lending", "SetBorrowingDiscounts", (1, 2), [
            ("loan_discount", None, 1), ("liquidation_discount", None, 2),
        ]),
        ("algebra", "CommunityFee", (1, 2), [("communityFee0", None, 1), ("communityFee1", None, 2)]),
        ("lido", "StakingLimitSet", (1, 2), [("maxStakeLimit", None, 1), ("stakeLimitIncreasePerBlock", None, 2)]),
    ],
)  # fmt: skip
def test_several_settings_in_one_log_are_several_changes(registry, protocol, event, values, changes):
    events = said(registry, protocol, event, *values)
    assert [(e.what, e.before, e.after) for e in events] == changes
    assert [e.order for e in events] == list(range(len(changes)))


@pytest.mark.parametrize(("protocol", "event"), [("dodo", "DODOFlashLoan"), ("uniswap_v3", "Flash")])
def test_the_token_of_a_flash_loan_is_the_one_that_was_sent(registry, decoder, protocol, event):
    specs = {(k.spec.protocol, k.spec.name): k.spec for k in registry.known}
    values = (A, B, 10, 20) if protocol == "dodo" else (A, B, 10, 20, 1, 2)
    logs = [
        make_log(specs["erc20", "Transfer"], HERE, B, 10, address=LOW, log_index=0),
        make_log(specs["erc20", "Transfer"], HERE, B, 20, address=HIGH, log_index=1),
        make_log(specs[protocol, event], *values, log_index=2),
    ]
    loans = [e for e in decoder.facts(execution(logs=logs)).events if isinstance(e, FlashLoan)]
    assert [(e.lender, e.borrower, e.token, e.amount) for e in loans] == [(HERE, B, LOW, 10), (HERE, B, HIGH, 20)]


class TestWhichOfTwoNumbersIsTheAmount:
    """`Deposit(address,uint256,uint256)` and Withdraw: vaults, gauges, vote escrows, our own lending market."""

    def told(self, registry, decoder, event: str, moved: tuple[str, str, str, int] | None, first: int, second: int):
        specs = {(k.spec.protocol, k.spec.signature): k.spec for k in (*registry.known, *registry.of("yearn").known)}
        logs = [make_log(specs["yearn", f"{event}(address,uint256,uint256)"], A, first, second, log_index=1)]
        if moved:
            token, sender, recipient, amount = moved
            transfer = specs["erc20", "Transfer(address,address,uint256)"]
            logs.insert(0, make_log(transfer, sender, recipient, amount, address=token, log_index=0))
        bound = load_registry(contracts={HERE: "yearn"})
        last = Decoder(bound).facts(execution(logs=logs)).events[-1]
        assert all(not isinstance(e, Deposit | Withdraw) for e in decoder.facts(execution(logs=logs)).events)
        return last.amount, last.shares

    def test_of_a_vault_it_is_the_second_and_the_shares_are_the_first(self, registry, decoder):
        assert self.told(registry, decoder, "Deposit", (HERE, ZERO_ADDRESS, A, 9), 9, 10) == (10, 9)
        assert self.told(registry, decoder, "Withdraw", (HERE, A, ZERO_ADDRESS, 9), 9, 10) == (10, 9)

    def test_of_a_gauge_it_is_what_moved(self, registry, decoder):
        assert self.told(registry, decoder, "Deposit", (LOW, A, HERE, 5), 7, 5) == (5, None)
        assert self.told(registry, decoder, "Withdraw", (LOW, HERE, A, 5), 7, 5) == (5, None)

    def test_where_nothing_moved_before_it_is_where_the_protocol_has_it(self, registry, decoder):
        assert self.told(registry, decoder, "Deposit", None, 5, 99) == (99, None)
        assert self.told(registry, decoder, "Withdraw", (LOW, HERE, A, 5), 5, 99) == (5, None)


def test_a_new_safe_names_its_owners_and_their_threshold(registry):
    *owners, threshold = said(registry, "safe", "SafeSetup", A, (B, C), 2, D, D)
    assert [(o.role, o.account, o.granted, o.actor) for o in owners] == [("owner", B, True, A), ("owner", C, True, A)]
    assert (threshold.what, threshold.after) == ("threshold", 2)


@pytest.mark.parametrize(
    ("protocol", "event", "values"),
    [
        ("curve", "RemoveLiquidityOne", (A, 50, 2**255, 49, 1, 7)),
        ("curve", "RemoveLiquidityOne(address,int128,uint256,uint256,uint256)", (A, 2**120, 50, 49, 9)),
        ("curve", "RemoveLiquidityOne(address,int128,uint256,uint256,uint256)", (A, -1, 50, 49, 9)),
        ("saddle", "RemoveLiquidityOne", (A, 50, 99, 2**255, 49)),
    ],
)
def test_the_place_of_a_coin_that_no_pool_has_takes_no_memory(registry, protocol, event, values):
    (found,) = said(registry, protocol, event, *values)
    assert found.amounts == (-49,)


SEEN = [  # topic0 in logs of Ethereum and Polygon, or in the named projects' documentation
    ("erc1155", "TransferSingle", "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"),
    ("erc1155", "TransferBatch", "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"),
    ("permit2", "Permit", "0xc6a377bfc4eb120024a8ac08eef205be16b817020812c73223e81d1bdb9708ec"),
    ("permit2", "Approval", "0xda9fa7c1b00402c17d0161b249b1ab8bbec047c5a52207b9c112deffd817036b"),
    ("uniswap_v1", "EthPurchase", "0x7f4091b46c33e918a0f3aa42307641d17bb67029427a5369e54b353984238705"),
    ("uniswap_v1", "TokenPurchase", "0xcd60aa75dea3072fbc07ae6d7d856b5dc5f4eee88854f5b4abf7b680ef8bc50f"),
    ("uniswap_v3", "PoolCreated", "0x783cca1c0412dd0d695e784568c96da2e9c22ff989357a2e8b1d9b2b4e6b7118"),
    ("uniswap_v3", "IncreaseLiquidity", "0x3067048beee31b25b2f1681f88dac838c8bba36af25bfb2b7cf7473a5847e35f"),
    ("algebra", "Fee", "0x598b9f043c813aa6be3426ca60d1c65d17256312890be5118dab55b0775ebe2a"),
    ("balancer_v1", "LOG_SWAP", "0x908fb5ee8f16c6bc9bc3690973819f32a4d4b10188134543c88706e0e1d43378"),
    ("balancer_v1", "LOG_JOIN", "0x63982df10efd8dfaaaa0fcc7f50b2d93b7cba26ccc48adee2873220d485dc39a"),
    ("balancer_v1", "LOG_EXIT", "0xe74c91552b64c2e2e7bd255639e004e693bd3e1d01cc33e65610b86afcc1ffed"),
    ("balancer_v2", "PoolBalanceChanged", "0xe5ce249087ce04f05a957192435400fd97868dba0e6a4b4c049abf8af80dae78"),
    ("balancer_v3", "Swap", "0x0874b2d545cb271cdbda4e093020c452328b24af12382ed62c4d00f5c26709db"),
    ("balancer_v3", "Unwrap", "0xeeb740c90bf2b18c9532eb7d473137767036d893dff3e009f32718f821b2a4c0"),
    ("bancor", "TokenRateUpdate", "0x77f29993cf2c084e726f7e802da0719d6a0ade3e204badc7a3ffd57ecb768c24"),
    ("convex", "Staked", "0x9e71bc8eea02a63969f509818f2dafb9254532904319f9dbda79b67bd34a5f3d"),
    ("convex", "Withdrawn", "0x7084f5476618d8e60b11ef0d7d3f06914655adb8793e28ff7f018d4c76d505d5"),
    ("convex", "RewardPaid", "0xe2403640ba68fed3a2f88b7557551d1993f84b99bb10ff833f0cf8db0c5e0486"),
    ("cow", "Trade", "0xa07a543ab8a018198e99ca0184c93fe9050a79400a0a723441f84de1d972cc17"),
    ("cow", "Settlement", "0x40338ce1a7c49204f0099533b1e9a7ee0a3d261f84974ab7af36105b8c4e9db4"),
    ("cow", "Interaction", "0xed99827efb37016f2275f98c4bcf71c7551c75d59e9b450f79fa32e60be672c2"),
    ("curve", "TokenExchange", "0x8b3e96f2b889fa771c53c981b40daf005f63f637f1869f707052d15a3dd97140"),
    ("curve", "UpdateLiquidityLimit", "0x7ecd84343f76a23d2227290e0288da3251b045541698e575a5515af4f04197a3"),
    ("curve", "ClaimAdminFee", "0x6059a38198b1dc42b3791087d1ff0fbd72b3179553c25f678cd246f52ffaaf59"),
    ("curve", "RemoveLiquidityOne", "0x5ad056f2e28a8cec232015406b843668c1e36cda598127ec3b8c59b8c72773a0"),
    ("curve", "AddLiquidity", "0x26f55a85081d24974e85c6c00045d0f0453991e95873f52bff0d21af4079a768"),
    ("curve", "AddLiquidity", "0x189c623b666b1b45b83d7178f39b8c087cb09774317ca2f53c2d3c3726f222a2"),
    ("curve", "AddLiquidity", "0x540ab385f9b5d450a27404172caade516b3ba3f4be88239ac56a2ad1de2a1f5a"),
    ("curve", "RemoveLiquidity", "0xdd3c0336a16f1b64f172b7bb0dad5b2b3c7c76f91e8c4aafd6aae60dce800153"),
    ("dodo", "DODOSwap", "0xc2c0245e056d5fb095f04cd6373bc770802ebd1e6c918eb78fdef843cdb37b0f"),
    ("dodo", "SellBaseToken", "0xd8648b6ac54162763c86fd54bf2005af8ecd2f9cb273a5775921fd7f91e17b2d"),
    ("dodo", "BuyBaseToken", "0xe93ad76094f247c0dafc1c61adc2187de1ac2738f7a3b49cb20b2263420251a3"),
    ("dodo", "DODOFlashLoan", "0x0b82e93068db15abd9fbb2682c65462ea8a0a10582dce93a5664818e296f54eb"),
    ("kyber", "Exchange", "0xddac40937f35385a34f721af292e5a83fc5b840f722bff57c2fc71adba708c48"),
    ("kyber", "ClientData", "0x095e66fa4dd6a6f7b43fb8444a7bd0edb870508c7abf639bc216efb0bcff9779"),
    ("lido", "TransferShares", "0x9d9c909296d9c674451c0c24f02cb64981eb3b727f99865939192f880a755dcb"),
    ("lifi", "LiFiTransferStarted", "0xcba69f43792f9f399347222505213b55af8e0b0b54b893085c2e27ecbe1644f1"),
    ("metamask_swap", "Swap", "0xbeee1e6e7fe307ddcf84b0a16137a4430ad5e2480fc4f4a8e250ab56ccd7630d"),
    ("one_inch", "Swapped", "0xd6d4f5681c246c9f42c203e287975af1601f8df8035a9251f79aab5c8f09e2f8"),
    ("pancakeswap", "Swap", "0x19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83"),
    ("paraswap", "SwappedV3", "0xe00361d207b252a464323eb23d45d42583e391f2031acdd2e9fa36efddd43cb0"),
    ("paraswap", "OrderFilled", "0x6621486d9c28838df4a87d2cca5007bc2aaf6a5b5de083b1db8faf709302c473"),
    ("pendle", "Swap", "0x829000a5bc6a12d46e30cdcecd7c56b1efd88f6d7d059da6734a04f3764557c4"),
    ("pendle", "NewInterestIndex", "0x71475f2f645813fdbebf53a58968008bff11ee21a58f01c5a9cc263d0bc4703d"),
    ("safe", "ExecutionSuccess", "0x442e715f626346e8c54381002da614f62bee8d27386535b2521ec8540898556e"),
    ("safe", "SafeReceived", "0x3d0ce9bfc3ed7d6862dbb28b2dea94561fe714a1b4d019aa8af39730d1ad7c3d"),
    ("safe", "ExecutionFromModuleSuccess", "0x6895c13664aa4f67288b25d7a21d7aaa34916e355fb9b6fae0a139a9085becb8"),
    ("seaport", "OrderFulfilled", "0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"),
    ("solidly", "Swap", "0xb3e2773606abfd36b5bd91394b3a54d1398336c65005baf7bf7a05efeffaf75b"),
    ("solidly", "Sync", "0xcf2aa50876cdfbb541206f89af0ee78d44a2abf8d328e37fa4917f982149848a"),
    ("solidly", "Fees", "0x112c256902bf554b6ed882d2936687aaeb4225e8cd5b51303c90ca6cf43a8602"),
    ("sushiswap", "Deposit", "0x90890809c654f11d6e72a28fa60149770a0d11ec6c92319d6ceb2bb0a4ea1a15"),
    ("balancer_v3", "Transfer", "0xd1398bee19313d6bf672ccb116e51f4a1a947e91c757907f51fbb5b5e56c698f"),
    ("balancer_v3", "Approval", "0xa0175360a15bca328baf7ea85c7b784d58b222a50d0ce760b10dba336d226a61"),
    ("curve_lending", "UserState", "0xeec6b7095a637e006c79c1819d696e353a8f703db2c49fc0219e17a8fd04f7f2"),
    ("curve_lending", "SetRate", "0x52543716810f73c3fa9bca74622aecb6d3614ca4991472f3e999d531c2f6afb8"),
    ("one_inch", "Swapped", "0x76af224a143865a50b41496e1a73622698692c565c1214bc862f18e22d829c5e"),
    ("zerox", "TransformedERC20", "0x0f6672f78a59ba8e5e5b5d38df3ebc67f3c792e2c9259b8d97d7f00dd78ba1b3"),
    ("zerox", "RfqOrderFilled", "0x829fa99d94dc4636925b38632e625736a614c154d55006b7ab6bea979c210c32"),
    ("uniswap_v3", "DecreaseLiquidity", "0x26f6a048ee9138f2c0ce266f322cb99228e8d619ae2bff30c67f8dcf9d2377b4"),
]


@pytest.mark.parametrize(("protocol", "name", "topic0"), SEEN, ids=[f"{p}-{n}" for p, n, _ in SEEN])
def test_topics_are_those_seen_on_chain(registry, protocol, name, topic0):
    own = registry.of(protocol)
    assert topic0 in {k.spec.topic0 for k in own.known if k.spec.name == name}
