"""Limits from a history: the budget is kept where it can be, and what the contracts hold bounds them."""

import random
import tomllib
from pathlib import Path

import pytest

from chainwatch.config.models import Profile
from chainwatch.decode import Decoder, load_registry
from chainwatch.errors import BadInput
from chainwatch.evaluate.tune import (
    WINDOWS,
    History,
    Left,
    changed,
    difference,
    episodes_of,
    limit_of,
    propose,
    read_history,
)
from chainwatch.sources.recordings import read_recording
from chainwatch.types import Block
from tests.builders import block
from tests.detect.test_outflow import TOKEN, UNIT, limited, moves

DAY = 86_400
DECODER = Decoder(load_registry())


def weeks_of(*amounts: int, every: int = DAY) -> list[Block]:
    """A deposit of a million at first, then one transaction a day that moves so much."""
    steps = (-1_000_000, *amounts)
    return [block(10 + n, moves(n + 1, amount), timestamp=DAY + n * every) for n, amount in enumerate(steps)]


def history_of(*amounts: int) -> History:
    return read_history(weeks_of(*amounts), limited(), DECODER)


def test_what_left_is_read_by_window() -> None:
    history = history_of(100, -50, 200)
    by_window = {window: [one.amount // UNIT for one in history.left.get((TOKEN, window), [])] for window in WINDOWS}
    assert by_window == {"transaction": [100, 200], "block": [100, 200], "hour": [100, 200], "day": [100, 200]}
    assert history.held == {TOKEN: 1_000_000 * UNIT}
    assert history.weeks == pytest.approx(3 / 7)


@pytest.mark.parametrize("exceeded", [1, 3, 10])
def test_a_budget_of_some_pages_is_the_amount_that_was_exceeded_as_often(exceeded: int) -> None:
    amounts = random.Random(1).sample(range(1_000_000), 500)
    limit, _ = limit_of(amounts, exceeded)
    assert sum(amount > limit for amount in amounts) == exceeded


def test_a_budget_below_one_page_goes_beyond_the_most_along_the_tail() -> None:
    rng = random.Random(1)
    amounts = [int(1_000 * rng.paretovariate(2.0)) for _ in range(20_000)]
    limit, tail = limit_of(amounts, 0.01)
    assert tail == pytest.approx(2.0, abs=0.4)
    assert limit == pytest.approx(max(amounts) * 100 ** (1 / tail))
    assert limit_of([5, 7], 0.1) == (70.0, 1.0)  # too few to know a tail by
    assert limit_of([7] * 20, 0.1)[1] == 4.0


def test_sums_over_windows_that_overlap_are_one_page() -> None:
    series = [Left(at, amount, "0x", 1) for at, amount in ((0, 5), (600, 9), (3_000, 2), (3_700, 4))]
    assert [one.amount for one in episodes_of(series, "hour")] == [9, 4]
    assert len(episodes_of(series, "transaction")) == 4


def test_no_limit_is_above_a_share_of_what_is_held() -> None:
    history, tokens = history_of(1_000, 2_000, 500), limited().tokens
    (tight, *_) = propose(history, tokens, 1e-6)
    assert tight.capped
    assert tight.max_amount == 250_000.0
    assert tight.pages_per_week == pytest.approx(2_000 / 250_000 / history.weeks)
    (loose, *_) = propose(history, tokens, 4.0)
    assert not loose.capped
    assert loose.pages_per_week == pytest.approx(4.0 / 4)
    assert loose.max_amount == pytest.approx(2_000 / (1.0 * history.weeks), rel=0.1)


def test_the_profile_is_changed_in_these_lines_only_and_still_loads() -> None:
    text = (
        'name = "p"\nchain_id = 1\n\n[[contracts]]\nname = "vault"\naddress = "0x' + "b1" * 20 + '"\n\n'
        '[[outflow]]\ntoken = "USDC"\nwindow = "day"\nmax_amount = 1.0\n\n'
        '[[tokens]]\nsymbol = "USDC"  # theirs\naddress = "' + TOKEN + '"\ndecimals = 6\n'
    )
    history = history_of(1_000, 2_000, 500)
    after = changed(text, propose(history, limited().tokens, 0.5), history)
    profile = Profile.model_validate(tomllib.loads(after))
    assert [limit.window for limit in profile.outflow] == list(WINDOWS)
    assert "# theirs" in after
    assert "max_amount = 1.0" not in after
    again = changed(after, propose(history, limited().tokens, 0.5), history)
    assert again == after
    assert difference(text, after, "p.toml").startswith("--- a/p.toml\n+++ b/p.toml\n")


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([], "less than an hour"),
        (weeks_of(5)[::-1], "earlier one"),
        (weeks_of(-5, -6), "ever left"),
    ],
)
def test_bad_histories_are_refused(blocks: list[Block], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        propose(read_history(blocks, limited(), DECODER), limited().tokens, 0.1)
    with pytest.raises(BadInput, match="above 0"):
        propose(history_of(5), limited().tokens, 0.0)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["history-warp_finance", "history-opyn"])
def test_limits_from_a_real_history_before_its_attack_show_the_attack(corpus: Path, name: str) -> None:
    from chainwatch.evaluate.labels import read_labels
    from chainwatch.types import Transfer

    labels = [label for label in read_labels(corpus / "labels.jsonl.gz").values() if label.set == name]
    attack = next(label for label in labels if label.label == "attack")
    blocks = [line.block for line in read_recording(corpus / "recordings" / f"{name}.jsonl.gz")]
    at = next(n for n, b in enumerate(blocks) if b.executions[0].transaction.hash == attack.tx)
    events = [e for b in blocks[:at] for x in b.executions for e in DECODER.facts(x).events]
    tokens = {e.token for e in events if isinstance(e, Transfer) and e.sender in (attack.protected or ())}
    profile = Profile.model_validate(
        {
            "name": "p", "chain_id": 1,
            "contracts": [{"name": f"c{n}", "address": a} for n, a in enumerate(attack.protected or ())],
            "tokens": [{"symbol": f"T{n}", "address": a, "decimals": 18} for n, a in enumerate(sorted(tokens))],
        }
    )  # fmt: skip
    proposals = propose(read_history(blocks[:at], profile, DECODER), profile.tokens, 0.1)
    assert proposals
    assert not [p for p in proposals if p.fired]
    [*_, last] = [p for p in proposals if p.window == "transaction"]
    token = next(t for t in profile.tokens if t.symbol == last.token)
    whole = read_history(blocks[: at + 1], profile, DECODER)
    now = [one for one in whole.left[token.address, "transaction"] if one.tx == attack.tx]
    assert now[0].amount > last.max_amount * 10**18
