"""Protocols behind the most frequent unknown topics, and some that were missing: each event with values, what it says
written out by hand; topics that were seen on chain."""

from typing import Any

import pytest

from chainwatch.decode import Decoder, load_registry
from chainwatch.decode.protocols import MAPPERS
from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    BridgeTransfer,
    Deposit,
    Event,
    FlashLoan,
    IndexUpdate,
    InstrumentUpdate,
    LiquidityChange,
    OrderCancelled,
    OrderPlaced,
    ParameterChange,
    PauseChange,
    RewardClaim,
    Swap,
    Trade,
    VotingPower,
    Withdraw,
)
from tests.builders import execution
from tests.decode.making import HERE, A, B, C, D, make_log

Said = tuple[type[Event], dict[str, Any]]

WORD, WORD_HEX = b"\xab" * 32, "0x" + "ab" * 32
OTHER = b"\xcd" * 32
L2, L2_HEX = (
    0x49D36570D4E46F48E99674BD3FCC84644DDD6B96F7C741B1562B82F9E004DC7,
    ("0x049d36570d4e46f48e99674bd3fcc84644ddd6b96f7c741b1562b82f9e004dc7"),
)


def moved(direction: str, token: Any, amount: Any, sender: Any, recipient: Any, number: Any = None) -> Said:
    return BridgeTransfer, {
        "direction": direction, "token": token, "amount": amount, "sender": sender, "recipient": recipient,
        "remote_chain": None, "message_id": number,
    }  # fmt: skip


def change(what: str, after: Any, subject: str | None = None, before: Any = None) -> Said:
    return ParameterChange, {"what": what, "after": after, "subject": subject, "before": before}


def pause(paused: bool, actor: str, scope: str) -> Said:
    return PauseChange, {"paused": paused, "actor": actor, "scope": scope}


def trade(instrument: str, account: str, size: int, order: str | None = None) -> Said:
    return Trade, {
        "instrument": instrument, "account": account, "size": size, "price": None, "fee": None, "order_id": order
    }  # fmt: skip


def claim(account: str, token: str | None, amount: int) -> Said:
    return RewardClaim, {"account": account, "token": token, "amount": amount}


def swap(trader: str, amounts: tuple[int, int], tokens: tuple[str, str]) -> Said:
    return Swap, {
        "pool": HERE, "sender": trader, "recipient": trader, "amount0": amounts[0], "amount1": amounts[1],
        "token0": tokens[0], "token1": tokens[1], "pair": tokens[0] + tokens[1],
    }  # fmt: skip


def pooled(account: str, amount: int, token: str | None, shares: int) -> Said:
    return LiquidityChange, {
        "pool": HERE, "account": account, "amounts": (amount,), "tokens": (token,) if token else None, "shares": shares
    }  # fmt: skip


def rate(index: int | None, total: int) -> Said:
    return IndexUpdate, {"market": HERE, "token": NATIVE, "supply_index": index, "total_supplied": total}


CASES: list[tuple[str, str, tuple[Any, ...], list[Said]]] = [
    ("linea", "MessageSent", (A, B, 1, 5, 9, b"", WORD), [moved("out", NATIVE, 5, A, B, WORD_HEX)]),
    ("linea", "MessageSent", (A, B, 1, 0, 9, b"x", WORD), [moved("out", None, None, A, B, WORD_HEX)]),
    ("linea", "MessageClaimed", (WORD,), [moved("in", None, None, None, None, WORD_HEX)]),
    ("linea", "BridgingInitiated", (A, B, C, 5), [moved("out", C, 5, A, B)]),
    ("linea", "BridgingInitiatedV2", (A, B, C, 5), [moved("out", C, 5, A, B)]),
    # C is the token at home; D what stands for it on the other side.
    ("linea", "BridgingFinalized", (C, ZERO_ADDRESS, 5, B), [moved("in", C, 5, None, B)]),
    ("linea", "BridgingFinalizedV2", (C, D, 5, B), [moved("in", D, 5, None, B)]),
    ("linea", "RemoteTokenBridgeSet", (A, B), [change("remoteTokenBridge", A)]),
    ("linea", "CustomContractSet", (A, B, C), [change("customContract", B, subject=A)]),
    ("linea", "LimitAmountChanged", (A, 7, False, True), [change("rateLimit", 7)]),
    ("linea", "MinimumFeeChanged", (1, 2, A), [change("minimumFee", 2, before=1)]),
    ("linea", "VerifierAddressChanged", (A, 3, B), [change("verifier", A, subject="3")]),
    ("linea", "VerifierAddressChanged", (A, 3, B, C), [change("verifier", A, subject="3", before=C)]),
    ("linea", "Paused(address,bytes32)", (A, WORD), [pause(True, A, WORD_HEX)]),
    ("linea", "Paused(address,uint256)", (A, 2), [pause(True, A, "2")]),
    ("linea", "UnPaused(address,bytes32)", (A, WORD), [pause(False, A, WORD_HEX)]),
    ("linea", "UnPaused(address,uint256)", (A, 2), [pause(False, A, "2")]),
    ("starknet", "Deposit", (A, B, 5, L2, 44, 1), [moved("out", B, 5, A, L2_HEX, "44")]),
    ("starknet", "DepositWithMessage", (A, B, 5, L2, (1, 2), 44, 1), [moved("out", B, 5, A, L2_HEX, "44")]),
    ("starknet", "DepositWithMessageReclaimed", (A, B, 5, L2, (1,), 44), [moved("in", B, 5, None, A, "44")]),
    ("starknet", "SetL2TokenBridge", (L2,), [change("l2TokenBridge", L2_HEX)]),
    ("starknet", "SetMaxTotalBalance", (A, 6), [change("maxTotalBalance", 6, subject=A)]),
    ("starknet", "LogMessageToL2", (A, L2, 1, (5,), 44), [moved("out", None, None, A, L2_HEX, "44")]),
    ("starknet", "LogMessageToL2", (A, L2, 1, (5,), 44, 3), [moved("out", None, None, A, L2_HEX, "44")]),
    ("starknet", "ConsumedMessageToL1", (L2, A, (5,)), [moved("in", None, None, L2_HEX, A)]),
    (
        "eigenlayer",
        "BeaconChainETHDeposited",
        (A, 32 * 10**18),
        [(Deposit, {"account": A, "token": NATIVE, "amount": 32 * 10**18, "shares": None})],
    ),
    (
        "eigenlayer",
        "BeaconChainETHWithdrawalCompleted",
        (A, 5, 1, B, C, WORD),
        [(Withdraw, {"account": A, "token": NATIVE, "amount": 5, "shares": None})],
    ),
    ("eigenlayer", "RewardsClaimed", (WORD, A, B, C, D, 5), [claim(A, D, 5)]),
    (
        "eigenlayer",
        "StrategyAddedToDepositWhitelist",
        (A,),
        [(InstrumentUpdate, {"instrument": A, "what": "listed", "value": None})],
    ),
    (
        "eigenlayer",
        "StrategyRemovedFromDepositWhitelist",
        (A,),
        [(InstrumentUpdate, {"instrument": A, "what": "halted", "value": None})],
    ),
    # B is before C: what was sold of the first is negative.
    ("odos", "Swap", (A, 100, B, 90, C, 0, 1), [trade(f"{B}/{C}", A, -100)]),
    ("odos", "Swap", (A, 100, C, 90, B, 0, 1), [trade(f"{B}/{C}", A, 90)]),
    ("odos", "Swap", (A, 100, B, 90, C, 0, 1, 2, D), [trade(f"{B}/{C}", A, -100)]),
    (  # 10 of B are offered for 20 of C.
        "oasis",
        "LogMake",
        (WORD, OTHER, A, B, C, 10, 20, 1),
        [
            (
                OrderPlaced,
                {"instrument": f"{B}/{C}", "account": A, "order_id": WORD_HEX, "size": -10, "price": None},
            )
        ],
    ),
    (  # D takes 5 of the offered B and gives 10 of C.
        "oasis",
        "LogTake",
        (WORD, OTHER, A, B, C, D, 5, 10, 1),
        [trade(f"{B}/{C}", D, 5, WORD_HEX)],
    ),
    (
        "oasis",
        "LogKill",
        (WORD, OTHER, A, B, C, 10, 20, 1),
        [(OrderCancelled, {"order_id": WORD_HEX, "account": A, "instrument": f"{B}/{C}"})],
    ),
    (
        "drips",
        "Collected",
        (A, 5, 2),
        [(Withdraw, {"account": A, "token": None, "amount": 5, "shares": None})],
    ),
    ("merkl", "Claimed", (A, B, 5), [claim(A, B, 5)]),
    ("merkle_distributor", "Claimed", (196842, A, 5), [claim(A, None, 5)]),
    ("frax", "VoterVotesChanged", (A, 5, 3), [(VotingPower, {"account": A, "before": 5, "after": 3})]),
    # 100 of B came in, 90 of C went out.
    ("bancor_v3", "TokensTraded", (WORD, B, C, 100, 90, 50, 1, 2, A), [swap(A, (100, -90), (B, C))]),
    ("bancor_v3", "TokensTraded", (WORD, C, B, 100, 90, 50, 1, 2, A), [swap(A, (-90, 100), (B, C))]),
    (
        "bancor_v3",
        "FlashLoanCompleted",
        (A, B, 100, 1),
        [(FlashLoan, {"lender": HERE, "borrower": B, "token": A, "amount": 100, "fee": 1})],
    ),
    ("bancor_v3", "PoolCreated", (A, B), [(InstrumentUpdate, {"instrument": A, "what": "listed", "value": None})]),
    ("bancor_v3", "TokensDeposited(bytes32,address,address,uint256,uint256)", (WORD, A, B, 5, 4), [pooled(A, 5, B, 4)]),
    (
        "bancor_v3",
        "TokensDeposited(bytes32,address,uint256,uint256,uint256)",
        (WORD, A, 5, 4, 3),
        [pooled(A, 5, None, 4)],
    ),
    ("bancor_v3", "TokensWithdrawn", (WORD, A, B, 5, 4, 0, 1, 2), [pooled(A, -5, B, 4)]),
    ("bancor_v3", "TokensWithdrawn", (WORD, A, 5, 4, 3, 2), [pooled(A, -5, None, 4)]),
    ("bancor_v3", "FundingLimitUpdated", (A, 1, 2), [change("fundingLimit", 2, A, 1)]),
    ("bancor_v3", "MinLiquidityForTradingUpdated", (1, 2), [change("minLiquidityForTrading", 2, before=1)]),
    ("bancor_v3", "WithdrawalFeePPMUpdated", (1, 2), [change("withdrawalFee", 2, before=1)]),
    ("bancor_v3", "DefaultFlashLoanFeePPMUpdated", (1, 2), [change("flashLoanFee", 2, before=1)]),
    ("bancor_v3", "FlashLoanFeePPMUpdated", (A, 1, 2), [change("flashLoanFee", 2, A, 1)]),
    (
        "rocket_pool",
        "DepositReceived",
        (A, 5, 1),
        [(Deposit, {"account": A, "token": None, "amount": 5, "shares": None})],
    ),
    # 9 rETH were worth 10 of the coin.
    (
        "rocket_pool",
        "TokensBurned",
        (A, 9, 10, 1),
        [(Withdraw, {"account": A, "token": NATIVE, "amount": 10, "shares": 9})],
    ),
    ("rocket_pool", "BalancesUpdated", (1, 110, 90, 100, 2), [rate(11 * 10**17, 110)]),
    ("rocket_pool", "BalancesUpdated", (1, 3, 110, 90, 0, 2), [rate(None, 110)]),
    ("hegic", "Provide", (A, 5, 4), [(Deposit, {"account": A, "token": None, "amount": 5, "shares": 4})]),
    ("hegic", "Provide", (A, 5, 4, True), [(Deposit, {"account": A, "token": None, "amount": 5, "shares": None})]),
    ("hegic", "Withdraw", (A, 5, 4), [(Withdraw, {"account": A, "token": None, "amount": 5, "shares": 4})]),
    ("hegic", "Paid", (1, A, 5), [(Withdraw, {"account": A, "token": None, "amount": 5, "shares": None})]),
]
NAMES = sorted({protocol for protocol, *_ in CASES})


def signatures_of(registry: Any, protocol: str, name: str, values: tuple[Any, ...]) -> list[str]:
    """The events that a case is about, named by its name alone or by its signature."""
    specs = [k.spec for k in registry.of(protocol).known if len(k.spec.params) == len(values)]
    return [s.signature for s in specs if name in (s.name, s.signature)]


@pytest.mark.parametrize(
    ("protocol", "name", "values", "said"), CASES, ids=[f"{p}-{n}-{len(v)}" for p, n, v, _ in CASES]
)
def test_an_event_says_what_the_protocol_means_by_it(registry, protocol, name, values, said):
    (signature,) = signatures_of(registry, protocol, name, values)
    own = registry.of(protocol)
    spec = next(k.spec for k in own.known if k.spec.signature == signature)
    found = Decoder(own).facts(execution(logs=[make_log(spec, *values, log_index=7)]))
    assert not found.malformed
    assert found.events == tuple(
        kind(order=n, log_index=7, address=HERE, protocol=protocol, **fields) for n, (kind, fields) in enumerate(said)
    )


@pytest.mark.parametrize(
    ("protocol", "name", "values"),
    [
        ("merkl", "Claimed", (A, B, 5)),
        ("hegic", "Paid", (1, A, 5)),
        ("hegic", "Provide", (A, 5, 4)),
        ("rocket_pool", "DepositReceived", (A, 5, 1)),
        ("rocket_pool", "TokensBurned", (A, 9, 10, 1)),
        ("derive", "ModuleWhitelisted", (A, True)),
    ],
)
def test_what_others_write_too_is_heard_only_where_the_contract_is_known(registry, protocol, name, values):
    (signature,) = signatures_of(registry, protocol, name, values)
    spec = next(k.spec for k in registry.of(protocol).known if k.spec.signature == signature)
    log = make_log(spec, *values)
    assert registry.decode(log).signature == signature
    assert Decoder(registry).facts(execution(logs=[log])).events == ()
    bound = load_registry(contracts={HERE: protocol})
    assert [e.protocol for e in Decoder(bound).facts(execution(logs=[log])).events] == [protocol]


def test_every_meaning_has_a_case(registry):
    tried = {
        (protocol, s) for protocol, name, values, _ in CASES for s in signatures_of(registry, protocol, name, values)
    }
    assert {key for key in MAPPERS if key[0] in NAMES} == tried


@pytest.mark.parametrize(
    ("protocol", "name", "topics", "topic0"),
    [  # of our corpus of real transactions, with the number of topics
        ("beefy", "ChargedFees", 1, "0xd255b592c7f268a73e534da5219a60ff911b4cf6daae21c7d20527dd657bd99a"),
        ("beefy", "Deposit", 1, "0x4d6ce1e535dbade1c23defba91e23b8f791ce5edc0cc320257a2b364e4e38426"),
        ("beefy", "StratHarvest", 2, "0x9bc239f1724cacfb88cb1d66a2dc437467699b68a8c90d7b63110cf4b6f92410"),
        ("beefy", "TokenReturned", 2, "0xeaf449319c042c9ba3474fa0c5329eb58cd1f23be110cdbf9d697b8d303dac15"),
        ("beefy", "Withdraw", 1, "0x5b6b431d4476a211bb7d41c20d1aab9ae2321deee0d20be3d9fc9b1093fa6e3d"),
        ("drips", "Split", 3, "0xe20c20adec5befcbafc9020225726d2b4066a56a2b8abdc3a288bb594b111a05"),
        ("eigenlayer", "PodDeployed", 3, "0x21c99d0db02213c32fff5b05cf0a718ab5f858802b91498f80d82270289d856a"),
        ("eigenlayer", "ValidatorRestaked", 1, "0x2d0800bbc377ea54a08c5db6a87aafff5e3e9c8fead0eda110e40e0c10441449"),
        ("ens", "NewOwner", 3, "0xce0457fe73731f824cc272376169235128c118b49d344817417c6d108d155e82"),
        ("ens", "NewResolver", 2, "0x335721b01866dc23fbee8b6b2c7b1e14d6f05c28cd35a2c934239f94095602a0"),
        ("ens", "TextChanged", 3, "0xd8c9334b1a9c2f9da342a0a2b32629c1a229b6445dad78947f674b44444a7550"),
        ("frax", "VoterVotesChanged", 2, "0x3eaa1c4be29b4a4c60e00300b5a17a8ec6c982b5b0ad5870cc84ebdc3b24d68e"),
        ("linea", "BlockFinalized", 3, "0xf2c535759092d16e9334a11dd9b52eca543f1d9cca5ba9d16c472aef009de432"),
        ("merkl", "Claimed", 3, "0xf7a40077ff7a04c7e61f6f26fb13774259ddf1b6bce9ecf26a8276cdd3992683"),
        ("merkle_distributor", "Claimed", 1, "0x4ec90e965519d92681267467f775ada5bd214aa92c0dc93d90a5e880ce9ed026"),
        ("misc", "AssetPriceUpdated", 2, "0xce6e0b57367bae95ca7198e1172f653ea64a645c16ab586b4cefa9237bfc2d92"),
        ("misc", "Decision", 3, "0x7421973e31248bda00bf2f04b80b46b34fc9e23ab57848234aed6cc5d437b6a8"),
        ("misc", "Deposited", 1, "0x6e89d517057028190560dd200cf6bf792842861353d1173761dfa362e1c133f0"),
        ("misc", "DonationMade", 3, "0x428e1190dfef997f3ac8da6afa80e330fc785bafb1febed9109598bfeee45ec0"),
        ("misc", "DonationSent", 4, "0x3bb7428b25f9bdad9bd2faa4c6a7a9e5d5882657e96c1d24cc41c1d6c1910a98"),
        ("misc", "ForwarderDeposited", 1, "0x69b31548dea9b3b707b4dff357d326e3e9348b24e7a6080a218a6edeeec48f9b"),
        ("misc", "PriceSet", 3, "0x897067d69d8599f561aaa211b7f688922d15fe296be5d957b5313de9f0d13cdc"),
        ("misc", "TokenTransfer", 3, "0xd0ed88a3f042c6bbb1e3ea406079b5f2b4b198afccaa535d837f4c63abbc4de6"),
        ("misc", "Transacted", 1, "0x59bed9ab5d78073465dd642a9e3e76dfdb7d53bcae9d09df7d0b8f5234d5a806"),
        ("misc", "TransferByPartition", 4, "0xff4e9a26af4eb73b8bacfaa4abd4fea03d9448e7b912dc5ff4019048875aa2d4"),
        ("misc", "log_named_decimal_uint", 1, "0xeb8ba43ced7537421946bd43e828b8b2b8428927aa8f801c13d934bf11aca57b"),
        ("oasis", "LogItemUpdate", 1, "0xa2c251311b1a7a475913900a2a73dc9789a21b04bc737e050bbc506dd4eb3488"),
        ("odos", "Swap", 1, "0x823eaf01002d7353fbcadb2ea3305cc46fa35d799cb0914846d185ac06f8ad05"),
        ("starknet", "ConsumedMessageToL2", 4, "0x9592d37825c744e33fa80c469683bbd04d336241bb600b574758efd182abe26a"),
        ("zerox", "BridgeFill", 1, "0xe59e71a14fe90157eedc866c4f8c767d3943d6b6b2e8cd64dddcc92ab4c55af8"),
    ],
)  # fmt: skip
def test_topics_are_those_seen_on_chain(registry, protocol, name, topics, topic0):
    known = registry.by_topic[topic0][topics]
    assert (protocol, name) in [(k.spec.protocol, k.spec.name) for k in known]
