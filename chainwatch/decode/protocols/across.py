"""Across: deposits at SpokePools go out, fills of relayers come in; liquidity of the HubPool.

A message is numbered by its origin's deposit. Newer layouts hold addresses in 32 bytes; those of this chain are shown
as addresses. A fill pays `updatedOutputAmount` to the recipient, out of the relayer's own money.
"""

from chainwatch.decode.protocols.base import EMITTER, Expr, Mappers, Says, expr, literal, says
from chainwatch.types import BridgeTransfer, LiquidityChange, ParameterChange, PauseChange


def _here(name: str) -> Expr:
    """An address of this chain that stands in 32 bytes."""
    return expr(f"'0x' + {{{name}}}[26:]")


def _out(token: str | Expr, amount: str, sender: str | Expr) -> Says:
    return says(
        BridgeTransfer,
        direction=literal("out"),
        token=token,
        amount=amount,
        sender=sender,
        recipient="recipient",
        remote_chain="destinationChainId",
        message_id=expr("str({depositId})"),
    )


def _in(token: str | Expr, amount: str | Expr, recipient: str | Expr) -> Says:
    return says(
        BridgeTransfer,
        direction=literal("in"),
        token=token,
        amount=amount,
        sender="depositor",
        recipient=recipient,
        remote_chain="originChainId",
        message_id=expr("str({depositId})"),
    )


_UPDATED_AMOUNT = expr("{relayExecutionInfo}[2]")

MAPPERS: Mappers = {
    "V3FundsDeposited(address,address,uint256,uint256,uint256,uint32,uint32,uint32,uint32,address,address,address,"
    "bytes)": _out("inputToken", "inputAmount", "depositor"),
    "FundsDeposited(bytes32,bytes32,uint256,uint256,uint256,uint256,uint32,uint32,uint32,bytes32,bytes32,bytes32,"
    "bytes)": _out(_here("inputToken"), "inputAmount", _here("depositor")),
    "FundsDeposited(uint256,uint256,uint256,int64,uint32,uint32,address,address,address,bytes)": _out(
        "originToken", "amount", "depositor"
    ),
    "FundsDeposited(uint256,uint256,uint256,uint64,uint32,uint32,address,address,address)": _out(
        "originToken", "amount", "depositor"
    ),
    "FilledV3Relay(address,address,uint256,uint256,uint256,uint256,uint32,uint32,uint32,address,address,address,"
    "address,bytes,(address,bytes,uint256,uint8))": _in(
        "outputToken", _UPDATED_AMOUNT, expr("{relayExecutionInfo}[0]")
    ),
    "FilledRelay(bytes32,bytes32,uint256,uint256,uint256,uint256,uint256,uint32,uint32,bytes32,bytes32,bytes32,"
    "bytes32,bytes32,(bytes32,bytes32,uint256,uint8))": _in(
        _here("outputToken"), _UPDATED_AMOUNT, expr("'0x' + {relayExecutionInfo}[0][26:]")
    ),
    "FilledRelay(uint256,uint256,uint256,uint256,uint256,uint256,int64,int64,uint32,address,address,address,address,"
    "bytes,(address,bytes,int64,bool,int256))": _in("destinationToken", "fillAmount", "recipient"),
    "FilledRelay(uint256,uint256,uint256,uint256,uint256,uint256,uint64,uint64,uint64,uint32,address,address,address,"
    "address,bool)": _in("destinationToken", "fillAmount", "recipient"),
    "LiquidityAdded(address,uint256,uint256,address)": says(
        LiquidityChange,
        pool=EMITTER,
        account="liquidityProvider",
        amounts=expr("({amount},)"),
        tokens=expr("({l1Token},)"),
        shares="lpTokensMinted",
    ),
    "LiquidityRemoved(address,uint256,uint256,address)": says(
        LiquidityChange,
        pool=EMITTER,
        account="liquidityProvider",
        amounts=expr("(-{amount},)"),
        tokens=expr("({l1Token},)"),
        shares="lpTokensBurnt",
    ),
    "Paused(bool)": says(PauseChange, paused="isPaused", actor=None),
    "PausedDeposits(bool)": says(PauseChange, paused="isPaused", actor=None, scope=literal("deposits")),
    "PausedFills(bool)": says(PauseChange, paused="isPaused", actor=None, scope=literal("fills")),
    "SetXDomainAdmin(address)": says(ParameterChange, what=literal("cross_domain_admin"), after="newAdmin"),
    "SetWithdrawalRecipient(address)": says(
        ParameterChange, what=literal("withdrawal_recipient"), after="newWithdrawalRecipient"
    ),
    "CrossChainContractsSet(uint256,address,address)": says(
        ParameterChange, what=literal("spoke_pool"), subject=expr("str({l2ChainId})"), after="spokePool"
    ),
    "LivenessSet(uint256)": says(ParameterChange, what=literal("liveness"), after="newLiveness"),
    "BondSet(address,uint256)": says(
        ParameterChange, what=literal("bond"), subject="newBondToken", after="newBondAmount"
    ),
}
