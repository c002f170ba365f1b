"""Which calls wait to be executed by governance, and what each of them would do to what is protected.

Read from the events of proposals and timelocks; where a contract wrote none that we know, from the calls by which it
was asked. A call is told by its selector: what a contract unknown to us would do when it is called, no table can tell.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from chainwatch.decode.calls import address_word, word
from chainwatch.detect.base import View
from chainwatch.types import Address, Event, Frame, HexData, Proposal

_OWNER, _CODE, _ORACLE = "change who has rights at", "change the code of", "change the prices of"
_DELAY, _SUPPLY, _MONEY = "change how long people have to object at", "make more of", "move tokens of"

DANGERS: Mapping[str, tuple[str, str]] = {
    "0xf2fde38b": (_OWNER, "transferOwnership(address)"),
    "0x13af4035": (_OWNER, "setOwner(address)"),
    "0xa6f9dae1": (_OWNER, "changeOwner(address)"),
    "0xc42069ec": (_OWNER, "setPendingOwner(address)"),
    "0x8f283970": (_OWNER, "changeAdmin(address)"),
    "0x704b6c02": (_OWNER, "setAdmin(address)"),
    "0x4dd18bf5": (_OWNER, "setPendingAdmin(address)"),
    "0xb71d1a0c": (_OWNER, "_setPendingAdmin(address)"),
    "0x75829def": (_OWNER, "transferAdmin(address)"),
    "0xab033ea9": (_OWNER, "setGovernance(address)"),
    "0xc42cf535": (_OWNER, "setGovernor(address)"),
    "0x7a9e5e4b": (_OWNER, "setAuthority(address)"),
    "0x2f2ff15d": (_OWNER, "grantRole(bytes32,address)"),
    "0x25c471a0": (_OWNER, "grantRole(uint64,address,uint32)"),
    "0x08d6122d": (_OWNER, "setTargetFunctionRole(address,bytes4[],uint64)"),
    "0x634e93da": (_OWNER, "beginDefaultAdminTransfer(address)"),
    "0x983b2d56": (_OWNER, "addMinter(address)"),
    "0xfca3b5aa": (_OWNER, "setMinter(address)"),
    "0x610b5925": (_OWNER, "enableModule(address)"),
    "0xa890c910": (_OWNER, "updateTimelock(address)"),
    "0x3659cfe6": (_CODE, "upgradeTo(address)"),
    "0x4f1ef286": (_CODE, "upgradeToAndCall(address,bytes)"),
    "0x99a88ec4": (_CODE, "upgrade(address,address)"),
    "0x9623609d": (_CODE, "upgradeAndCall(address,address,bytes)"),
    "0xbb913f41": (_CODE, "_setImplementation(address)"),
    "0x555bcc40": (_CODE, "_setImplementation(address,bool,bytes)"),
    "0xe992a041": (_CODE, "_setPendingImplementation(address)"),
    "0xd784d426": (_CODE, "setImplementation(address)"),
    "0x1f931c1c": (_CODE, "diamondCut((address,uint8,bytes4[])[],address,bytes)"),
    "0x530e784f": (_ORACLE, "setPriceOracle(address)"),
    "0x55ee1fe1": (_ORACLE, "_setPriceOracle(address)"),
    "0x7adbf973": (_ORACLE, "setOracle(address)"),
    "0x724e78da": (_ORACLE, "setPriceFeed(address)"),
    "0xabfd5310": (_ORACLE, "setAssetSources(address[],address[])"),
    "0x64d62353": (_DELAY, "updateDelay(uint256)"),
    "0xe177246e": (_DELAY, "setDelay(uint256)"),
    "0x70b0f660": (_DELAY, "setVotingDelay(uint256)"),
    "0x79051887": (_DELAY, "setVotingDelay(uint48)"),
    "0x1dfb1b5a": (_DELAY, "_setVotingDelay(uint256)"),
    "0xea0217cf": (_DELAY, "setVotingPeriod(uint256)"),
    "0xe540d01d": (_DELAY, "setVotingPeriod(uint32)"),
    "0x0ea2d98c": (_DELAY, "_setVotingPeriod(uint256)"),
    "0x06f3f9e6": (_DELAY, "updateQuorumNumerator(uint256)"),
    "0xd22b5989": (_DELAY, "setTargetAdminDelay(address,uint32)"),
    "0x649a5ec7": (_DELAY, "changeDefaultAdminDelay(uint48)"),
    "0x40c10f19": (_SUPPLY, "mint(address,uint256)"),
    "0xa9059cbb": (_MONEY, "transfer(address,uint256)"),
    "0x23b872dd": (_MONEY, "transferFrom(address,address,uint256)"),
    "0x095ea7b3": (_MONEY, "approve(address,uint256)"),
    "0x01681a62": (_MONEY, "sweep(address)"),
}
"""What a call with this selector would do, and its signature; each selector is checked against it in the tests."""

SCHEDULE, SCHEDULE_MANY = "0x01d5062a", "0x8f2a0bb0"
ASKS: Mapping[str, str] = {
    SCHEDULE: "schedule(address,uint256,bytes,bytes32,bytes32,uint256)",
    SCHEDULE_MANY: "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)",
    "0x3a66f901": "queueTransaction(address,uint256,string,bytes,uint256)",
    "0x7d5e81e2": "propose(address[],uint256[],bytes[],string)",
    "0xda95691a": "propose(address[],uint256[],string[],bytes[],string)",
}
"""Calls that propose or schedule others, by selector; each is checked in the tests."""

_DELAY_WORD = 5  # of both schedule() and scheduleBatch() of a timelock: in how many seconds at the earliest
MAX_READ = 32
"""Proposing calls of one transaction that are read: who writes them may make them as many as he likes."""

_ABOUT_ITS_FIRST = frozenset(("0x99a88ec4", "0x9623609d", "0x08d6122d", "0xd22b5989"))
"""Calls of an administrator that are about the contract that is their first argument: upgrade(…), upgradeAndCall(…),
setTargetFunctionRole(…), setTargetAdminDelay(…)."""
_TRANSFER_FROM, _SWEEP = "0x23b872dd", "0x01681a62"


class Waiting(msgspec.Struct, frozen=True):
    """A call to `target` that waits at `governor` and would do `danger` to `subject`; `earliest` is when it may be
    executed (seconds since 1970), `delay` in how many seconds, None where it is not said."""

    governor: Address
    target: Address
    subject: Address
    danger: str
    signature: str
    step: str
    earliest: int | None
    delay: int | None
    seen: Event | Frame


def waiting(view: View) -> Iterator[Waiting]:
    """Dangerous calls that the Execution proposed or queued and that concern a protected contract."""
    if not view.protected:
        return
    for governor, step, targets, calls, earliest, delay, seen in _asked(view):
        for target, call in zip(targets, calls, strict=False):
            danger, signature = DANGERS.get(call[:10].lower(), ("", ""))
            subject = _concerned(governor, target, call, danger, view) if danger else None
            if subject is not None:
                yield Waiting(governor, target, subject, danger, signature, step, earliest, delay, seen)


def _concerned(governor: Address, target: Address, call: HexData, danger: str, view: View) -> Address | None:
    """What is ours that the call is about: its target, what it names, or the governor that pays; None where nothing."""
    protected, selector, first = view.protected, call[:10].lower(), address_word(call, 0)
    ours = target in protected or (governor in protected and target in view.words.tokens)
    if selector == _TRANSFER_FROM:  # whose tokens go is its first argument
        return first if first in protected else None
    if danger == _MONEY and selector != _SWEEP:  # to another protected contract it is no loss
        return governor if ours and governor in protected and first not in protected else None
    if ours:
        return target
    return first if selector in _ABOUT_ITS_FIRST and first in protected else None


_Asked = tuple[
    Address, str, Sequence[Address], Sequence[HexData], int | None, int | None, Event | Frame
]  # governor, step, targets, calls, earliest, delay, what shows it


def _asked(view: View) -> Iterator[_Asked]:
    facts = view.facts[0]
    asking = [f for f in facts.frames if f.selector in ASKS and f.kind == "CALL" and not f.reverted][:MAX_READ]
    delays = {f.to: word(f.input, _DELAY_WORD) for f in asking if f.selector in (SCHEDULE, SCHEDULE_MANY)}
    told: set[Address] = set()
    for e in facts.events:
        if isinstance(e, Proposal) and e.step in ("created", "queued"):
            told.add(e.address)
            delay = delays.get(e.address) if e.step == "queued" else None
            yield e.address, e.step, e.targets, e.calls, e.earliest, delay, e
    for f in asking:
        if f.to in told:
            continue
        step = "created" if ASKS[f.selector].startswith("propose") else "queued"
        targets, calls, earliest = _read(f)
        yield f.to, step, targets, calls, earliest, delays.get(f.to) if step == "queued" else None, f


def _read(frame: Frame) -> tuple[Sequence[Address], Sequence[HexData], int | None]:
    """The targets and calls that a proposing call names, and when they may be executed; nothing where it is garbled."""
    signature = ASKS[frame.selector]
    types = signature[signature.index("(") + 1 : -1].split(",")
    try:
        values = decode(types, bytes.fromhex(frame.input[10:]))
    except (DecodingError, ValueError, OverflowError):
        return (), (), None
    targets = values[0] if types[0].endswith("[]") else (values[0],)
    at = next(n for n, kind in enumerate(types) if kind.startswith("bytes") and kind != "bytes32")
    data = values[at] if types[at].endswith("[]") else (values[at],)
    texts = next((v for n, v in enumerate(values[:at]) if types[n].startswith("string")), None)
    names = (texts,) if isinstance(texts, str) else texts or ("",) * len(data)
    calls = [_whole(name, own) for name, own in zip(names, data, strict=False)]
    return [t.lower() for t in targets], calls, values[4] if signature.startswith("queueTransaction") else None


def _whole(signature: str, data: bytes) -> HexData:
    """The call data, where the function may be named apart from its arguments."""
    return "0x" + ((keccak(text=signature)[:4] if signature else b"") + data).hex()
