"""The cheap pass: what it clears, and what it would miss of real attacks."""

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.sources.clearing import Clearing
from chainwatch.sources.fetch import Fetcher, TraceMode
from chainwatch.sources.recordings import read_recording
from chainwatch.types import Log
from tests.builders import address, pool_over, transaction
from tests.chain.contracts import NESTING, deploy

VICTIM, TOKEN = address(0xB1), address(0x70)
TRANSFER = "0xa9059cbb" + "00" * 12 + "ab" * 20 + "00" * 32


def log(by: str = TOKEN, topics: list[str] | None = None) -> Log:
    return Log(address=by, topics=topics or [], data="0x")


def padded(who: str) -> str:
    return "0x" + "00" * 12 + who[2:]


@pytest.mark.parametrize(
    ("fields", "logs", "cleared"),
    [
        ({"to": address(2), "input": "0x"}, [], True),
        ({"to": TOKEN, "input": TRANSFER}, [log()], True),
        ({"to": VICTIM, "input": "0x"}, [], False),
        ({"to": None}, [], False),
        ({"to": address(2), "input": "0x"}, [log(by=address(2))], False),
        ({"to": TOKEN, "input": "0x12345678"}, [], False),
        ({"to": TOKEN, "input": TRANSFER}, [log(), log()], False),
        ({"to": TOKEN, "input": TRANSFER}, [log(by=address(3))], False),
        ({"to": TOKEN, "input": TRANSFER}, [log(topics=["0x" + "11" * 32, padded(VICTIM)])], False),
        ({"to": TOKEN, "input": "0xa9059cbb" + padded(VICTIM)[2:] + "00" * 32}, [], False),
    ],
    ids=[
        "payment", "transfer", "to a watched one", "creation", "a payment that logs", "another call", "two logs",
        "another's log", "a topic names one", "calldata names one",
    ],
)  # fmt: skip
def test_only_what_is_plain_and_names_nobody_is_cleared(fields: dict[str, Any], logs: list[Log], cleared: bool) -> None:
    assert Clearing(frozenset({VICTIM})).clears(transaction(**fields), logs) is cleared


def test_without_watched_addresses_nothing_is_cleared() -> None:
    assert not Clearing(frozenset()).clears(transaction(to=address(2), input="0x"), [])


@pytest.mark.anvil
@pytest.mark.parametrize("mode", ["parity", "geth"])
@pytest.mark.parametrize("nested", [1, 20])
async def test_trees_are_fetched_for_the_rest_one_by_one_or_all_at_once(
    still_anvil: Anvil, mode: TraceMode, nested: int
) -> None:
    async with Rpc(still_anvil.http) as rpc:
        [sender, *_] = await rpc.call("eth_accounts")
        contract = await deploy(rpc, NESTING)
        for to in [address(2)] * 3 + [contract] * nested:
            request = {"from": sender, "to": to, "value": "0x5", "gas": hex(1_000_000)}
            await rpc.call("eth_sendTransaction", [request | ({"data": "0x12345678"} if to == contract else {})])
        await rpc.call("evm_mine")
        head = await rpc.call("eth_getBlockByNumber", ["latest", False])
        watched = frozenset({VICTIM})
        fetcher = Fetcher(pool_over(rpc), 31337, mode, watched, clearing=Clearing(watched))
        block = (await fetcher.fetch(head["hash"], int(head["number"], 16))).block
    assert [e.cleared for e in block.executions] == [e.transaction.to != contract for e in block.executions]
    assert sum(e.cleared for e in block.executions) == 3
    assert all(e.cleared or (e.trace is not None and e.trace.calls) for e in block.executions)


@pytest.mark.corpus
def test_on_the_corpus_it_clears_most_and_no_attack(corpus: Path) -> None:
    with gzip.open(corpus / "labels.jsonl.gz") as lines:
        labels = {(x["set"], x["tx"]): x for x in map(msgspec.json.decode, lines)}
    everybody = frozenset(a for x in labels.values() for a in x.get("protected") or ())
    seen, cleared = Counter[str](), Counter[str]()
    for path in sorted((corpus / "recordings").glob("*.jsonl.gz")):
        for line in read_recording(path):
            for execution in line.block.executions:
                label = labels[path.name.removesuffix(".jsonl.gz"), execution.transaction.hash]
                if execution.logs is None:
                    continue
                watched = frozenset(label.get("protected") or ()) if label["label"] == "attack" else everybody
                seen[label["label"]] += 1
                cleared[label["label"]] += Clearing(watched).clears(execution.transaction, execution.logs)
    assert (seen["attack"], cleared["attack"]) == (28, 0)
    assert cleared["benign"] / seen["benign"] > 0.7
