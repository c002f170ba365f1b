"""The bridge of Arbitrum One, Nova and Orbit chains: token gateways, inboxes, outboxes and their administration.

A gateway of the L2 names tokens by their address on the L1, so that the local token is not known (None). What the
Bridge pays out is its chain's coin, which need not be ether (None). Messages are numbered as their contract does.
"""

from typing import Literal

from chainwatch.decode.protocols.base import Args, Expr, Mappers, Says, expr, literal, says
from chainwatch.types import NATIVE, Address, BridgeTransfer, Event, ParameterChange, RoleChange, Upgrade


def _paid_out(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """A call for the L2; token gateways are called without value."""
    _outbox, to, value, _data = args
    if value:
        events.append(
            BridgeTransfer(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol="arbitrum_bridge",
                direction="in",
                token=None,
                amount=value,
                sender=None,
                recipient=to,
            )
        )


def _moved(direction: Literal["in", "out"], token: str | None, number: str | None) -> Says:
    return says(
        BridgeTransfer,
        direction=literal(direction),
        token=token,
        amount="_amount",
        sender="_from",
        recipient="_to",
        message_id=None if number is None else expr(f"str({{{number}}})"),
    )


def _message(direction: Literal["in", "out"], number: str | Expr, sender: str | None, recipient: str | None) -> Says:
    return says(
        BridgeTransfer,
        direction=literal(direction),
        token=None,
        amount=None,
        sender=sender,
        recipient=recipient,
        message_id=number,
    )


def _role(role: str, account: str, granted: str | bool) -> Says:
    return says(RoleChange, role=literal(role), account=account, granted=granted, actor=None)


def _set(what: str, value: str, subject: str | None = None) -> Says:
    return says(ParameterChange, what=literal(what), subject=subject, after=value)


MAPPERS: Mappers = {
    "DepositInitiated(address,address,address,uint256,uint256)": _moved("out", "l1Token", "_sequenceNumber"),
    "WithdrawalFinalized(address,address,address,uint256,uint256)": _moved("in", "l1Token", "_exitNum"),
    "DepositFinalized(address,address,address,uint256)": _moved("in", None, None),
    "WithdrawalInitiated(address,address,address,uint256,uint256,uint256)": _moved("out", None, "_l2ToL1Id"),
    "MessageDelivered(uint256,bytes32,address,uint8,address,bytes32,uint256,uint64)": _message(
        "out", expr("str({messageIndex})"), "sender", None
    ),
    "BridgeCallTriggered(address,address,uint256,bytes)": _paid_out,
    "OutBoxTransactionExecuted(address,address,uint256,uint256)": _message(
        "in", expr("str({transactionIndex})"), "l2Sender", "to"
    ),
    "L2ToL1Tx(address,address,uint256,uint256,uint256,uint256,uint256,uint256,bytes)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=literal(NATIVE),
        amount="callvalue",
        sender="caller",
        recipient="destination",
        message_id=expr("str({position})"),
    ),
    "TicketCreated(bytes32)": _message("in", "ticketId", None, None),
    "InboxToggle(address,bool)": _role("inbox", "inbox", "enabled"),
    "OutboxToggle(address,bool)": _role("outbox", "outbox", "enabled"),
    "BatchPosterSet(address,bool)": _role("batch_poster", "batchPoster", "isBatchPoster"),
    "SequencerSet(address,bool)": _role("sequencer", "addr", "isSequencer"),
    "RollupUpdated(address)": _set("rollup", "rollup"),
    "SequencerInboxUpdated(address)": _set("sequencer_inbox", "newSequencerInbox"),
    "WasmModuleRootSet(bytes32)": _set("wasm_module_root", "newWasmModuleRoot"),
    "ConfirmPeriodBlocksSet(uint64)": _set("confirm_period_blocks", "newConfirmPeriod"),
    "GatewaySet(address,address)": _set("gateway", "gateway", "l1Token"),
    "DefaultGatewayUpdated(address)": _set("default_gateway", "newDefaultGateway"),
    "UpgradedSecondary(address)": says(Upgrade, implementation="implementation", what=literal("implementation")),
}
