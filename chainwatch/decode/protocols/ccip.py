"""Chainlink CCIP 1.2 to 2.0: messages with their tokens, pools, curses, prices.

`remote_chain` is CCIP's chain selector; the first ramps do not name it. A request of 1.2 to 1.5 names its tokens. Of
later ones the pool's LockedOrBurned names the token; where an older pool has said nothing, the message tells the amount
alone. An execution is said where it succeeded (state 2). Locked, Burned, Released and Minted of older pools say
nothing: other contracts write the same layouts.
"""

from typing import Any

from chainwatch.decode.before import said_before
from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, expr, literal, says
from chainwatch.types import (
    Address,
    BridgeTransfer,
    Event,
    LiquidityChange,
    ParameterChange,
    PauseChange,
    PriceUpdate,
    RoleChange,
)

_PROTOCOL = "ccip"
_SUCCESS = 2


def _add(events: list[Event], log_index: int, address: Address, **fields: Any) -> None:
    event = BridgeTransfer(order=len(events), log_index=log_index, address=address, protocol=_PROTOCOL, **fields)
    events.append(event)


def _requested(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """One transfer for each token, and a message where there is none."""
    message = args[0]
    sender, receiver, tokens, message_id = message[1], message[2], message[10], message[12]
    for token, amount in tokens or ((None, None),):
        _add(
            events,
            log_index,
            address,
            direction="out",
            token=token,
            amount=amount,
            sender=sender,
            recipient=receiver,
            message_id=message_id,
        )


def _sent(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    chain, _number, message = args
    amounts = [token[3] for token in message[8]]
    _send(events, log_index, address, chain, message[1], message[3], message[0][0], amounts)


def _sent_v2(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    chain, sender, message_id, _fee_token, amount = args[:5]
    _send(events, log_index, address, chain, sender, None, message_id, [amount] if amount else [])


def _send(
    events: list[Event],
    log_index: int,
    address: Address,
    chain: int,
    sender: str,
    recipient: str | None,
    message_id: str,
    amounts: list[int],
) -> None:
    said = said_before(events)
    for amount in tuple(a for a in amounts if not said.bridged(_PROTOCOL, "out", a)) or (None,):
        _add(
            events,
            log_index,
            address,
            direction="out",
            token=None,
            amount=amount,
            sender=sender,
            recipient=recipient,
            remote_chain=chain,
            message_id=message_id,
        )


def _executed(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """(Selector,) number, message, (hash,) state, data(, gas)."""
    if len(args) == 4:
        chain, message_id, state = None, args[1], args[2]
    else:
        chain, message_id, state = args[0], args[2], args[4] if len(args) == 7 else args[3]
    if state == _SUCCESS:
        _add(
            events,
            log_index,
            address,
            direction="in",
            token=None,
            amount=None,
            sender=None,
            recipient=None,
            remote_chain=chain,
            message_id=message_id,
        )


def _cursed(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    _curses(events, log_index, address, args[0], paused=True)


def _uncursed(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    _curses(events, log_index, address, args[0], paused=False)


def _curses(events: list[Event], log_index: int, address: Address, subjects: tuple[str, ...], *, paused: bool) -> None:
    for subject in subjects:
        events.append(
            PauseChange(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                paused=paused,
                actor=None,
                scope=subject,
            )
        )


_PAID = "(address,uint256)[]"
_MESSAGE = f"(uint64,address,address,uint64,uint256,bool,uint64,address,uint256,bytes,{_PAID},bytes[],bytes32)"
_MESSAGE_V6 = (
    "((bytes32,uint64,uint64,uint64,uint64),address,bytes,bytes,bytes,address,uint256,uint256,"
    "(address,bytes,bytes,uint256,bytes)[])"
)

MAPPERS: Mappers = {
    f"CCIPSendRequested({_MESSAGE})": _requested,
    f"CCIPMessageSent(uint64,uint64,{_MESSAGE_V6})": _sent,
    "CCIPMessageSent(uint64,address,bytes32,address,uint256,bytes,(address,uint32,uint32,uint256,bytes)[],bytes[])": (
        _sent_v2
    ),
    "ExecutionStateChanged(uint64,bytes32,uint8,bytes)": _executed,
    "ExecutionStateChanged(uint64,uint64,bytes32,bytes32,uint8,bytes,uint256)": _executed,
    "ExecutionStateChanged(uint64,uint64,bytes32,uint8,bytes)": _executed,
    "LockedOrBurned(uint64,address,address,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token="token",
        amount="amount",
        sender="sender",
        recipient=None,
        remote_chain="remoteChainSelector",
    ),
    "ReleasedOrMinted(uint64,address,address,address,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token="token",
        amount="amount",
        sender=None,
        recipient="recipient",
        remote_chain="remoteChainSelector",
    ),
    "LiquidityAdded(address,uint256)": says(
        LiquidityChange, pool=EMITTER, account="provider", amounts=expr("({amount},)")
    ),
    "LiquidityRemoved(address,uint256)": says(
        LiquidityChange, pool=EMITTER, account="provider", amounts=expr("(-{amount},)")
    ),
    "Cursed(uint32,bytes16,uint64)": says(PauseChange, paused=True, actor=None, scope="subject"),
    "CurseLifted(bytes16)": says(PauseChange, paused=False, actor=None, scope="subject"),
    "Cursed(bytes16[])": _cursed,
    "Uncursed(bytes16[])": _uncursed,
    "UsdPerTokenUpdated(address,uint256,uint256)": says(
        PriceUpdate, feed="token", answer="value", updated_at="timestamp"
    ),
    "PoolSet(address,address,address)": says(
        ParameterChange, what=literal("token_pool"), subject="token", before="previousPool", after="newPool"
    ),
    "PoolAdded(address,address)": says(ParameterChange, what=literal("token_pool"), subject="token", after="pool"),
    "PoolRemoved(address,address)": says(ParameterChange, what=literal("token_pool"), subject="token", before="pool"),
    "OnRampSet(uint64,address)": says(
        ParameterChange, what=literal("on_ramp"), subject=expr("str({destChainSelector})"), after="onRamp"
    ),
    "OffRampAdded(uint64,address)": says(
        RoleChange, role=literal("off_ramp"), account="offRamp", granted=True, actor=None
    ),
    "OffRampRemoved(uint64,address)": says(
        RoleChange, role=literal("off_ramp"), account="offRamp", granted=False, actor=None
    ),
    "RouterUpdated(address,address)": says(
        ParameterChange, what=literal("router"), before="oldRouter", after="newRouter"
    ),
    "RateLimitAdminSet(address)": says(ParameterChange, what=literal("rate_limit_admin"), after="rateLimitAdmin"),
}
