"""Balancer v2: what the Vault writes for all pools, each named by the address its id begins with, and pools' settings.

Positive deltas of liquidity came into the pool. A swap's sender is the Vault: its event names nobody. Internal balances
are tokens that the Vault holds for a user; ExternalBalanceTransfer repeats the token's own Transfer and has no mapper.
"""

from chainwatch.decode.mappers import change, listed
from chainwatch.decode.protocols.base import EMITTER, Args, Expr, Mappers, expr, literal, says
from chainwatch.types import (
    Address,
    Deposit,
    Event,
    FlashLoan,
    LiquidityChange,
    PauseChange,
    RoleChange,
    Swap,
    Withdraw,
)

POOL = expr("{poolId}[:42]")  # "Pool IDs": the first 20 bytes are the pool's address

# Tokens are ordered by address, as in Uniswap, so that the amounts of one pair keep their places.
_FORWARD = "{tokenIn} < {tokenOut}"


def ordered_trade() -> dict[str, Expr]:
    """The fields of a Swap of `amountIn` of `tokenIn` for `amountOut` of `tokenOut`."""
    return {
        "amount0": expr(f"{{amountIn}} if {_FORWARD} else -{{amountOut}}"),
        "amount1": expr(f"-{{amountOut}} if {_FORWARD} else {{amountIn}}"),
        "token0": expr(f"{{tokenIn}} if {_FORWARD} else {{tokenOut}}"),
        "token1": expr(f"{{tokenOut}} if {_FORWARD} else {{tokenIn}}"),
        "pair": expr(f"{{tokenIn}} + {{tokenOut}} if {_FORWARD} else {{tokenOut}} + {{tokenIn}}"),
    }


def _internal_balance(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    user, token, delta = args
    kind = Deposit if delta > 0 else Withdraw
    events.append(
        kind(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="balancer_v2",
            account=user,
            token=token,
            amount=abs(delta),
        )
    )


MAPPERS: Mappers = {
    "Swap(bytes32,address,address,uint256,uint256)": says(
        Swap, pool=POOL, sender=EMITTER, recipient=EMITTER, **ordered_trade()
    ),
    "FlashLoan(address,address,uint256,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="recipient", token="token", amount="amount", fee="feeAmount"
    ),
    "PoolBalanceChanged(bytes32,address,address[],int256[],uint256[])": says(
        LiquidityChange, pool=POOL, account="liquidityProvider", amounts="deltas", tokens="tokens"
    ),
    "InternalBalanceChanged(address,address,int256)": _internal_balance,
    "PoolRegistered(bytes32,address,uint8)": listed("poolAddress"),
    "PoolCreated(address)": listed("pool"),
    "AuthorizerChanged(address)": change("authorizer", "newAuthorizer"),
    "RelayerApprovalChanged(address,address,bool)": says(
        RoleChange, role=literal("relayer"), account="relayer", granted="approved", actor="sender"
    ),
    "PausedStateChanged(bool)": says(PauseChange, paused="paused", actor=None),
    "RecoveryModeStateChanged(bool)": change("recoveryMode", expr("int({enabled})")),
    "FlashLoanFeePercentageChanged(uint256)": change("flashLoanFeePercentage", "newFlashLoanFeePercentage"),
    "SwapFeePercentageChanged(uint256)": change("swapFeePercentage", "swapFeePercentage"),
    "GradualSwapFeeUpdateScheduled(uint256,uint256,uint256,uint256)": change(
        "swapFeePercentage", "endSwapFeePercentage", "startSwapFeePercentage"
    ),
    "AmpUpdateStarted(uint256,uint256,uint256,uint256)": change("amplificationParameter", "endValue", "startValue"),
    "AmpUpdateStopped(uint256)": change("amplificationParameter", "currentValue"),
    "TokenRateProviderSet(uint256,address,uint256)": change(
        "rateProvider", "provider", subject=expr("str({tokenIndex})")
    ),
    "TokenRateCacheUpdated(uint256,uint256)": change("rate", "rate", subject=expr("str({tokenIndex})")),
    "PriceRateProviderSet(address,address,uint256)": change("rateProvider", "provider", subject="token"),
    "PriceRateCacheUpdated(address,uint256)": change("rate", "rate", subject="token"),
    "SwapEnabledSet(bool)": says(PauseChange, paused=expr("not {swapEnabled}"), actor=None, scope=literal("swap")),
    "JoinExitEnabledSet(bool)": says(
        PauseChange, paused=expr("not {joinExitEnabled}"), actor=None, scope=literal("join and exit")
    ),
    "ManagementAumFeePercentageChanged(uint256)": change("managementAumFeePercentage", "managementAumFeePercentage"),
    "CircuitBreakerSet(address,uint256,uint256,uint256)": change("circuitBreaker", "bptPrice", subject="token"),
}
