"""Configuration errors name file, key, line and mend."""

from pathlib import Path

import pytest

from chainwatch.config.load import line_of, load
from chainwatch.errors import BadConfig

CHAIN = '[[chains]]\nid = 1\n[[chains.providers]]\nname = "a"\nhttp = "http://127.0.0.1:8545"\n'
BARE = 'name = "p"\nchain_id = 1\n\n[[contracts]]\nname = "m"\naddress = "0x%s"\n' % ("Ab" * 20)
PROFILE = BARE + '\n[[tokens]]\nsymbol = "T"\naddress = "0x%s"\ndecimals = 6\n' % ("ef" * 20)
PLAYBOOK = """\
name = "pause"
version = 1
owner = "me"
[trigger]
profile = "p"
kinds = ["oracle_deviation"]
[action]
adapter = "oz_pausable"
target = "0x%s"
cost_usd = 1
""" % ("ab" * 20)


def write(root: Path, chainwatch: str = CHAIN, profile: str | None = PROFILE, playbook: str | None = PLAYBOOK) -> Path:
    for folder, text in (("profiles", profile), ("playbooks", playbook)):
        (root / folder).mkdir()
        if text is not None:
            (root / folder / "one.toml").write_text(text)
    path = root / "chainwatch.toml"
    path.write_text(chainwatch)
    return path


def test_loads_what_is_sound_and_lowers_addresses(tmp_path: Path) -> None:
    loaded = load(write(tmp_path))
    assert loaded.profiles[0].protected == {"0x" + "ab" * 20}
    assert loaded.playbooks[0].action.role == "PAUSER_ROLE"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"chainwatch": CHAIN.replace("id = 1", "id = 1\npol_seconds = 1")},
            ["chainwatch.toml, line 3", "chains.0.pol_seconds", "unknown key"],
        ),
        ({"chainwatch": CHAIN.replace("id = 1", "id = 0")}, ["line 2", "chains.0.id", "given: 0"]),
        ({"chainwatch": "[[chains]]\nid = 1\n"}, ["line 1", "chains.0.providers", "required key is missing"]),
        ({"chainwatch": "[chain\n"}, ["chainwatch.toml is not valid TOML", "line 1"]),
        ({"chainwatch": CHAIN.replace("id = 1", "id = 1\nmempool = true")}, ["mempool = true needs ws"]),
        ({"chainwatch": CHAIN.replace("id = 1", "id = 1\nquorum = 2")}, ["quorum = 2, but only 1 providers"]),
        (
            {"chainwatch": CHAIN + '[[chains.providers]]\nname = "a"\nhttp = "http://b"\n'},
            ["two providers are named 'a'"],
        ),
        ({"chainwatch": CHAIN + CHAIN}, ["two [[chains]] have the same id"]),
        ({"chainwatch": CHAIN + '[web]\nlisten = "0.0.0.0:9464"\n'}, ["lets others connect", "token_env"]),
        ({"chainwatch": CHAIN.replace("127", "${NOT_SET_ANYWHERE}")}, ["NOT_SET_ANYWHERE is not set"]),
        ({"profile": PROFILE.replace("0xAb", "0xZz")}, ["one.toml, line 6", "contracts.0.address", "not an address"]),
        (
            {"profile": PROFILE + '\n[[contracts]]\nname = "n"\naddress = "0x%s"\nkind = 1\n' % ("cd" * 20)},
            ["line 16", "contracts.1.kind"],
        ),
        ({"profile": PROFILE.replace("chain_id = 1", "chain_id = 5")}, ["is for chain 5, but [[chains]] has only 1"]),
        ({"profile": BARE}, ["'pause'", "names no [[tokens]]"]),
        ({"playbook": PLAYBOOK.replace("oracle_deviation", "oracle_deviatoin")}, ["line 6", "trigger.kinds"]),
        ({"playbook": PLAYBOOK + '[guards]\nstages = ["orphaned"]\n'}, ["line 12", "guards.stages"]),
        ({"chainwatch": CHAIN + "\n[sending]\npriority_fee_gwei = 900\n"}, ["priority_fee_gwei is above max_fee_gwei"]),
        ({"profile": PROFILE.replace("chain_id = 1", "chain_id = 1\ntvl_usd = inf")}, ["line 3", "tvl_usd"]),
        ({"playbook": PLAYBOOK.replace('profile = "p"', 'profile = "q"')}, ["'pause'", "'q'"]),
        ({"playbook": PLAYBOOK.replace("version = 1", "version = 'one'")}, ["line 2", "version"]),
        ({"chainwatch": CHAIN + "\n[sending]\ngas_limit = 17_000_000\n"}, ["sending.gas_limit", "16777216"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, files: dict[str, str], said: list[str]) -> None:
    with pytest.raises(BadConfig) as caught:
        load(write(tmp_path, **files))
    for part in said:
        assert part in str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.mend


@pytest.mark.parametrize(
    "chainwatch",
    [
        '[[chains]]\nid = 1\nmempool = true\n[[chains.providers]]\nname = "a"\nhttp = "https://node/v2/SECRET"\n',
        '[[chains]]\nid = 1\n[[chains.providers]]\nname = "a"\nhttp = "ftp://node/v2/SECRET"\n',
        CHAIN + 'ws = "https://node/v2/SECRET"\n',
        CHAIN + '[notify]\nurls = "tgram://SECRET/1"\n',
        CHAIN + '[notify]\nurls = [["tgram://SECRET/1"]]\n',
    ],
)
def test_no_error_shows_what_may_be_a_secret(tmp_path: Path, chainwatch: str) -> None:
    with pytest.raises(BadConfig) as caught:
        load(write(tmp_path, chainwatch=chainwatch))
    assert "SECRET" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"nowhere\.toml does not exist"):
        load(tmp_path / "nowhere.toml")
    with pytest.raises(BadConfig, match=r"gone\.toml does not exist"):
        load(write(tmp_path, chainwatch='profiles = ["gone.toml"]\n' + CHAIN))


def test_two_profiles_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "profiles" / "two.toml").write_text(PROFILE)
    with pytest.raises(BadConfig, match="two files hold a profile named 'p'"):
        load(path)


def test_lines_are_found_in_nested_arrays() -> None:
    text = (
        '[[oracles]]\nname = "a"\n[oracles.feed]\ndecimals = 8\n[[oracles]]\nname = "b"\n[oracles.feed]\ndecimals = 9\n'
    )
    assert line_of(text, ("oracles", 0, "feed", "decimals")) == 4
    assert line_of(text, ("oracles", 1, "feed", "decimals")) == 8
    assert line_of(text, ("oracles", 1, "missing")) == 5
