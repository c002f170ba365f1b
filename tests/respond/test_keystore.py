"""Opening a keystore: what is wrong is named, and no secret is shown, logged or pickled."""

import copy
import io
import json
import pickle
from pathlib import Path

import pytest
from eth_account import Account

from chainwatch.config.models import SignerConfig
from chainwatch.errors import BadInput
from chainwatch.respond.fees import Fees
from chainwatch.respond.signer import Allowed, Signer, load_signer

ACCOUNT = Account.from_key("0x" + "7" * 64)
SECRET = "7" * 16
PASSPHRASE = "correct horse"
CALL = Allowed(1, "0x" + "b1" * 20, "0x8456cb59")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SignerConfig:
    keystore = Account.encrypt(ACCOUNT.key, PASSPHRASE, kdf="pbkdf2", iterations=10)
    (tmp_path / "key.json").write_text(json.dumps(keystore))
    monkeypatch.delenv("CHAINWATCH_PASSPHRASE", raising=False)
    return SignerConfig(keystore=Path("key.json"), address=ACCOUNT.address)


def opened(config: SignerConfig, root: Path) -> Signer:
    return load_signer(config, root, frozenset({CALL}))


def test_the_passphrase_comes_from_the_environment_before_the_file(config, tmp_path, monkeypatch):
    (tmp_path / "pass").write_text("wrong\n")
    with_file = config.model_copy(update={"passphrase_file": Path("pass")})
    with pytest.raises(BadInput, match="does not open"):
        opened(with_file, tmp_path)
    monkeypatch.setenv("CHAINWATCH_PASSPHRASE", PASSPHRASE)
    assert opened(with_file, tmp_path).address == ACCOUNT.address.lower()


def test_the_last_newline_of_a_passphrase_file_is_dropped(config, tmp_path):
    (tmp_path / "pass").write_text(PASSPHRASE + "\n")
    assert opened(config.model_copy(update={"passphrase_file": Path("pass")}), tmp_path)


def test_a_wrong_passphrase_is_bad_input_and_is_not_repeated(config, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINWATCH_PASSPHRASE", "hunter2")
    with pytest.raises(BadInput, match="CHAINWATCH_PASSPHRASE does not open") as raised:
        opened(config, tmp_path)
    assert raised.value.exit_code == 2
    assert "hunter2" not in str(raised.value) and raised.value.__cause__ is None


def test_without_any_passphrase_and_no_terminal_the_ways_are_named(config, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(BadInput, match=r"signer\.passphrase_file"):
        opened(config, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 3}', '{"version": 1, "crypto": {}}', "\x00\xff"])
def test_what_is_no_keystore_is_bad_input(config, tmp_path, monkeypatch, text: str):
    monkeypatch.setenv("CHAINWATCH_PASSPHRASE", PASSPHRASE)
    (tmp_path / "key.json").write_text(text)
    with pytest.raises(BadInput):
        opened(config, tmp_path)


def test_a_missing_keystore_is_bad_input(config, tmp_path):
    (tmp_path / "key.json").unlink()
    with pytest.raises(BadInput, match="does not exist"):
        opened(config, tmp_path)


def test_a_key_of_another_address_than_declared_is_bad_input(config, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINWATCH_PASSPHRASE", PASSPHRASE)
    with pytest.raises(BadInput, match=r"signer\.address is"):
        opened(config.model_copy(update={"address": "0x" + "9" * 40}), tmp_path)


def test_no_secret_is_shown_or_leaves_the_process(config, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINWATCH_PASSPHRASE", PASSPHRASE)
    signer = opened(config, tmp_path)
    signed = signer.sign(CALL, nonce=0, gas_limit=100_000, fees=Fees(1, 1))
    for shown in (repr(signer), str(signer), repr(vars(signer)), repr([signer]), repr(signed)):
        assert SECRET not in shown and PASSPHRASE not in shown and repr(ACCOUNT.key) not in shown
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            leave(signer)


def test_what_it_signs_is_what_was_asked_for(config, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINWATCH_PASSPHRASE", PASSPHRASE)
    signed = opened(config, tmp_path).sign(CALL, nonce=3, gas_limit=100_000, fees=Fees(30, 2))
    assert Account.recover_transaction(signed.raw) == ACCOUNT.address
    from eth_account.typed_transactions import TypedTransaction
    from hexbytes import HexBytes

    fields = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
    expected = {"chainId": 1, "nonce": 3, "gas": 100_000, "maxFeePerGas": 30, "maxPriorityFeePerGas": 2, "value": 0}
    assert {name: fields[name] for name in expected} == expected
    assert "0x" + bytes(fields["to"]).hex() == CALL.target and "0x" + bytes(fields["data"]).hex() == CALL.data
