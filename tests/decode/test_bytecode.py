"""What a contract's code says of itself: compiled contracts are read whole, and no bytes do any harm."""

import os
import time

import pytest
from eth_utils.abi import function_abi_to_4byte_selector
from hypothesis import given
from hypothesis import strategies as st

from chainwatch.decode.bytecode import MAX_BYTES, code_bytes, held, sweep
from chainwatch.drill.artefacts import ours, uniswap
from tests.builders import address
from tests.hard_negatives.npm import own

DEAD = "0x" + "de" * 20
DRILL = ["FlashAttacker", "StagedAttacker", "FlashArbitrageur", "FlashLiquidator", "LendingMarket", "DrillToken"]
SELECTOR = "5cffe9de"


def own_selectors(abi: list) -> set[str]:
    return {"0x" + function_abi_to_4byte_selector(a).hex() for a in abi if a["type"] == "function"}


class TestFunctions:
    @pytest.mark.parametrize("name", DRILL)
    def test_of_code_through_the_ir(self, name):
        assert set(sweep(ours(name).bytecode).functions) == own_selectors(ours(name).abi)

    @pytest.mark.parametrize("name", ["Bot", "Vault", "Staking", "Token"])
    def test_of_code_by_the_older_way(self, name):
        assert set(sweep(own(name).bytecode).functions) == own_selectors(own(name).abi)

    def test_of_an_old_compiler(self):
        pair = uniswap("v2-core", "UniswapV2Pair")
        assert set(sweep(pair.bytecode).functions) == own_selectors(pair.abi)

    @pytest.mark.parametrize(
        "code",
        [
            f"8063{SELECTOR}1461003057",  # solc: DUP1 PUSH4 EQ PUSH2 JUMPI
            f"63{SELECTOR}811461003057",  # solc 0.4: PUSH4 DUP2 EQ
            f"63{SELECTOR}0361003057",  # the optimiser: SUB
            f"63{SELECTOR}811861003057",  # Vyper: XOR
            f"63{SELECTOR}600051141561003057",  # Vyper below 0.3.4: from memory
            f"8063{SELECTOR}14603057",  # a near jump
        ],
    )
    def test_every_way_to_compare(self, code):
        assert sweep("0x" + code).functions == ("0x" + SELECTOR,)
        assert sweep("0x" + code).called == frozenset()

    def test_the_middle_of_a_search_by_halves_is_neither_function_nor_call(self):
        assert sweep(f"0x8063{SELECTOR}1161003057") == sweep("0x8063ffffffff1161003057")

    def test_a_selector_that_starts_with_zero(self):
        assert sweep("0x8062a718a91461003057").functions == ("0x00a718a9",)


class TestCalls:
    def test_what_is_pushed_and_not_compared_is_called(self):
        assert sweep(f"0x63{SELECTOR}60e01b600052").called == {"0x" + SELECTOR}

    def test_a_selector_that_the_optimiser_shifted(self):
        assert sweep("0x636eb1769f60e11b600052").called == {"0xdd62ed3e"}  # allowance: one bit

    def test_a_selector_at_the_top_of_a_word(self):
        assert sweep("0x7f" + SELECTOR + "00" * 28).called == {"0x" + SELECTOR}

    @pytest.mark.parametrize("shifted", ["630102030460a01b", "630102030460ff1b", "6001601f1b"])
    def test_a_number_that_is_shifted_elsewhere_is_no_selector(self, shifted):
        assert sweep("0x" + shifted).called == frozenset()

    def test_masks_and_errors_are_none(self):
        assert sweep("0x63ffffffff16634e487b7160e01b6308c379a060e01b").called == frozenset()

    def test_the_attackers_calls(self):
        code = sweep(ours("FlashAttacker").bytecode)
        assert {"0xc5ebeaec", "0x38ed1739", "0x5cffe9de"} <= code.called
        assert code.calls > 5

    @pytest.mark.parametrize(
        ("code", "flags"),
        [("f0", (True, False, False)), ("f5", (True, False, False)), ("f4", (False, True, False)),
         ("ff", (False, False, True)), ("60f061f5f462f4fff07fff" + "ff" * 31, (False, False, False))],
    )  # fmt: skip
    def test_opcodes_but_not_in_data(self, code, flags):
        seen = sweep("0x" + code)
        assert (seen.creates, seen.delegates, seen.destroys) == flags

    def test_metadata_is_no_code(self):
        metadata = "a264697066735822" + "1220" + "ff" * 32 + "64736f6c63" + "43000819" + "0033"
        assert not sweep("0x00" + metadata).destroys
        assert sweep("0x00" + metadata).size == 54


class TestAddresses:
    def test_pushed(self):
        assert sweep("0x73" + "de" * 20).addresses == {DEAD}
        assert sweep("0x7f" + "00" * 12 + "de" * 20).addresses == {DEAD}

    @pytest.mark.parametrize("code", ["73" + "ff" * 20, "73" + "00" * 19 + "01", "7f" + "de" * 32, "73" + "de" * 19])
    def test_what_is_none(self, code):
        assert sweep("0x" + code).addresses == frozenset()

    def test_held_anywhere(self):
        assert held("0x6080" + "00" * 12 + "de" * 20, [address(1), DEAD]) == [DEAD]

    def test_held_without_its_leading_zeros(self):
        short = "0x0000" + "ab" * 18
        assert held("0x71" + "ab" * 18, [short]) == [short]

    def test_a_small_number_is_no_address(self):
        assert held("0x" + "00" * 100, [address(0), address(1)]) == [address(0)]
        assert held("0x6001", [address(1)]) == []


class TestHostileCode:
    @given(st.binary(max_size=2_000))
    def test_any_bytes(self, code):
        assert sweep("0x" + code.hex()).size == len(code)

    @given(st.text(max_size=200))
    def test_no_hex(self, text):
        sweep(text)

    @pytest.mark.parametrize("text", ["", "0x", "0x1", "0xzz", "é" * 50])
    def test_what_is_not_hex_has_no_size(self, text):
        assert sweep(text).size == 0

    @pytest.mark.parametrize(
        "code",
        [os.urandom(49_152), bytes(49_152), b"\x63" * 49_152, b"\x60\x01" * 24_576,
         b"\x80\x63abcd\x14\x61\x00\x01\x57" * 4_000, b"\xa2\x64ipfs\x58\x22" * 6_000,
         b"\x5b\x60\x00" * 16_384, b"\x7f" * 49_152],
        ids=range(8),
    )  # fmt: skip
    def test_the_largest_init_code_takes_milliseconds(self, code):
        started = time.perf_counter()
        sweep("0x" + code.hex())
        assert time.perf_counter() - started < 0.5  # 0.016 on an idle core

    def test_no_more_than_so_much_is_read(self):
        assert len(code_bytes("0x" + "00" * (MAX_BYTES + 1))) == MAX_BYTES
