"""Poly Network: what its LockProxy locks and unlocks, messages of its EthCrossChainManager, and its bookkeepers.

The chain's coin is the zero address.
"""

from chainwatch.decode.protocols.base import Mappers, expr, literal, says
from chainwatch.types import NATIVE, ZERO_ADDRESS, BridgeTransfer, ParameterChange


def _token(name: str) -> str:
    return f"{NATIVE!r} if {{{name}}} == {ZERO_ADDRESS!r} else {{{name}}}"


MAPPERS: Mappers = {
    "LockEvent(address,address,uint64,bytes,bytes,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=expr(_token("fromAssetHash")),
        amount="amount",
        sender="fromAddress",
        recipient="toAddress",
        remote_chain="toChainId",
    ),
    "UnlockEvent(address,address,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=expr(_token("toAssetHash")),
        amount="amount",
        sender=None,
        recipient="toAddress",
    ),
    "CrossChainEvent(address,bytes,address,uint64,bytes,bytes)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=None,
        sender="sender",
        recipient="toContract",
        remote_chain="toChainId",
        message_id="txId",
    ),
    "VerifyHeaderAndExecuteTxEvent(uint64,bytes,bytes,bytes)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender=None,
        recipient="toContract",
        remote_chain="fromChainID",
        message_id="crossChainTxHash",
    ),
    "ChangeBookKeeperEvent(uint256,bytes)": says(
        ParameterChange, what=literal("book_keepers"), subject=expr("str({height})"), after="rawHeader"
    ),
}
