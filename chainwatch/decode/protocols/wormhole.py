"""Wormhole: published messages, and the token bridge's redemptions.

Tokens and amounts are in the Transfers around them. `remote_chain` is Wormhole's own number; a message is
`emitter/sequence` of the chain it comes from.
"""

from chainwatch.decode.protocols.base import Mappers, expr, literal, says
from chainwatch.types import BridgeTransfer, ParameterChange, Upgrade

MAPPERS: Mappers = {
    "LogMessagePublished(address,uint64,uint32,bytes,uint8)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=None,
        sender="sender",
        recipient=None,
        message_id=expr("{sender} + '/' + str({sequence})"),
    ),
    "TransferRedeemed(uint16,bytes32,uint64)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender="emitterAddress",
        recipient=None,
        remote_chain="emitterChainId",
        message_id=expr("{emitterAddress} + '/' + str({sequence})"),
    ),
    "GuardianSetAdded(uint32)": says(ParameterChange, what=literal("guardian_set"), after="index"),
    "LogGuardianSetChanged(uint32,uint32)": says(
        ParameterChange, what=literal("guardian_set"), before="oldGuardianIndex", after="newGuardianIndex"
    ),
    "ContractUpgraded(address,address)": says(Upgrade, implementation="newContract", what=literal("implementation")),
}
