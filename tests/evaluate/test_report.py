"""The report says all that was counted, and nothing that others wrote can be more than text in it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chainwatch.errors import BadInput
from chainwatch.evaluate.ablate import ablate
from chainwatch.evaluate.folds import Compared, FoldScore
from chainwatch.evaluate.html import Html, bars, joined, tag
from chainwatch.evaluate.labels import Label
from chainwatch.evaluate.misses import FalseAlarm
from chainwatch.evaluate.report import report, write_report
from chainwatch.evaluate.saved import saved
from chainwatch.evaluate.score import Rate, Times, tally
from chainwatch.evaluate.verdicts import Verdict
from chainwatch.types import Tier
from tests.builders import hash_

EVIL = "<script>alert('x')</script>\"&"


class Elements(HTMLParser):
    """The names of all elements, and whether each was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.add(name)
        self.attributes += attributes
        if name not in ("meta", "br"):
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name


def made() -> str:
    verdicts = [
        Verdict(Label(EVIL, hash_(1), "attack", EVIL, EVIL, "one", None, 5e6), None, chain_id=1),
        Verdict(Label("s", hash_(2), "attack", "bridge", None, "one"), Tier.ACT, (EVIL,), 56, EVIL, EVIL),
        Verdict(Label("s", hash_(3), "benign", EVIL), Tier.ALERT, (EVIL,), 1, EVIL, f"{EVIL} took 0.5 of it. More."),
    ]
    score = tally(verdicts)
    none = Rate.made(0, 100)
    folds = FoldScore(
        "full", 3, 0, 0.001, 3, 0, (Compared(EVIL, none, none, Rate.made(3, 100)),), (),
        (Compared("all", *[none] * 3),), (), (),
        (FalseAlarm(EVIL, hash_(3), "benign", None, None, Tier.ALERT, (), EVIL),),
        score.misses,
    )  # fmt: skip
    timed = type(score)(**{n: getattr(score, n) for n in score.__struct_fields__} | {"times": Times(9, 1, 2, 77, 3)})
    return report(timed, folds=folds, ablation=ablate(verdicts, ()), saved=saved(verdicts), today="2026-01-02")


def test_whatever_is_in_it_is_text() -> None:
    text = made()
    parsed = Elements()
    parsed.feed(text)
    assert parsed.open == []
    assert parsed.seen.isdisjoint({"script", "img", "link", "iframe", "object", "form", "a"})
    assert "&lt;script&gt;" in text
    assert {name for name, _ in parsed.attributes}.isdisjoint({"href", "src", "onload", "onclick"})
    assert not re.search(r"https?://|url\(|@import", text)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in parsed.attributes


def test_all_that_was_counted_is_told() -> None:
    text = made()
    for says in (
        "2026-01-02", "Out of sample", "As shipped", "Ablation", "all rules", "Every false alarm (1)", hash_(3),
        "The worst misses (1 of 1)", "5,000,000", "It failed: nothing happened.", "Another transaction of this",
        "chain 56", "77 calls in 3.0 ms", "Of 1 incidents 0 have", "3 of 100 (0.62% to 8.52%)", "0 of 100 (&lt;",
    ):  # fmt: skip
        assert says in text, says
    assert "More." not in text  # of an explanation the first sentence
    plain = report(tally([Verdict(Label("s", hash_(1), "benign"), None)]))
    assert ("Ablation" in plain, "Out of sample" in plain, "Every false alarm (0)" in plain) == (False, False, True)


def test_bars_are_as_long_as_their_rates() -> None:
    drawn = bars([("half", [Rate(50, 100, 0.4, 0.6)]), ("nothing", [Rate(0, 0, 0.0, 1.0)])], ["alert"], whole=True)
    widths = [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)"', drawn)]
    assert widths == [10, 210.0]  # the legend's, and half of 420
    assert "none to count" in drawn
    ends = re.findall(r'<line x1="([\d.]+)" x2="([\d.]+)" y1="25.0"', drawn)
    assert ends == [("378.0", "462.0")]
    scaled = bars([("few", [Rate(1, 100, 0.0, 0.05)])], ["alert"], whole=False)
    assert 'width="84.0"' in scaled  # the axis ends at the highest bound
    assert "5.00%" in scaled
    wide = bars([("few", [Rate(1, 100, 0.0, 0.05)]), ("rare", [Rate(0, 3, 0.0, 0.63)])], ["alert"], whole=False)
    assert 'width="84.0"' in wide  # what was counted three times does not squeeze the rest
    assert max(float(x) for x in re.findall(r'<line x1="[\d.]+" x2="([\d.]+)"', wide)) == 630.0


def test_only_html_is_not_escaped() -> None:
    assert tag("p", "<b>", Html("<i>"), title='"') == '<p title="&quot;">&lt;b&gt;<i></p>'
    assert joined("&", 1) == "&amp;1"


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    score = tally([Verdict(Label("s", hash_(1), "benign"), None)])
    write_report(tmp_path / "r.html", score)
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    with pytest.raises(BadInput, match="cannot be written"):
        write_report(tmp_path / "none" / "r.html", score)
