"""The three files that docs/getting-started.md shows are sound as they stand, but for the addresses left open."""

import re
import textwrap
from pathlib import Path

from chainwatch.chain.probes import specs_of
from chainwatch.config.load import load
from chainwatch.detect.invariants import check_invariant
from tests.builders import address
from tests.conftest import ROOT

FILES = {
    "chainwatch.toml": "[[chains]]",
    "profiles/market.toml": 'name = "market"',
    "playbooks/pause.toml": 'name = "pause',
}


def test_the_files_it_shows_load_and_their_invariants_can_be_evaluated(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "getting-started.md").read_text()
    blocks = [textwrap.dedent(block) for block in re.findall(r"(?:^(?:    .*)?\n)+", text, re.MULTILINE)]
    for number, (name, begins) in enumerate(FILES.items(), start=1):
        (shown,) = [block for block in blocks if block.strip().startswith(begins)]
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown.replace("0x…", address(number)))
    loaded = load(tmp_path / "chainwatch.toml")
    (profile,), (_,) = loaded.profiles, loaded.playbooks
    values = {spec.name: len(spec.returns) for spec in specs_of(profile)}
    assert profile.invariants
    for invariant in profile.invariants:
        check_invariant(invariant, values)
