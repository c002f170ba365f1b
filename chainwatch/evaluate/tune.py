"""Limits of outflow from a protocol's own history, for a stated budget of false pages a week.

For each token and window the history gives amounts that left without an attack, and how many weeks it spans. A limit is
to be exceeded `budget` times a week: where that is more than once in the history, it is the amount that was exceeded as
often; else it lies beyond all of them, extrapolated along the tail of the largest amounts (Hill, Annals of Statistics
1975). What is learned stands in the profile, for a person to review: nothing is learned in silence.
"""

import difflib
import math
import re
from collections.abc import Iterable, Sequence

import msgspec

from chainwatch.config.models import OutflowWindow, Profile, TokenConfig
from chainwatch.decode import Decoder
from chainwatch.decode.balances import outflow
from chainwatch.errors import BadInput
from chainwatch.triage.windows import Outflows
from chainwatch.types import Address, Block, BlockRef, Hash

WINDOWS: tuple[OutflowWindow, ...] = ("transaction", "block", "hour", "day")
_WEEK = 7 * 86_400
_LEAST_TAIL, _MOST_TAIL = 0.7, 4.0  # exponents beyond these are an accident of few numbers
MOST_SHARE = 0.25
"""Of what the contracts hold: a limiter's usual share (10 to 25 %)."""
_FEW = 10  # amounts; with fewer the tail is taken to be that of heavy-tailed money, 1
_EPISODE_SECONDS = {"transaction": 0, "block": 0, "hour": 3_600, "day": 86_400}


class Left(msgspec.Struct, frozen=True):
    """So much (base units, > 0) had left at the end of a transaction or block."""

    at: int
    amount: int
    tx: Hash
    block: int | None


class History(msgspec.Struct, frozen=True):
    """What left by token and window, in order; by token the most that had come in net of what had left (less than the
    contracts held where the history does not begin with them); `first` and `last` timestamps, and how many transactions
    and blocks."""

    left: dict[tuple[Address, OutflowWindow], list[Left]]
    held: dict[Address, int]
    first: int
    last: int
    transactions: int
    blocks: int

    @property
    def weeks(self) -> float:
        """How long it is."""
        return (self.last - self.first) / _WEEK


class Proposal(msgspec.Struct, frozen=True):
    """A limit: `max_amount` in whole tokens, what was the most before, how often it is expected to fire without an
    attack, and on what it would have in the history. `capped`: by what the contracts held; the budget is not kept."""

    token: str
    window: OutflowWindow
    max_amount: float
    capped: bool
    pages_per_week: float
    most_before: float
    amounts: int
    tail: float
    false_alarm_rate: float
    fired: tuple[Left, ...]


def read_history(blocks: Iterable[Block], profile: Profile, decoder: Decoder) -> History:
    """What left the contracts of `profile`, over `blocks` in order of time.

    Raises BadInput where a block has no timestamp, or they are not in order, or they span less than an hour.
    """
    tokens = {token.address for token in profile.tokens}
    left: dict[tuple[Address, OutflowWindow], list[Left]] = {}
    windows = Outflows()
    inside: dict[Address, int] = {}
    held: dict[Address, int] = {}
    first = last = transactions = count = 0
    for block in blocks:
        at = _time(block.ref, last)
        first, last, count = first or at, at, count + 1
        in_block: dict[Address, int] = {}
        newest: Hash = ""
        for execution in block.executions:
            transactions += 1
            if not execution.succeeded:
                continue
            net = outflow(decoder.facts(execution).events, profile.protected)
            for token, amount in net.items():
                if token not in tokens:
                    continue
                newest = execution.transaction.hash
                in_block[token] = in_block.get(token, 0) + amount
                inside[token] = inside.get(token, 0) - amount
                held[token] = max(held.get(token, 0), inside[token])
                if amount > 0:
                    left.setdefault((token, "transaction"), []).append(Left(at, amount, newest, block.ref.number))
        for (window, token), amount in windows.add(block.ref, in_block).items():
            if amount > 0 and in_block.get(token, 0) > 0:
                series = left.setdefault((token, _window(window)), [])
                series.append(Left(at, amount, newest, block.ref.number))
    if last - first < 3_600:
        raise BadInput("The history spans less than an hour.", "Give Recordings of some weeks, in order of time.")
    return History(left, held, first, last, transactions, count)


def _time(ref: BlockRef, last: int) -> int:
    if ref.timestamp is None or ref.timestamp < last:
        raise BadInput(
            f"Block {ref.number} of the history has no timestamp, or an earlier one than the block before.",
            "Give Recordings with timestamps, the oldest first.",
        )
    return ref.timestamp


def _window(name: str) -> OutflowWindow:
    return next(w for w in WINDOWS if w == name)


def propose(
    history: History, tokens: Sequence[TokenConfig], pages_per_week: float, most_share: float = MOST_SHARE
) -> list[Proposal]:
    """A limit for each token and window in which anything left; the budget is shared evenly among them.

    No limit is above `most_share` of what the contracts held, as far as the history tells: one above what there
    is to take would never fire.

    Raises BadInput for a budget that is not positive, or where nothing ever left.
    """
    if not pages_per_week > 0:
        raise BadInput("The budget of false pages must be above 0.", "Give for example --pages-per-week 0.1.")
    by_address = {token.address: token for token in tokens}
    if not history.left:
        raise BadInput(
            "None of the profile's tokens ever left its contracts in this history.",
            "Name the tokens in [[tokens]], and give the history of these contracts.",
        )
    share = pages_per_week / len(history.left)
    proposals = []
    for (address, window), series in sorted(history.left.items(), key=lambda i: (i[0][0], WINDOWS.index(i[0][1]))):
        token = by_address[address]
        peaks = episodes_of(series, window)
        most = max(p.amount for p in peaks)
        limit, tail = limit_of([p.amount for p in peaks], share * history.weeks)
        cap = max(most_share * history.held.get(address, 0), most)
        capped = limit > cap
        unit = 10**token.decimals
        amount = _rounded_up(min(limit, cap) / unit)
        pages = (most / cap) ** tail / history.weeks if capped else share
        per_week = (history.transactions if window == "transaction" else history.blocks) / history.weeks
        proposals.append(
            Proposal(
                token.symbol, window, amount, capped, pages, most / unit, len(peaks), tail,
                min(0.5, max(1e-9, pages / per_week)), tuple(p for p in peaks if p.amount > amount * unit),
            )
        )  # fmt: skip
    return proposals


def episodes_of(series: Sequence[Left], window: OutflowWindow) -> list[Left]:
    """The peaks: sums over windows that overlap are one page, not many."""
    seconds = _EPISODE_SECONDS[window]
    peaks: list[Left] = []
    began = 0
    for one in series:
        if peaks and one.at - began < seconds:
            if one.amount > peaks[-1].amount:
                peaks[-1] = one
        else:
            peaks.append(one)
            began = one.at
    return peaks


def limit_of(amounts: Sequence[int], exceeded: float) -> tuple[float, float]:
    """The amount that `amounts` would exceed so many times (it may be a fraction), and the tail's exponent."""
    ordered = sorted(amounts, reverse=True)
    tail = _tail(ordered)
    if exceeded >= 1:
        return float(ordered[min(int(exceeded), len(ordered) - 1)]), tail
    return ordered[0] * (1 / exceeded) ** (1 / tail), tail


def _tail(ordered: Sequence[int]) -> float:
    if len(ordered) < _FEW:
        return 1.0
    count = max(5, math.isqrt(len(ordered)))
    spread = sum(math.log(ordered[i] / ordered[count]) for i in range(count)) / count
    return min(max(1 / spread if spread > 0 else _MOST_TAIL, _LEAST_TAIL), _MOST_TAIL)


def _rounded_up(amount: float) -> float:
    """To two digits: a limit that pretends to more is read as a measurement."""
    unit = 10.0 ** (math.floor(math.log10(amount)) - 1)
    return float(f"{math.ceil(amount / unit - 1e-9) * unit:.12g}")


_ENTRY = re.compile(r"(?:^#[^\n]*tune[^\n]*\n)?^\[\[outflow\]\][^\n]*\n(?:(?!\[)[^\n]*\n?)*", re.MULTILINE)


def changed(profile_text: str, proposals: Sequence[Proposal], history: History) -> str:
    """The profile's text with these limits in place of its own."""
    kept = _ENTRY.sub("", profile_text).rstrip("\n")
    entries = [
        f"# by chainwatch tune: {p.amounts} amounts in {history.weeks:.1f} weeks, the most {p.most_before:.6g}; "
        f"expected false pages a week: {p.pages_per_week:.2g}\n[[outflow]]\n"
        f'token = "{p.token}"\nwindow = "{p.window}"\nmax_amount = {p.max_amount!r}\n'
        f"false_alarm_rate = {p.false_alarm_rate:.2g}\n"
        for p in proposals
    ]
    return kept + "\n\n" + "\n".join(entries)


def difference(before: str, after: str, name: str) -> str:
    """The change as a unified diff, as `patch` takes it."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    )
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)
