"""Circle's CCTP, v1 and v2: USDC that is burnt here and minted there. `remote_chain` is Circle's domain.

A mint does not say where it comes from; MessageReceived of the same transaction does, as a message.
"""

from chainwatch.decode.protocols.base import Mappers, expr, literal, says
from chainwatch.types import BridgeTransfer, ParameterChange, RoleChange

_MINTED = says(
    BridgeTransfer, direction=literal("in"), token="mintToken", amount="amount", sender=None, recipient="mintRecipient"
)

MAPPERS: Mappers = {
    "DepositForBurn(uint64,address,uint256,address,bytes32,uint32,bytes32,bytes32)": says(
        BridgeTransfer,
        direction=literal("out"),
        token="burnToken",
        amount="amount",
        sender="depositor",
        recipient="mintRecipient",
        remote_chain="destinationDomain",
        message_id=expr("str({nonce})"),
    ),
    "DepositForBurn(address,uint256,address,bytes32,uint32,bytes32,bytes32,uint256,uint32,bytes)": says(
        BridgeTransfer,
        direction=literal("out"),
        token="burnToken",
        amount="amount",
        sender="depositor",
        recipient="mintRecipient",
        remote_chain="destinationDomain",
    ),
    "MintAndWithdraw(address,uint256,address)": _MINTED,
    "MintAndWithdraw(address,uint256,address,uint256)": _MINTED,
    "MessageReceived(address,uint32,uint64,bytes32,bytes)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender="sender",
        recipient=None,
        remote_chain="sourceDomain",
        message_id=expr("str({nonce})"),
    ),
    "MessageReceived(address,uint32,bytes32,bytes32,uint32,bytes)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender="sender",
        recipient=None,
        remote_chain="sourceDomain",
        message_id="nonce",
    ),
    "RemoteTokenMessengerAdded(uint32,bytes32)": says(
        ParameterChange,
        what=literal("remote_token_messenger"),
        subject=expr("str({domain})"),
        after="tokenMessenger",
    ),
    "RemoteTokenMessengerRemoved(uint32,bytes32)": says(
        ParameterChange,
        what=literal("remote_token_messenger"),
        subject=expr("str({domain})"),
        before="tokenMessenger",
    ),
    "LocalMinterAdded(address)": says(ParameterChange, what=literal("local_minter"), after="localMinter"),
    "LocalMinterRemoved(address)": says(ParameterChange, what=literal("local_minter"), before="localMinter"),
    "AttesterEnabled(address)": says(
        RoleChange, role=literal("attester"), account="attester", granted=True, actor=None
    ),
    "AttesterDisabled(address)": says(
        RoleChange, role=literal("attester"), account="attester", granted=False, actor=None
    ),
    "SignatureThresholdUpdated(uint256,uint256)": says(
        ParameterChange,
        what=literal("signature_threshold"),
        before="oldSignatureThreshold",
        after="newSignatureThreshold",
    ),
}
