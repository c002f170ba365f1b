"""Linea: messages that carry coin between the layers, the token bridge, limits and pauses.

A message that carries nothing names no amount. A claim tells the message's hash only. A token that came back home has
no `bridgedToken`.
"""

from chainwatch.decode.mappers import change
from chainwatch.decode.protocols.base import Expr, Mappers, Says, expr, literal, says
from chainwatch.types import NATIVE, ZERO_ADDRESS, BridgeTransfer, PauseChange


def _sent() -> Says:
    return says(
        BridgeTransfer, direction=literal("out"), token="token", amount="amount", sender="sender", recipient="recipient"
    )


def _arrived() -> Says:
    return says(
        BridgeTransfer,
        direction=literal("in"),
        token=expr(f"{{nativeToken}} if {{bridgedToken}} == {ZERO_ADDRESS!r} else {{bridgedToken}}"),
        amount="amount",
        sender=None,
        recipient="recipient",
    )


def _paused(paused: bool, scope: Expr | str) -> Says:
    return says(PauseChange, paused=paused, actor="messageSender", scope=scope)


_NUMBER = expr("str({pauseType})")
_VERIFIER = expr("str({proofType})")

MAPPERS: Mappers = {
    "MessageSent(address,address,uint256,uint256,uint256,bytes,bytes32)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=expr(f"{NATIVE!r} if {{_value}} else None"),
        amount=expr("{_value} or None"),
        sender="_from",
        recipient="_to",
        message_id="_messageHash",
    ),
    "MessageClaimed(bytes32)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender=None,
        recipient=None,
        message_id="_messageHash",
    ),
    "BridgingInitiated(address,address,address,uint256)": _sent(),
    "BridgingInitiatedV2(address,address,address,uint256)": _sent(),
    "BridgingFinalized(address,address,uint256,address)": _arrived(),
    "BridgingFinalizedV2(address,address,uint256,address)": _arrived(),
    "RemoteTokenBridgeSet(address,address)": change("remoteTokenBridge", "remoteTokenBridge"),
    "CustomContractSet(address,address,address)": change("customContract", "customContract", subject="nativeToken"),
    "LimitAmountChanged(address,uint256,bool,bool)": change("rateLimit", "amount"),
    "MinimumFeeChanged(uint256,uint256,address)": change("minimumFee", "newMinimumFee", "previousMinimumFee"),
    "VerifierAddressChanged(address,uint256,address)": change("verifier", "verifierAddress", subject=_VERIFIER),
    "VerifierAddressChanged(address,uint256,address,address)": change(
        "verifier", "verifierAddress", "oldVerifierAddress", _VERIFIER
    ),
    "Paused(address,bytes32)": _paused(True, "pauseType"),
    "Paused(address,uint256)": _paused(True, _NUMBER),
    "UnPaused(address,bytes32)": _paused(False, "pauseType"),
    "UnPaused(address,uint256)": _paused(False, _NUMBER),
}
