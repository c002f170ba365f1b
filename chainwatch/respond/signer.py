"""The key that sends actions, behind an allow-list. Nothing here shows, logs or pickles a secret.

The allow-list of chain, target and selector is enforced in one place, under every signature: whatever goes
wrong above, this key signs nothing but the calls that playbooks name.
"""

import json
import os
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from chainwatch.config.models import SignerConfig
from chainwatch.errors import BadInput, NotReady
from chainwatch.respond.fees import Fees
from chainwatch.types import Address, Hash, HexData

MAX_GAS_LIMIT = 16_777_216
"""EIP-7825: a transaction with more is not valid."""


class Signed(msgspec.Struct, frozen=True):
    """A signed transaction, ready to send."""

    raw: HexData
    tx_hash: Hash


class Allowed(msgspec.Struct, frozen=True):
    """One call that may be signed: exactly this calldata, to this target, on this chain."""

    chain_id: int
    target: Address
    data: HexData


class Signer:
    """Signs allowed actions with one account."""

    def __init__(self, account: LocalAccount, allowed: frozenset[Allowed]) -> None:
        self._account = account
        self._allowed = allowed

    @property
    def address(self) -> Address:
        """The account's address, in lower case."""
        return str(self._account.address).lower()

    def rehearse(self) -> None:
        """Sign once and throw it away: the first signature of a process is several times as slow as the next."""
        self._account.sign_message(encode_defunct(b"chainwatch rehearsal"))

    def sign(self, call: Allowed, *, nonce: int, gas_limit: int, fees: Fees) -> Signed:
        """Sign an EIP-1559 transaction. Raises NotReady for a call that no playbook names or too much gas."""
        if call not in self._allowed:
            raise NotReady(
                f"The signer refuses {call.data[:10]} to {call.target} on chain {call.chain_id}.",
                "Only the calls that playbooks name are signed; check the playbook.",
            )
        if gas_limit > MAX_GAS_LIMIT:
            raise NotReady(
                f"A gas limit of {gas_limit} is over the cap of {MAX_GAS_LIMIT} (EIP-7825).", "Lower sending.gas_limit."
            )
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": call.chain_id,
                "nonce": nonce,
                "to": bytes.fromhex(call.target[2:]),
                "value": 0,
                "data": bytes.fromhex(call.data[2:]),
                "gas": gas_limit,
                "maxFeePerGas": fees.max_fee_per_gas,
                "maxPriorityFeePerGas": fees.max_priority_fee_per_gas,
            }
        )
        return Signed("0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex())

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is not pickled: it holds a key")


def load_signer(config: SignerConfig, root: Path, allowed: frozenset[Allowed]) -> Signer:
    """Unlock the keystore. Slow by design (the key derivation): call it in a thread.

    Raises BadInput for a missing or broken keystore, a wrong passphrase, or another address than declared.
    """
    path = root / config.keystore
    keystore = _read(path)
    passphrase, origin = _passphrase(config, root)
    try:
        key = Account.decrypt(keystore, passphrase)
    except ValueError as error:
        wrong = "MAC mismatch" in str(error)
        problem = f"The passphrase from {origin} does not open {path}." if wrong else f"{path} cannot be unlocked."
        mend = (
            "Correct the passphrase." if wrong else "Give a keystore v3 file, as geth, cast and eth-account write it."
        )
        raise BadInput(problem, mend) from None  # the cause may hold what was typed
    except (KeyError, TypeError, NotImplementedError):
        raise BadInput(f"{path} is not a keystore v3 file.", "Give one that geth, cast or eth-account wrote.") from None
    account: LocalAccount = Account.from_key(key)
    if account.address.lower() != config.address:
        raise BadInput(
            f"{path} holds the key of {account.address.lower()}, signer.address is {config.address}.",
            "Correct one of them: the address declared is the one that readiness checks.",
        )
    return Signer(account, allowed)


def _read(path: Path) -> dict[str, Any]:
    try:
        keystore = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"The keystore {path} does not exist.", "Correct signer.keystore in chainwatch.toml.") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"The keystore {path} cannot be read as JSON.", "Give a keystore v3 file.") from error
    if not isinstance(keystore, dict):
        raise BadInput(f"{path} is not a keystore v3 file.", "Give one that geth, cast or eth-account wrote.")
    return keystore


def _passphrase(config: SignerConfig, root: Path, prompt: Callable[[str], str] = getpass) -> tuple[str, str]:
    """The passphrase and where it came from: environment, file, or a prompt, in this order."""
    if config.passphrase_env in os.environ:
        return os.environ[config.passphrase_env], f"the environment variable {config.passphrase_env}"
    if config.passphrase_file is not None:
        path = root / config.passphrase_file
        try:
            return path.read_text(encoding="utf-8").removesuffix("\n"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"The passphrase file {path} cannot be read.", "Correct signer.passphrase_file.") from error
    if not sys.stdin.isatty():
        raise BadInput(
            "There is no passphrase for the keystore.",
            f"Set {config.passphrase_env}, or signer.passphrase_file, or start it at a terminal to be asked.",
        )
    return prompt("Passphrase of the keystore: "), "the prompt"
