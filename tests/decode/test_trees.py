"""Call trees: flattening, movements, positions, trades and loans where there are no logs."""

from typing import Any

import pytest
from eth_utils.crypto import keccak

from chainwatch.decode import flash, flows, positions
from chainwatch.decode.calls import flatten
from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    Borrow,
    CallFrame,
    Deposit,
    FlashLoan,
    Liquidation,
    Repay,
    Swap,
    Transfer,
    Withdraw,
)
from tests.builders import address, execution, transaction
from tests.decode.making import call

EOA, BOT, TOKEN, OTHER, POOL, LENDER, MARKET = (address(n) for n in (0xE0, 0xB0, 0x70, 0x71, 0x90, 0x1E, 0x3A))


def frame(kind: str = "CALL", *calls: CallFrame, sender: str = BOT, to: str | None = POOL, **fields: Any) -> CallFrame:
    return CallFrame(type=kind, from_=sender, to=to, calls=list(calls) or None, **fields)


def root(*calls: CallFrame, **fields: Any) -> CallFrame:
    return frame("CALL", *calls, sender=EOA, to=BOT, **fields)


def facts_of(decoder, *calls: CallFrame, **fields: Any):
    tree = root(*calls, **fields)
    return decoder.facts(execution(trace=tree, logs=None, transaction=transaction(from_=EOA, to=BOT)))


def transfer(token: str, sender: str, recipient: str, amount: int, **fields: Any) -> CallFrame:
    return call("transfer(address,uint256)", recipient, amount, sender=sender, to=token, **fields)


class TestFlatten:
    def test_frames_come_depth_first_with_their_ends(self):
        frames, _ = flatten(root(frame("CALL", frame(), frame()), frame()))
        assert [(f.index, f.parent, f.depth, f.end) for f in frames] == [
            (0, -1, 0, 5), (1, 0, 1, 4), (2, 1, 2, 3), (3, 1, 2, 4), (4, 0, 1, 5),
        ]  # fmt: skip

    def test_addresses_and_selectors_are_in_lower_case_whichever_the_tree_is_in(self, decoder):
        token, taker = "0x" + "Cc" * 20, "0x" + "dD" * 20
        moves = frame(sender="0x" + "aB" * 20, to=token, input=f"0xA9059CBB{taker[2:].rjust(64, '0')}{9:064x}")
        made = frame("CREATE", sender=BOT, to="0x" + "eE" * 20)
        frames, created = flatten(root(moves, made))
        assert (frames[1].sender, frames[1].to, frames[1].selector) == ("0x" + "ab" * 20, token.lower(), "0xa9059cbb")
        assert created == {"0x" + "ee" * 20}
        (moved,) = facts_of(decoder, moves).events
        assert (moved.token, moved.sender, moved.recipient) == (token.lower(), "0x" + "ab" * 20, taker.lower())

    @pytest.mark.parametrize("value", ["-0x5", "0x1_0", "0x", " 0x5", "0x٣", "0x" + "f" * 65, "5"])
    def test_a_value_is_a_quantity_of_256_bits(self, decoder, value):
        with pytest.raises(ValueError, match="is not a quantity"):
            flatten(root(frame(value=value)))
        facts = facts_of(decoder, frame(value=value))
        assert (facts.events, facts.degraded) == ((), ("no_trace", "no_logs"))
        assert facts.malformed[0].reason.startswith("trace: ")

    def test_ten_thousand_nested_frames_do_not_recurse(self):
        tree = frame()
        for _ in range(10_000):
            tree = frame("CALL", tree)
        frames, _ = flatten(tree)
        assert len(frames) == 10_001
        assert frames[-1].depth == 10_000
        # msgspec frees nested structs by C recursion: take the chain apart first.
        while tree.calls:
            tree = tree.calls.pop()

    def test_what_is_below_a_failed_frame_is_undone(self):
        frames, created = flatten(root(frame("CALL", frame("CREATE", to=TOKEN), error="execution reverted"), frame()))
        assert [f.reverted for f in frames] == [False, True, True, False]
        assert created == frozenset()

    def test_created_contracts_are_named(self):
        _, created = flatten(root(frame("CREATE", to=TOKEN), frame("CREATE2", to=OTHER), frame("CREATE", to=None)))
        assert created == {TOKEN, OTHER}

    def test_borrowed_code_acts_as_its_caller(self):
        inner = frame("DELEGATECALL", frame("DELEGATECALL", sender=POOL, to=OTHER), sender=POOL, to=TOKEN)
        frames, _ = flatten(root(frame("CALL", inner)))
        assert [f.acting_as for f in frames] == [BOT, POOL, POOL, POOL]


class TestMovements:
    def test_transfers_and_native_value_in_order(self, decoder):
        tree = [transfer(TOKEN, BOT, POOL, 5), frame(value="0x7"), transfer(TOKEN, POOL, BOT, 6)]
        moved = [e for e in facts_of(decoder, *tree, value="0x3").events if isinstance(e, Transfer)]
        assert [(t.token, t.sender, t.recipient, t.amount) for t in moved] == [
            (NATIVE, EOA, BOT, 3), (TOKEN, BOT, POOL, 5), (NATIVE, BOT, POOL, 7), (TOKEN, POOL, BOT, 6),
        ]  # fmt: skip
        assert [t.order for t in moved] == [0, 1, 2, 3]
        assert [t.frame for t in moved] == [0, 1, 2, 3]

    def test_undone_and_delegated_and_static_calls_move_nothing(self, decoder):
        tree = [
            transfer(TOKEN, BOT, POOL, 5, error="out of gas"),
            transfer(TOKEN, BOT, POOL, 5, type="DELEGATECALL"),
            transfer(TOKEN, BOT, POOL, 5, type="STATICCALL"),
            frame("DELEGATECALL", value="0x5"),
        ]
        assert facts_of(decoder, *tree).events == ()

    def test_a_token_that_hands_its_call_on_moves_once(self, decoder):
        inner = transfer(OTHER, TOKEN, POOL, 5)
        assert len(facts_of(decoder, transfer(TOKEN, BOT, POOL, 5, calls=[inner])).events) == 1

    def test_a_wrapped_coin_is_made_and_burnt(self, decoder):
        paid = frame(sender=TOKEN, to=BOT, value="0x4")
        tree = [
            call("deposit()", sender=BOT, to=TOKEN, value="0x4"),
            call("withdraw(uint256)", 4, sender=BOT, to=TOKEN, calls=[paid]),
        ]
        moved = [(e.token, e.sender, e.recipient) for e in facts_of(decoder, *tree).events]
        assert (TOKEN, ZERO_ADDRESS, BOT) in moved
        assert (TOKEN, BOT, ZERO_ADDRESS) in moved

    def test_selfdestruct_sends_what_is_left(self, decoder):
        (event,) = facts_of(decoder, frame("SELFDESTRUCT", value="0x9")).events
        assert (event.token, event.amount) == (NATIVE, 9)

    def test_beside_logs_only_native_value_is_read_from_the_tree(self, decoder):
        tree = root(transfer(TOKEN, BOT, POOL, 5), value="0x3")
        found = decoder.facts(execution(trace=tree, logs=[]))
        assert [e.token for e in found.events] == [NATIVE]
        assert found.degraded == ()


class TestPositions:
    def test_loans_and_repayments_and_liquidations(self, decoder):
        tree = [
            call("supply(address,uint256,address,uint16)", TOKEN, 9, BOT, 0, sender=BOT, to=MARKET),
            call("depositCollateral(uint256)", 8, sender=BOT, to=MARKET),
            call("borrow(uint256)", 7, sender=BOT, to=MARKET),
            call("repay(address,uint256,uint256,address)", TOKEN, 6, 2, EOA, sender=BOT, to=MARKET),
            call("redeemUnderlying(uint256)", 5, sender=BOT, to=MARKET),
            call("liquidateBorrow(address,uint256,address)", EOA, 4, OTHER, sender=BOT, to=MARKET),
        ]
        found = [(type(e), e.account, getattr(e, "amount", None)) for e in facts_of(decoder, *tree).events]
        assert found == [
            (Deposit, BOT, 9), (Deposit, BOT, 8), (Borrow, BOT, 7), (Repay, EOA, 6), (Withdraw, BOT, 5),
            (Liquidation, EOA, None),
        ]  # fmt: skip

    def test_a_v2_trade_has_what_went_in_and_out(self, decoder):
        out = transfer(OTHER, POOL, BOT, 90)
        swap = call("swap(uint256,uint256,address,bytes)", 0, 90, BOT, b"", sender=BOT, to=POOL, calls=[out])
        events = facts_of(decoder, transfer(TOKEN, BOT, POOL, 100), swap).events
        (trade,) = [e for e in events if isinstance(e, Swap)]
        assert (trade.pool, trade.amount0, trade.amount1) == (POOL, 100, -90)
        assert trade.order > max(e.order for e in events if isinstance(e, Transfer))

    def test_a_v3_trade_is_paid_in_its_callback(self, decoder):
        inside = [transfer(OTHER, POOL, BOT, 90), transfer(TOKEN, BOT, POOL, 100)]
        signature = "swap(address,bool,int256,uint160,bytes)"
        swap = call(signature, BOT, False, 100, 1, b"", sender=BOT, to=POOL, calls=inside)
        (trade,) = [e for e in facts_of(decoder, swap).events if isinstance(e, Swap)]
        assert (trade.amount0, trade.amount1) == (-90, 100)


class TestLoans:
    def loans(self, facts) -> list[FlashLoan]:
        return [e for e in facts.events if isinstance(e, FlashLoan)]

    def test_a_callback_marks_a_loan_and_the_movement_names_it(self, decoder):
        back = call("uniswapV2Call(address,uint256,uint256,bytes)", BOT, 50, 0, b"x", sender=LENDER, to=BOT)
        ask = frame("CALL", transfer(TOKEN, LENDER, BOT, 50), back, to=LENDER)
        (loan,) = self.loans(facts_of(decoder, ask))
        assert (loan.lender, loan.borrower, loan.token, loan.amount) == (LENDER, BOT, TOKEN, 50)
        assert loan.evidence == "callback"

    def test_a_callback_that_names_its_loans_is_believed(self, decoder):
        signature = "executeOperation(address[],uint256[],uint256[],address,bytes)"
        back = call(signature, [TOKEN, OTHER], [50, 60], [1, 2], BOT, b"", sender=LENDER, to=BOT)
        found = [(x.token, x.amount, x.fee) for x in self.loans(facts_of(decoder, back))]
        assert found == [(TOKEN, 50, 1), (OTHER, 60, 2)]

    def test_tokens_out_and_back_whole_are_a_loan(self, decoder):
        tree = [transfer(TOKEN, LENDER, BOT, 1_000), transfer(TOKEN, BOT, POOL, 9), transfer(TOKEN, BOT, LENDER, 1_003)]
        (loan,) = self.loans(facts_of(decoder, *tree))
        assert (loan.lender, loan.amount, loan.fee, loan.evidence) == (LENDER, 1_000, 3, "out_and_back")

    @pytest.mark.parametrize(
        "tree",
        [
            # bought and sold again: the pool was paid first in another token
            [(OTHER, BOT, POOL, 70), (TOKEN, POOL, BOT, 100), (TOKEN, BOT, POOL, 100), (OTHER, POOL, BOT, 69)],
            # deposited, then withdrawn
            [(TOKEN, BOT, POOL, 100), (TOKEN, POOL, BOT, 100)],
            # not all of it came back
            [(TOKEN, POOL, BOT, 100), (TOKEN, BOT, POOL, 99)],
            # far more came back than any lender asks
            [(TOKEN, POOL, BOT, 100), (TOKEN, BOT, POOL, 150)],
        ],
        ids=["round trip", "deposit", "partly", "too much"],
    )
    def test_trades_and_deposits_are_not_loans(self, decoder, tree):
        assert self.loans(facts_of(decoder, *(transfer(*move) for move in tree))) == []

    def test_an_event_is_not_told_again_by_the_callback(self, registry, decoder):
        from tests.decode.making import make_log

        known = next(k for k in registry.known if (k.spec.protocol, k.spec.name) == ("balancer_v2", "FlashLoan"))
        back = call("receiveFlashLoan(address[],uint256[],uint256[],bytes)", [TOKEN], [50], [0], b"", sender=LENDER,
                    to=BOT)  # fmt: skip
        log = make_log(known.spec, BOT, TOKEN, 50, 0, address=LENDER)
        loans = self.loans(decoder.facts(execution(trace=root(back), logs=[log])))
        assert [x.evidence for x in loans] == ["event"]


def test_every_selector_is_that_of_its_signature():
    for selector, signature in flash.FLASH_CALLBACKS.items():
        assert "0x" + keccak(text=signature)[:4].hex() == selector
    named = {
        flows.TRANSFER: "transfer(address,uint256)",
        flows.TRANSFER_FROM: "transferFrom(address,address,uint256)",
        flows.MINT: "mint(address,uint256)",
        flows.BURN: "burn(uint256)",
        flows.BURN_OF: "burn(address,uint256)",
        flows.BURN_FROM: "burnFrom(address,uint256)",
        flows.WRAP: "deposit()",
        flows.UNWRAP: "withdraw(uint256)",
        positions.V2_SWAP: "swap(uint256,uint256,address,bytes)",
        positions.V3_SWAP: "swap(address,bool,int256,uint160,bytes)",
        "0x00a718a9": "liquidationCall(address,address,address,uint256,bool)",
        "0xf5e3c462": "liquidateBorrow(address,uint256,address)",
        "0xaae40a2a": "liquidateBorrow(address,address)",
        "0xbcbaf487": "liquidate(address,uint256)",
        "0x617ba037": "supply(address,uint256,address,uint16)",
        "0xe8eda9df": "deposit(address,uint256,address,uint16)",
        "0x69328dec": "withdraw(address,uint256,address)",
        "0xa415bcad": "borrow(address,uint256,uint256,uint16,address)",
        "0x573ade81": "repay(address,uint256,uint256,address)",
        "0xa0712d68": "mint(uint256)",
        "0x852a12e3": "redeemUnderlying(uint256)",
        "0xc5ebeaec": "borrow(uint256)",
        "0x0e752702": "repayBorrow(uint256)",
        "0x2608f818": "repayBorrowBehalf(address,uint256)",
        "0x6e553f65": "deposit(uint256,address)",
        "0xb460af94": "withdraw(uint256,address,address)",
        "0xbad4a01f": "depositCollateral(uint256)",
        "0x6112fe2e": "withdrawCollateral(uint256)",
        "0x22867d78": "repay(address,uint256)",
    }
    for selector, signature in named.items():
        assert "0x" + keccak(text=signature)[:4].hex() == selector, signature
    assert set(positions._POSITIONS) <= set(named)
    assert set(named) >= positions.LIQUIDATIONS


def test_a_tree_that_is_not_hex_is_malformed_and_the_rest_still_speaks(decoder):
    found = decoder.facts(execution(trace=root(value="many"), logs=[]))
    assert len(found.malformed) == 1
    assert found.degraded == ("no_trace",)
    assert found.frames == ()
