"""Who confirms what an action rests on, and when waiting is of no use. Pure."""

from chainwatch.config.models import GuardsConfig
from chainwatch.errors import NodeRejected
from chainwatch.respond.quorum import Verdict, Witness
from chainwatch.types import Execution, Log, Stage
from tests.builders import address, execution, hash_, ref, transaction

TOOK = Log(address=address(7), topics=[hash_(1)], data="0x05")


def seen(n: int = 1) -> Execution:
    return execution(n, transaction=transaction(n), block=ref(10), logs=[TOOK])


def receipt(n: int = 1, **change: object) -> dict[str, object]:
    log = {"address": TOOK.address, "topics": TOOK.topics, "data": TOOK.data, "logIndex": "0x0"}
    given = {"transactionHash": hash_(n), "blockHash": ref(10).hash, "status": "0x1", "logs": [log]}
    return given | change


def verdict(*confirm: str, deny: dict[str, str] | None = None, silent: tuple[str, ...] = ()) -> Verdict:
    return Verdict(confirm, deny or {}, silent, needed=2)


def test_the_same_receipt_in_the_same_block_confirms() -> None:
    witness = Witness.of([seen()], {}, [])
    assert [method for method, _ in witness.requests()] == ["eth_getTransactionReceipt", "eth_getBlockByHash"]
    assert witness.testimony([receipt(), {"hash": ref(10).hash}]).confirms


def test_other_logs_another_block_or_another_status_deny() -> None:
    witness = Witness.of([seen()], {}, [])
    for change, said in (
        ({"logs": []}, "other logs"), ({"blockHash": hash_(99)}, "is in block"), ({"status": "0x0"}, "has status 0x0"),
    ):  # fmt: skip
        assert said in (witness.testimony([receipt(**change), {}]).contradiction or "")


def test_no_receipt_denies_only_where_the_block_is_known() -> None:
    witness = Witness.of([seen()], {}, [])
    assert "is not in that block" in (witness.testimony([None, {"hash": ref(10).hash}]).contradiction or "")
    for block in (None, NodeRejected("eth_getBlockByHash", -32000, "busy")):
        testimony = witness.testimony([None, block])
        assert testimony.contradiction is None
        assert not testimony.confirms


def test_what_was_only_simulated_cannot_be_confirmed() -> None:
    assert Witness.of([execution(stage=Stage.PENDING)], {}, []).requests() == []


def test_a_forged_transaction_does_not_speak_for_the_others() -> None:
    witness = Witness.of([seen(1), seen(2)], {}, [])
    testimony = witness.testimony([receipt(1), None, {"hash": ref(10).hash}])
    assert testimony.executions[hash_(1)] == ""
    assert testimony.executions[hash_(2)]
    assert not testimony.confirms


def test_two_liars_with_different_lies_refute_nothing() -> None:
    assert not verdict("a", deny={"b": "it is in block 7", "c": "there is none"}).refuted
    assert verdict("a", deny={"b": "there is none", "c": "there is none"}).refuted


def test_without_the_quorum_it_is_as_the_playbook_says() -> None:
    hold, act = GuardsConfig(), GuardsConfig(without_quorum="act")
    assert verdict("a", "b", deny={"c": "no"}).condition(hold).holds
    behind = verdict("a", silent=("b", "c"))
    assert not behind.condition(act).holds  # they may only be behind
    alone = Verdict(("a",), {}, ("b", "c"), 2, down=frozenset("bc"))
    assert not alone.condition(hold).holds
    assert alone.condition(act).holds
    assert "no word from b, c" in alone.condition(hold).detail
    assert not verdict("a", deny={"b": "no"}, silent=("c",)).condition(act).holds
