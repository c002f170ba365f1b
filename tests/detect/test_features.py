"""Features are numbers of shape, control and value; they tell nothing of chain, date or source, and cost little."""

import time
from pathlib import Path

import msgspec
import pytest

from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.features import GRID, NAMES, NAMES_OF_LOGS, WORDS, features, features_of_logs, shown
from chainwatch.evaluate.labels import labelled, read_labels
from chainwatch.types import CallFrame, Execution, Swap, Transfer
from tests.builders import address, execution, facts, transaction

SENDER, ROUTER, POOL, TOKEN, OTHER = (address(n << 32) for n in (0xA1, 0xB1, 0xC1, 0xD1, 0xE1))
ZERO = address(0)


def call(from_: str, to: str, selector: str = "0x12345678", *words: int, calls: tuple = (), **fields) -> CallFrame:
    given = {"type": "CALL", "input": selector + "".join(f"{w:064x}" for w in words), "calls": list(calls)} | fields
    return CallFrame(from_=from_, to=to, **given)


def transfer(token: str, from_: str, to: str, amount: int) -> CallFrame:
    return call(from_, token, "0xa9059cbb", int(to, 16), amount)


def of(root: CallFrame, **fields) -> dict[str, float]:
    subject = execution(**({"trace": root, "logs": None, "transaction": transaction(from_=SENDER, to=ROUTER)} | fields))
    return dict(zip(NAMES, features(subject, Decoder(load_registry()).facts(subject)), strict=True))


def test_every_feature_has_a_name_words_and_a_place():
    assert len(set(NAMES)) == len(NAMES)
    assert len(set(NAMES_OF_LOGS)) == len(NAMES_OF_LOGS)
    assert set(NAMES) | set(NAMES_OF_LOGS) == set(WORDS)
    assert not [n for n in WORDS if any(word in n for word in ("gas", "chain", "nonce", "block", "address", "time"))]


def test_without_a_tree_or_logs_there_is_nothing():
    subject = execution()
    assert set(features(subject, facts())) == {0.0}
    assert len(features_of_logs(subject, facts())) == len(NAMES_OF_LOGS)


def test_counts_are_logarithms_and_read_as_counts():
    got = of(call(SENDER, ROUTER, calls=tuple(transfer(TOKEN, ROUTER, OTHER, 5) for _ in range(7))))
    assert got["transfers"] == pytest.approx(2.0794, abs=1 / GRID)
    assert shown("transfers", got["transfers"]) == "movements of value: 7"
    assert shown("pure_gain", 1.0).endswith("1.00")
    assert got["repeat"] == got["pushed"] == got["token_repeat"] == got["transfers"]
    assert all(value * GRID == round(value * GRID) for value in got.values())


def test_what_sources_disagree_on_changes_nothing():
    plain = call(SENDER, ROUTER, calls=(transfer(TOKEN, ROUTER, OTHER, 5), call(ROUTER, POOL)))
    noisy = call(
        SENDER, ROUTER,
        calls=(
            call(ROUTER, address(4), "0xaabbccdd", type="STATICCALL"),  # a precompile
            call(ROUTER, TOKEN, "0x70a08231", 1, type="STATICCALL",
                 calls=(call(TOKEN, OTHER, "0x70a08231", 1, type="DELEGATECALL"),)),  # printing a balance
            transfer(TOKEN, ROUTER, OTHER, 5),
            CallFrame(type="CALL", from_=ROUTER, to=POOL, input="0x"),
            CallFrame(type="SELFDESTRUCT", from_=ROUTER, to=SENDER),
            call(ROUTER, POOL),
        ),
    )  # fmt: skip
    assert of(plain) == of(noisy)


def test_chain_addresses_and_time_change_nothing():
    def made(shift: int) -> CallFrame:
        one, two, three, four = (address((n + shift) << 32) for n in (0xA1, 0xB1, 0xC1, 0xD1))
        back = call(three, two, "0x10d1e85c", calls=(transfer(four, two, three, 9),))
        return call(one, two, calls=(call(two, three, calls=(transfer(four, three, two, 8), back)),))

    moved = transaction(from_=address((0xA1 + 512) << 32), to=address((0xB1 + 512) << 32), nonce="0x99", type="0x2")
    assert of(made(0)) == of(made(512), transaction=moved, chain_id=56, block=None)


def test_control_that_comes_back_is_seen():
    loan = call(POOL, ROUTER, "0x10d1e85c", calls=(call(ROUTER, OTHER),))
    got = of(call(SENDER, ROUTER, calls=(call(ROUTER, POOL, calls=(loan,)),)))
    assert got["handed"] == got["handed_flash"] == got["nesting"] > 0
    hook = call(POOL, ROUTER, "0x0badf00d", calls=(call(ROUTER, POOL, "0x0badbeef"),))
    got = of(call(SENDER, ROUTER, calls=(call(ROUTER, POOL, calls=(hook,)),)))
    assert got["reentries"] > 0
    assert got["handed_flash"] == 0


def test_gain_and_loss_are_those_of_the_sender_s_side():
    taken = call(SENDER, ROUTER, calls=(call(ROUTER, POOL, calls=(transfer(TOKEN, POOL, ROUTER, 10**18),)),))
    got = of(taken)
    assert (got["pure_gain"], got["gain_share"]) == (1.0, 1.0)
    assert got["own_gained"] == 0 < got["side_gained"]
    paid = call(SENDER, ROUTER, calls=(transfer(TOKEN, ROUTER, OTHER, 10**18),))
    assert (of(paid)["pure_gain"], of(paid)["side_gained"]) == (0.0, 0.0)


def test_logs_alone_give_movements_and_what_was_said():
    swaps = [
        Swap(order=0, log_index=i, address=POOL, protocol="uniswap_v2", pool=POOL, sender=ROUTER, recipient=ROUTER,
             amount0=a, amount1=b) for i, (a, b) in enumerate(((100, -50), (-100, 49)))
    ]  # fmt: skip
    moved = Transfer(order=0, log_index=2, address=TOKEN, protocol="erc20", token=TOKEN, sender=ZERO,
                     recipient=SENDER, amount=10**18)  # fmt: skip
    got = dict(
        zip(
            NAMES_OF_LOGS,
            features_of_logs(execution(transaction=transaction(from_=SENDER)), facts(*swaps, moved)),
            strict=True,
        )
    )
    assert got["swaps"] == got["repeat"] > got["mints"] == got["transfers"] > 0
    assert got["own_gained"] > 0


def test_hostile_trees_neither_recurse_nor_take_long():
    deep = call(ROUTER, POOL)
    for _ in range(1_000):
        deep = call(POOL, ROUTER, "0x10d1e85c", (1 << 256) - 1, calls=(deep,))
    wide = [transfer(TOKEN, address(n << 32), address((n + 1) << 32), 1 << 255) for n in range(1, 3_000)]
    subject = execution(trace=call(SENDER, ROUTER, calls=(deep, *wide)), logs=None)
    own = Decoder(load_registry()).facts(subject)
    started = time.perf_counter()
    got = features(subject, own)
    assert time.perf_counter() - started < 0.5  # 20 ms on a quiet machine; shared ones are ten times slower at worst
    assert all(0 <= value <= 1_000 for value in got)


@pytest.mark.corpus
def test_the_source_of_a_real_transaction_does_not_show(corpus: Path):
    """With and without logs the numbers are the same, for each transaction that has both."""
    decoder, labels = Decoder(load_registry()), read_labels(corpus / "labels.jsonl.gz")
    names = ("attacks-full", "euler-block", "history-opyn")
    seen = 0
    for _, _, full in labelled([corpus / "recordings" / f"{name}.jsonl.gz" for name in names], labels):
        trees: Execution = msgspec.structs.replace(full, logs=None)
        assert features(full, decoder.facts(full)) == features(trees, decoder.facts(trees))
        seen += 1
    assert seen > 200
