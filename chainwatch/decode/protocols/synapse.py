"""SynapseBridge: tokens locked or burnt here, and released or minted for others. A fee is within the amount."""

from chainwatch.decode.protocols.base import Mappers, literal, says
from chainwatch.types import BridgeTransfer

_OUT = says(
    BridgeTransfer,
    direction=literal("out"),
    token="token",
    amount="amount",
    sender=None,
    recipient="to",
    remote_chain="chainId",
)
_IN = says(
    BridgeTransfer,
    direction=literal("in"),
    token="token",
    amount="amount",
    sender=None,
    recipient="to",
    message_id="kappa",
)

MAPPERS: Mappers = {
    "TokenDeposit(address,uint256,address,uint256)": _OUT,
    "TokenRedeem(address,uint256,address,uint256)": _OUT,
    "TokenRedeemV2(bytes32,uint256,address,uint256)": _OUT,
    "TokenDepositAndSwap(address,uint256,address,uint256,uint8,uint8,uint256,uint256)": _OUT,
    "TokenRedeemAndSwap(address,uint256,address,uint256,uint8,uint8,uint256,uint256)": _OUT,
    "TokenRedeemAndRemove(address,uint256,address,uint256,uint8,uint256,uint256)": _OUT,
    "TokenWithdraw(address,address,uint256,uint256,bytes32)": _IN,
    "TokenMint(address,address,uint256,uint256,bytes32)": _IN,
    "TokenMintAndSwap(address,address,uint256,uint256,uint8,uint8,uint256,uint256,bool,bytes32)": _IN,
    "TokenWithdrawAndRemove(address,address,uint256,uint256,uint8,uint256,uint256,bool,bytes32)": _IN,
}
