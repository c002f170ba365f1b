"""What an Execution looks like, in numbers that a learned model judges: shape, control and value, nothing else.

Nothing here says which chain, which addresses, when, or where the data came from: no gas, nonce, block or kind of
transaction. `features` reads the call tree alone, movements of value included, so that a source with logs and one
without give the same numbers. What sources disagree on is left out of every count: precompiles, self-destructions,
calls that carry nothing, and what the sender's side asks of tokens (analysts who rewrite an attack print balances).
`features_of_logs` is for Executions without a call tree and reads Events alone.

Numbers are multiples of 1/1024, so that they mean the same in 32 and 64 bits. No recursion, one walk for each group.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import expm1, log, log1p, log2

from chainwatch.decode import flash
from chainwatch.decode.balances import Ledger, giver, ledger, taker
from chainwatch.decode.calls import BORROWED_CODE, CREATIONS, address_word
from chainwatch.decode.flows import TRANSFER, TRANSFER_FROM, native_moves, token_moves
from chainwatch.decode.positions import V2_SWAP, V3_SWAP, swaps
from chainwatch.detect.reentry_paths import DECLARED, TOKEN_SURFACE, reentries
from chainwatch.detect.trades import excursions
from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    Address,
    Borrow,
    Deposit,
    Event,
    Execution,
    Facts,
    FlashLoan,
    Frame,
    Liquidation,
    LiquidityChange,
    ParameterChange,
    Repay,
    ReservesUpdate,
    RoleChange,
    Swap,
    Transfer,
    Upgrade,
    Withdraw,
)

GRID = 1_024
"""Features are multiples of 1/GRID, and so small that they are exact in 32 bits."""

MAX_MOVES = 4_000
"""Of more movements only the first are looked at: an honest transaction has a tenth, and time is bounded."""

_APPROVE = "0x095ea7b3"  # approve(address,uint256)
_PRECOMPILES = "0x" + "0" * 37  # EIP-1352 reserves the addresses below 0x10000; those in use have three digits
_HUGE_DIGITS, _LOOKED_AT = 24, 8
"""A word of call data with a non-zero digit among its first 24 is neither an amount nor an address, but a limit, a hash
or a number chosen to overflow; of each call the first eight words are looked at."""

_MAX_SWAPS = 128
"""Of a transaction with more trades at known pools only the movements are read: it bounds time."""

_LARGEST = 20.0
"""Ratios and logarithms of ratios end here."""

_VALUE = {
    "transfers": "movements of value",
    "tokens": "different tokens moved",
    "token_repeat": "movements of one token",
    "mints": "tokens made",
    "burns": "tokens burnt",
    "self_transfers": "movements from an address to itself",
    "parties": "addresses that gave or took",
    "swaps": "trades at pools",
    "venues": "places of trade",
    "round_trip_venues": "places of trade used in both directions",
    "excursion": "how far a price moved between trades, as a logarithm",
    "loans": "lenders paid back whole within the transaction",
    "own_gained": "tokens gained by the sender and what it created",
    "own_lost": "tokens lost by the sender and what it created",
    "side_gained": "tokens gained by the sender, what it called and created",
    "side_lost": "tokens lost by the sender, what it called and created",
    "made_gained": "tokens gained by the sender's side that were made for it",
    "pure_gain": "whether the sender's side gained and gave nothing",
    "gain_share": "gain of the sender's side per loss of the largest loser",
    "kept_share": "share of what came to the sender's side that it kept",
    "losers": "others that lost",
    "pure_losers": "others that lost and got nothing",
    "round_trips": "tokens sent to others and got back from them",
    "amount_bits": "digits of the largest amount, in bits",
}

_TREE = {
    "frames": "calls",
    "depth": "depth of calls",
    "static_share": "share of reading calls",
    "delegate_share": "share of borrowed code",
    "created": "contracts created",
    "created_calls": "calls by contracts created here",
    "root_create": "whether all happens in a constructor",
    "targets": "contracts called",
    "target_share": "contracts called per call",
    "selectors": "functions called",
    "selector_entropy": "variety of functions, in bits",
    "repeat": "calls of one function by the sender's side",
    "repeat_any": "calls of one function of one contract",
    "repeat_targets": "contracts of which the sender's side called one function",
    "functions": "functions of one contract called by the sender's side",
    "side_share": "share of calls by the sender's side",
    "side_targets": "contracts called by the sender's side",
    "side_reads": "readings by the sender's side, but of tokens",
    "approvals": "approvals by the sender's side",
    "undone_share": "share of calls undone",
    "handed": "times that control came to the sender's side from others",
    "handed_flash": "callbacks of lenders",
    "handed_declared": "other documented callbacks",
    "handed_plain": "payments that ran code of the sender's side",
    "nesting": "callbacks within callbacks",
    "reentries": "entries into contracts that had not returned",
    "reentries_read": "readings of contracts that had not returned",
    "reentries_cross": "entries into what a contract that had not returned relies on",
    "pulled": "transfers that the sender's side made for others",
    "pushed": "plain transfers by the sender's side to others",
    "huge_words": "huge numbers in calls by the sender's side",
}

_LOGS = {
    "events": "things said",
    "kinds": "kinds of things said",
    "emitters": "contracts that said something",
    "repeat": "times that one contract said one thing",
    "flash_events": "loans for the length of the transaction, by event",
    "reserve_moves": "how far reserves moved, as a logarithm",
    "reserve_turns": "turns of a pool's reserves",
    "liquidity": "changes of liquidity",
    "positions": "deposits, withdrawals, loans and repayments",
    "liquidations": "liquidations",
    "settings": "changes of roles, code and settings",
}

WORDS: Mapping[str, str] = _LOGS | _TREE | _VALUE
"""Every feature in words."""

NAMES: tuple[str, ...] = (*_TREE, *_VALUE)
NAMES_OF_LOGS: tuple[str, ...] = (*_LOGS, *_VALUE)

AS_THEY_ARE = frozenset(
    (
        "static_share", "delegate_share", "root_create", "target_share", "selector_entropy", "side_share",
        "undone_share", "excursion", "pure_gain", "gain_share", "kept_share", "reserve_moves",
    )
)  # fmt: skip
"""Features that are no counts; counts are given as log(1 + n)."""


def features(execution: Execution, facts: Facts) -> tuple[float, ...]:
    """The numbers of NAMES, from the call tree; all zero where there is none."""
    frames = facts.frames
    if not frames:
        return (0.0,) * len(NAMES)
    own, side = _sides(execution.transaction.from_, frames)
    moves, calls = _movements(frames), _counted(frames, side)
    book = ledger(moves)
    found = _shape(frames, calls, facts.created) | _by_side(calls, side) | _control(frames, side, book)
    return _scaled(NAMES, found | _value(moves, frames, own, side, book))


def features_of_logs(execution: Execution, facts: Facts) -> tuple[float, ...]:
    """The numbers of NAMES_OF_LOGS, from what logs said."""
    sender = execution.transaction.from_
    own = frozenset((sender,))
    side = own | ({execution.transaction.to} if execution.transaction.to else set())
    events = facts.events[:MAX_MOVES]
    moves = [e for e in events if isinstance(e, Transfer | Swap)]
    return _scaled(NAMES_OF_LOGS, _said(events) | _value(moves, (), own, side, ledger(moves)))


def shown(name: str, value: float) -> str:
    """A feature as a person reads it: "calls: 12"."""
    return f"{WORDS[name]}: {value:.2f}" if name in AS_THEY_ARE else f"{WORDS[name]}: {round(expm1(value))}"


def _scaled(names: Sequence[str], found: Mapping[str, float]) -> tuple[float, ...]:
    return tuple(round((found[name] if name in AS_THEY_ARE else log1p(found[name])) * GRID) / GRID for name in names)


def _counted(frames: Sequence[Frame], side: frozenset[Address]) -> list[Frame]:
    """The frames that every source shows and that are calls to somebody."""
    found: list[Frame] = []
    skipped_until = 0
    for frame in frames:
        if frame.index < skipped_until or frame.kind == "SELFDESTRUCT" or frame.to.startswith(_PRECOMPILES):
            continue
        if frame.kind == "STATICCALL" and frame.selector in TOKEN_SURFACE and frame.sender in side:
            skipped_until = frame.end
        elif len(frame.input) > 2 or frame.end > frame.index + 1:
            found.append(frame)
    return found


def _sides(sender: Address, frames: Sequence[Frame]) -> tuple[frozenset[Address], frozenset[Address]]:
    """The sender and what it created, and the same with the contract it called. What that creates is of both, since
    who calls an attack contract made it."""
    own, side = {sender}, {sender, frames[0].to}
    for frame in frames:
        if frame.kind in CREATIONS and frame.sender in side and not frame.reverted:
            side.add(frame.to)
            own.add(frame.to)
    return frozenset(own - {ZERO_ADDRESS}), frozenset(side - {ZERO_ADDRESS})


def _movements(frames: Sequence[Frame]) -> list[Event]:
    """Transfers and trades as the call tree shows them, in order."""
    moves = token_moves(frames)[:MAX_MOVES]
    found: list[tuple[int, Event]] = []
    for m in (*native_moves(frames)[:MAX_MOVES], *moves):
        transfer = Transfer(
            order=0, frame=m.frame, address=m.token, protocol="calls", token=m.token, sender=m.sender,
            recipient=m.recipient, amount=m.amount,
        )  # fmt: skip
        found.append((m.frame, transfer))
    if moves and 0 < sum(f.selector in (V2_SWAP, V3_SWAP) for f in frames) <= _MAX_SWAPS:
        found += ((s.after, s.kind(order=0, frame=s.frame, **s.fields)) for s in swaps(frames, moves))
    found.sort(key=lambda item: item[0])
    return [event for _, event in found]


def _shape(frames: Sequence[Frame], calls: Sequence[Frame], created: frozenset[Address]) -> dict[str, float]:
    kinds = Counter(f.kind for f in calls)
    asked = [f for f in calls if f.kind in ("CALL", "STATICCALL")]
    functions = Counter(f.selector for f in asked)
    targets = {f.to for f in asked}
    total, of_all = len(asked) or 1, len(calls) or 1
    return {
        "frames": len(calls),
        "depth": max((f.depth for f in calls), default=0),
        "static_share": kinds["STATICCALL"] / of_all,
        "delegate_share": sum(kinds[kind] for kind in BORROWED_CODE) / of_all,
        "created": len(created),
        "created_calls": sum(f.sender in created for f in asked),
        "root_create": float(frames[0].kind in CREATIONS),
        "targets": len(targets),
        "target_share": len(targets) / total,
        "selectors": len(functions),
        "selector_entropy": -sum(n / total * log2(n / total) for n in functions.values()),
        "repeat_any": max(Counter((f.to, f.selector) for f in asked if f.kind == "CALL").values(), default=0),
        "undone_share": sum(f.reverted for f in calls) / of_all,
    }


def _by_side(calls: Sequence[Frame], side: frozenset[Address]) -> dict[str, float]:
    """What the sender's side does itself, beyond being called by the sender."""
    made = [f for f in calls if f.sender in side and f.parent >= 0 and f.kind in ("CALL", "STATICCALL")]
    changing = [f for f in made if f.kind == "CALL"]
    functions = Counter((f.to, f.selector) for f in changing)
    return {
        "repeat": max(functions.values(), default=0),
        "repeat_targets": max(Counter(selector for _, selector in functions).values(), default=0),
        "functions": max(
            Counter(to for to, selector in functions if selector not in TOKEN_SURFACE).values(), default=0
        ),
        "side_share": len(made) / (len(calls) or 1),
        "side_targets": len({f.to for f in changing}),
        "side_reads": len(made) - len(changing),
        "approvals": sum(f.selector == _APPROVE for f in changing),
        "pulled": sum(f.selector == TRANSFER_FROM and address_word(f.input, 0) not in side for f in changing),
        "pushed": sum(f.selector == TRANSFER and address_word(f.input, 0) not in side for f in changing),
        "huge_words": sum(_huge_words(f) for f in changing if f.selector != _APPROVE),
    }


def _huge_words(frame: Frame) -> int:
    data = frame.input
    starts = range(10, min(len(data) - 63, 10 + 64 * _LOOKED_AT), 64)
    return sum(bool(data[i : i + _HUGE_DIGITS].strip("0")) for i in starts)


def _control(frames: Sequence[Frame], side: frozenset[Address], book: Ledger) -> dict[str, float]:
    """How often others hand control to the sender's side, and what it does before they have returned."""
    handed = Counter[str]()
    open_until: list[int] = []
    nesting = 0
    for frame in frames:
        while open_until and open_until[-1] <= frame.index:
            open_until.pop()
        if frame.parent < 0 or frame.kind != "CALL" or frame.to not in side or frame.sender in side or frame.reverted:
            continue
        ran = frame.end > frame.index + 1
        if not frame.selector and not ran:
            continue  # coin that nobody did anything with
        handed[_way(frame.selector)] += 1
        if ran:
            open_until.append(frame.end)
            nesting = max(nesting, len(open_until))
    entries = Counter(e.kind for e in reentries(frames, side, book.folded))
    return {
        "handed": handed.total(),
        "handed_flash": handed["flash"],
        "handed_declared": handed["declared"],
        "handed_plain": handed["plain"],
        "nesting": nesting,
        "reentries": entries["direct"],
        "reentries_read": entries["read"],
        "reentries_cross": entries["cross"],
    }


def _way(selector: str) -> str:
    if not selector:
        return "plain"
    if selector in flash.FLASH_CALLBACKS:
        return "flash"
    return "declared" if selector in DECLARED else "other"


def _value(moves: Sequence[Event], frames: Sequence[Frame], own: frozenset[Address], side: frozenset[Address],
           book: Ledger) -> dict[str, float]:  # fmt: skip
    """What moved, between whom, and who ended with more or less."""
    transfers = [m for m in moves if isinstance(m, Transfer) and m.amount]
    trades = excursions(moves, frames, side, book)
    gain, cost = _split(book.net(side))
    own_gain, own_cost = _split(book.net(own))
    others = [a for a in book.changes if a not in side and a not in book.folded and a != ZERO_ADDRESS]
    changes = [net for a in others if (net := book.net((a,)))]
    losses = [net for net in changes if min(net.values()) < 0]
    largest: dict[Address, int] = {}
    for net in losses:
        for token, change in net.items():
            largest[token] = max(largest.get(token, 0), -change)
    inward = [t for t in transfers if taker(t) in side and giver(t) not in side]
    came = {(giver(t), t.token) for t in inward}
    went = {(taker(t), t.token) for t in transfers if giver(t) in side and taker(t) not in side}
    inflow: dict[Address, int] = {}
    for t in inward:
        token = NATIVE if t.token in book.folded else t.token
        inflow[token] = inflow.get(token, 0) + t.amount
    by_token = Counter(t.token for t in transfers)
    return {
        "transfers": len(transfers),
        "tokens": len(by_token),
        "token_repeat": max(by_token.values(), default=0),
        "mints": sum(t.sender == ZERO_ADDRESS for t in transfers),
        "burns": sum(t.recipient == ZERO_ADDRESS for t in transfers),
        "self_transfers": sum(t.sender == t.recipient for t in transfers),
        "parties": len(book.changes),
        "swaps": sum(isinstance(m, Swap) for m in moves),
        "venues": len({e.venue for e in trades}),
        "round_trip_venues": len({e.venue for e in trades if e.round_trip}),
        "excursion": min(log(max((e.ratio for e in trades), default=1.0)), _LARGEST),
        "loans": len({found.fields["lender"] for found in flash.out_and_back(transfers, side)}),
        "own_gained": len(own_gain),
        "own_lost": len(own_cost),
        "side_gained": len(gain),
        "side_lost": len(cost),
        "made_gained": sum(book.changes.get(token, {}).get(token, 0) < 0 for token in gain),
        "pure_gain": float(bool(gain) and not cost),
        "gain_share": min(max((n / largest[t] for t, n in gain.items() if largest.get(t)), default=0.0), _LARGEST),
        "kept_share": min(max((n / inflow[t] for t, n in gain.items() if inflow.get(t)), default=0.0), 1.0),
        "losers": len(losses),
        "pure_losers": sum(max(net.values()) < 0 for net in losses),
        "round_trips": len(came & went),
        "amount_bits": max((t.amount.bit_length() for t in transfers), default=0),
    }


def _split(net: Mapping[Address, int]) -> tuple[dict[Address, int], dict[Address, int]]:
    """What was gained and what was lost."""
    return {t: n for t, n in net.items() if n > 0}, {t: -n for t, n in net.items() if n < 0}


def _said(events: Sequence[Event]) -> dict[str, float]:
    """What logs say beyond movements of value."""
    said = [e for e in events if e.log_index is not None]
    kinds = Counter(type(e) for e in said)
    moved, turns = _reserves(said)
    return {
        "events": len(said),
        "kinds": len(kinds),
        "emitters": len({e.address for e in said}),
        "repeat": max(Counter((e.address, type(e)) for e in said).values(), default=0),
        "flash_events": kinds[FlashLoan],
        "reserve_moves": moved,
        "reserve_turns": turns,
        "liquidity": kinds[LiquidityChange],
        "positions": sum(kinds[kind] for kind in (Deposit, Withdraw, Borrow, Repay)),
        "liquidations": kinds[Liquidation],
        "settings": sum(kinds[kind] for kind in (RoleChange, Upgrade, ParameterChange)),
    }


def _reserves(events: Sequence[Event]) -> tuple[float, int]:
    """How far the price that a pool's reserves make moved at most, and how often any pool's turned."""
    prices: dict[Address, list[float]] = {}
    for event in events:
        if isinstance(event, ReservesUpdate) and event.reserve0 > 0 and event.reserve1 > 0:
            prices.setdefault(event.address, []).append(event.reserve0 / event.reserve1)
    turns = 0
    for own in prices.values():
        turns += sum((b > a) != (c > b) for a, b, c in zip(own, own[1:], own[2:], strict=False))
    return min(max((log(max(p) / min(p)) for p in prices.values()), default=0.0), _LARGEST), turns
