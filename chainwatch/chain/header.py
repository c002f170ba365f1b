"""Whether a block's header is the one its hash stands for.

The hash is the Keccak-256 of the RLP of the header's fields (Yellow Paper, section 4.4.3, and the EIPs that added
fields at its end). Where it fits, transactions root, receipts root and logs bloom are those that everybody who
follows this hash agrees on, whoever told them. Chains with other headers never fit: then it says nothing.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import rlp
import sha3

_FIELDS = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
)  # fmt: skip
# London, Shanghai (EIP-4895), Cancun (EIP-4844 twice, EIP-4788), Prague (EIP-7685): each only after those before it.
_LATER = (
    "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash",
)  # fmt: skip
_QUANTITIES = frozenset(
    {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"}
)
_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def is_authentic(raw: bytes, block_hash: str) -> bool:
    """Whether the block in `raw` (JSON of eth_getBlockByHash) has a header whose hash is `block_hash`."""
    try:
        given = _decoder.decode(raw)
        fields = {n: msgspec.json.decode(given[n]) for n in (*_FIELDS, *_LATER) if n in given}
        return bool("0x" + sha3.keccak_256(_encoded(fields)).hexdigest() == block_hash)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, AttributeError):
        return False


def _encoded(fields: Mapping[str, Any]) -> bytes:
    names = [*_FIELDS]
    for name in _LATER:
        if fields.get(name) is None:
            break
        names.append(name)
    encoded: bytes = rlp.encode([_bytes(name, fields[name]) for name in names])
    return encoded


def _bytes(name: str, value: str) -> bytes:
    if name in _QUANTITIES:
        number = int(value, 16)
        return number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes.fromhex(value.removeprefix("0x"))
