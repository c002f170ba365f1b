"""Axelar's gateway. It names chains and tokens by text, so that neither is known as a number or an address.

A call that is approved is a message that came in; with a mint it also says how much.
"""

from chainwatch.decode.protocols.base import Mappers, literal, says
from chainwatch.types import BridgeTransfer, ParameterChange

MAPPERS: Mappers = {
    "TokenSent(address,string,string,string,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount="amount",
        sender="sender",
        recipient="destinationAddress",
    ),
    "ContractCall(address,string,string,bytes32,bytes)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=None,
        sender="sender",
        recipient="destinationContractAddress",
        message_id="payloadHash",
    ),
    "ContractCallWithToken(address,string,string,bytes32,bytes,string,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount="amount",
        sender="sender",
        recipient="destinationContractAddress",
        message_id="payloadHash",
    ),
    "ContractCallApproved(bytes32,string,string,address,bytes32,bytes32,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender="sourceAddress",
        recipient="contractAddress",
        message_id="commandId",
    ),
    "ContractCallApprovedWithMint(bytes32,string,string,address,bytes32,string,uint256,bytes32,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount="amount",
        sender="sourceAddress",
        recipient="contractAddress",
        message_id="commandId",
    ),
    "OperatorshipTransferred(bytes)": says(ParameterChange, what=literal("operators"), after="newOperatorsData"),
    "GovernanceTransferred(address,address)": says(
        ParameterChange, what=literal("governance"), before="previousGovernance", after="newGovernance"
    ),
    "MintLimiterTransferred(address,address)": says(
        ParameterChange, what=literal("mint_limiter"), before="previousGovernance", after="newGovernance"
    ),
    "TokenMintLimitUpdated(string,uint256)": says(
        ParameterChange, what=literal("mint_limit"), subject="symbol", after="limit"
    ),
}
