"""Positions and trades read from the call tree, for Executions without logs.

Lending and vault calls become Deposit, Withdraw, Borrow, Repay and Liquidation with the amounts that were
asked for. Trades at Uniswap v2 and v3 style pools become Swaps whose amounts are those that moved in and out
of the pool around the call, since its return value is not recorded.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from chainwatch.decode.calls import address_word, word
from chainwatch.decode.flows import Move
from chainwatch.types import NATIVE, Address, Borrow, Deposit, Event, Frame, Liquidation, Repay, Swap, Withdraw

V2_SWAP = "0x022c0d9f"  # swap(uint256,uint256,address,bytes)
V3_SWAP = "0x128acb08"  # swap(address,bool,int256,uint160,bytes)
# What else a v2 pair does with what was sent to it: mint(address), burn(address), skim(address), sync().
V2_SETTLES = frozenset(("0x6a627842", "0x89afcb44", "0xbc25cf77", "0xfff6cae9"))


class Found(NamedTuple):
    """An Event without its order. `frame` is where it was read, `after` the last frame it covers."""

    frame: int
    after: int
    kind: type[Event]
    fields: dict[str, Any]


class _Call(NamedTuple):
    """Which argument words of a call say what; None: the caller, or the contract's own asset."""

    kind: type[Event]
    protocol: str
    account: int | None
    token: int | None
    amount: int


_POSITIONS: dict[str, _Call] = {
    "0x617ba037": _Call(Deposit, "aave_v3", 2, 0, 1),  # supply(address,uint256,address,uint16)
    "0xe8eda9df": _Call(Deposit, "aave_v2", 2, 0, 1),  # deposit(address,uint256,address,uint16)
    "0x69328dec": _Call(Withdraw, "aave_v3", None, 0, 1),  # withdraw(address,uint256,address)
    "0xa415bcad": _Call(Borrow, "aave_v3", 4, 0, 1),  # borrow(address,uint256,uint256,uint16,address)
    "0x573ade81": _Call(Repay, "aave_v3", 3, 0, 1),  # repay(address,uint256,uint256,address)
    "0xa0712d68": _Call(Deposit, "compound_v2", None, None, 0),  # mint(uint256)
    "0x852a12e3": _Call(Withdraw, "compound_v2", None, None, 0),  # redeemUnderlying(uint256)
    "0xc5ebeaec": _Call(Borrow, "compound_v2", None, None, 0),  # borrow(uint256)
    "0x0e752702": _Call(Repay, "compound_v2", None, None, 0),  # repayBorrow(uint256)
    "0x2608f818": _Call(Repay, "compound_v2", 0, None, 1),  # repayBorrowBehalf(address,uint256)
    "0x6e553f65": _Call(Deposit, "erc4626", 1, None, 0),  # deposit(uint256,address)
    "0xb460af94": _Call(Withdraw, "erc4626", 2, None, 0),  # withdraw(uint256,address,address)
    "0xbad4a01f": _Call(Deposit, "chainwatch", None, None, 0),  # depositCollateral(uint256)
    "0x6112fe2e": _Call(Withdraw, "chainwatch", None, None, 0),  # withdrawCollateral(uint256)
    "0x22867d78": _Call(Repay, "chainwatch", 0, None, 1),  # repay(address,uint256)
}

LIQUIDATIONS = frozenset(
    (
        "0x00a718a9",  # Aave liquidationCall(address,address,address,uint256,bool)
        "0xf5e3c462",  # Compound liquidateBorrow(address,uint256,address)
        "0xaae40a2a",  # cETH liquidateBorrow(address,address), paid in native coin
        "0xbcbaf487",  # ours: liquidate(address,uint256)
    )
)


def positions(frames: Sequence[Frame]) -> Iterator[Found]:
    """Deposits, withdrawals, loans, repayments and liquidations."""
    for frame in frames:
        if frame.kind != "CALL" or frame.reverted:
            continue
        call = _POSITIONS.get(frame.selector)
        if call is not None:
            found = _position(frame, call)
        elif frame.selector in LIQUIDATIONS:
            found = _liquidation(frame)
        else:
            continue
        if found is not None:
            yield found


def _position(frame: Frame, call: _Call) -> Found | None:
    amount = word(frame.input, call.amount)
    account = frame.sender if call.account is None else address_word(frame.input, call.account)
    token = None if call.token is None else address_word(frame.input, call.token)
    if amount is None or account is None:
        return None
    fields: dict[str, Any] = {
        "address": frame.to, "protocol": call.protocol, "account": account, "token": token, "amount": amount,
    }  # fmt: skip
    if call.kind is Repay:
        fields["payer"] = frame.sender
    return Found(frame.index, frame.end - 1, call.kind, fields)


def _liquidation(frame: Frame) -> Found | None:
    """Nobody returns what was seized: it shows in the movements, and is given as zero here."""
    data = frame.input
    collateral: Address | None = None
    debt: Address | None = None
    if frame.selector == "0x00a718a9":
        collateral, debt, account, repaid = (
            address_word(data, 0), address_word(data, 1), address_word(data, 2), word(data, 3),
        )  # fmt: skip
        protocol = "aave_v3"
    elif frame.selector == "0xaae40a2a":
        account, collateral, repaid, protocol = address_word(data, 0), address_word(data, 1), frame.value, "compound_v2"
    else:
        account, repaid = address_word(data, 0), word(data, 1)
        is_compound = frame.selector == "0xf5e3c462"
        collateral = address_word(data, 2) if is_compound else None
        protocol = "compound_v2" if is_compound else "chainwatch"
    if account is None or repaid is None:
        return None
    fields = {
        "address": frame.to, "protocol": protocol, "account": account, "liquidator": frame.sender,
        "debt_token": debt, "collateral_token": collateral, "repaid": repaid, "seized": 0,
    }  # fmt: skip
    return Found(frame.index, frame.end - 1, Liquidation, fields)


def swaps(frames: Sequence[Frame], moves: Sequence[Move]) -> Iterator[Found]:
    """Trades at pools of the Uniswap v2 and v3 kind."""
    pools = {f.to for f in frames if f.selector in (V2_SWAP, V3_SWAP) and f.kind == "CALL" and not f.reverted}
    if not pools:
        return
    near: dict[Address, dict[int, Move]] = {pool: {} for pool in pools}
    for move in moves:
        if move.token != NATIVE:
            for side in (move.sender, move.recipient):
                if side in pools:
                    near[side][move.frame] = move
    places = {pool: sorted(own) for pool, own in near.items()}
    since: dict[Address, int] = {}
    still: dict[Address, list[Move]] = {}  # payments within whose call the pool was settled last: they are not over

    def between(pool: Address, start: int, end: int) -> list[Move]:
        at = places[pool]
        return [near[pool][n] for n in at[bisect_left(at, start) : bisect_left(at, end)]]

    def around(frame: Frame) -> list[Move]:
        found, above = [], frame.parent
        while above >= 0:
            if above in near[frame.to]:
                found.append(near[frame.to][above])
            above = frames[above].parent
        return found

    for frame in frames:
        pool = frame.to
        if pool not in pools or frame.kind != "CALL" or frame.reverted:
            continue
        if frame.selector in V2_SETTLES:  # what came in before was liquidity, not the price of a trade
            since[pool], still[pool] = frame.end - 1, around(frame)
        if frame.selector not in (V2_SWAP, V3_SWAP):
            continue
        v2 = frame.selector == V2_SWAP
        # A v2 pool is paid before the call or in its callback, a v3 pool in its callback only.
        open_ = still.get(pool, []) if v2 else around(frame)
        came = [*open_, *between(pool, since.get(pool, 0) if v2 else frame.index, frame.end)]
        paid = _sums(m for m in came if m.recipient == pool)
        out = _sums(m for m in between(pool, frame.index, frame.end) if m.sender == pool)
        since[pool], still[pool] = frame.end, around(frame)
        amounts = _v2_amounts(frame, paid, out) if v2 else _v3_amounts(frame, paid, out)
        if amounts is None:
            continue
        recipient = address_word(frame.input, 2 if v2 else 0)
        fields = {
            "address": frame.to, "protocol": "uniswap_v2" if v2 else "uniswap_v3", "pool": frame.to,
            "sender": frame.sender, "recipient": recipient or frame.sender,
            "amount0": amounts[0], "amount1": amounts[1],
        }  # fmt: skip
        yield Found(frame.index, frame.end - 1, Swap, fields)


def _sums(moves: Iterator[Move]) -> dict[Address, int]:
    sums: dict[Address, int] = {}
    for move in moves:
        sums[move.token] = sums.get(move.token, 0) + move.amount
    return sums


def _v2_amounts(frame: Frame, paid: dict[Address, int], out: dict[Address, int]) -> tuple[int, int] | None:
    """Which token is which shows in what left the pool: the call names amount0 and amount1 out."""
    out0, out1 = word(frame.input, 0), word(frame.input, 1)
    if out0 is None or out1 is None:
        return None
    left = {amount: token for token, amount in out.items()}
    token0, token1 = left.get(out0) if out0 else None, left.get(out1) if out1 else None
    if token0 is None and token1 is None:
        return None
    others = [token for token in paid if token not in (token0, token1)]
    token0 = token0 or (others[0] if len(others) == 1 else None)
    token1 = token1 or (others[0] if len(others) == 1 else None)
    return (paid.get(token0, 0) if token0 else 0) - out0, (paid.get(token1, 0) if token1 else 0) - out1


def _v3_amounts(frame: Frame, paid: dict[Address, int], out: dict[Address, int]) -> tuple[int, int] | None:
    zero_for_one = word(frame.input, 1)
    if zero_for_one is None or len(paid) != 1 or len(out) != 1:
        return None
    amount_in, amount_out = next(iter(paid.values())), next(iter(out.values()))
    return (amount_in, -amount_out) if zero_for_one else (-amount_out, amount_in)
