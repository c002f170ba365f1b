"""Loading configuration: TOML to models, with errors that name file, key and line.

Relative paths in a file are relative to that file. Profiles and playbooks are found by the glob patterns of
chainwatch.toml; a pattern that finds nothing is fine (a scan needs neither), a duplicate name is not.
"""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from chainwatch.config.models import ChainConfig, Config, PlaybookConfig, Profile
from chainwatch.errors import BadConfig, BadInput
from chainwatch.types import Address

_MAY_HOLD_SECRETS = ("http", "ws", "url", "urls", "escalate_urls")

M = TypeVar("M", bound=BaseModel)


class Loaded(msgspec.Struct, frozen=True):
    """A configuration with the profiles and playbooks it names. `root` is the directory of chainwatch.toml."""

    path: Path
    root: Path
    config: Config
    profiles: tuple[Profile, ...]
    playbooks: tuple[PlaybookConfig, ...]

    @property
    def chain(self) -> ChainConfig:
        """The one chain. Raises BadInput where there are several: then `for_chain` says which."""
        if len(self.config.chains) > 1:
            known = ", ".join(str(chain.id) for chain in self.config.chains)
            raise BadInput(f"{self.path} names several chains ({known}).", "Say which one with --chain.")
        return self.config.chains[0]

    def for_chain(self, chain_id: int) -> "Loaded":
        """What concerns one chain: its providers, profiles and playbooks. Raises BadInput for an unknown one."""
        chains = tuple(chain for chain in self.config.chains if chain.id == chain_id)
        if not chains:
            known = ", ".join(str(chain.id) for chain in self.config.chains)
            raise BadInput(f"{self.path} names no chain {chain_id}.", f"Known are: {known}.")
        profiles = tuple(profile for profile in self.profiles if profile.chain_id == chain_id)
        names = {profile.name for profile in profiles}
        playbooks = tuple(playbook for playbook in self.playbooks if playbook.trigger.profile in names)
        config = self.config.model_copy(update={"chains": chains})
        return Loaded(self.path, self.root, config, profiles, playbooks)

    def by_chain(self) -> "tuple[Loaded, ...]":
        """One for each chain."""
        return tuple(self.for_chain(chain.id) for chain in self.config.chains)

    @property
    def protocols(self) -> dict[Address, str]:
        """Whose events each contract writes, where its profile says so."""
        contracts = (contract for profile in self.profiles for contract in profile.contracts)
        return {c.address: c.protocol for c in contracts if c.protocol is not None}

    @property
    def store(self) -> "Path | str":
        """Where state is kept: a SQLite file or a PostgreSQL URL."""
        return self.config.store.url or self.root / self.config.store.path


def load(path: Path) -> Loaded:
    """Read `chainwatch.toml` at `path` and the profiles and playbooks it names.

    Raises BadConfig naming file, key and line of the first thing that is wrong.
    """
    config = read(path, Config)
    root = path.resolve().parent
    profiles = tuple(read(file, Profile) for file in _matching(root, config.profiles))
    playbooks = tuple(read(file, PlaybookConfig) for file in _matching(root, config.playbooks))
    _check_names(path, config, profiles, playbooks)
    return Loaded(path, root, config, profiles, playbooks)


def read(path: Path, model: type[M]) -> M:
    """One TOML file as `model`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadConfig(f"{path} does not exist.", "Name the file with --config, or write it first.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path} cannot be read as text ({error}).", "Check the path and its permissions.") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{path} is not valid TOML: {error}.", "Mend that line.") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        location = first["loc"]
        key = ".".join(str(part) for part in location) or "(the whole file)"
        line = line_of(text, location)
        where = f"{path}, line {line}" if line else str(path)
        raise BadConfig(f"{where}: {key}: {_in_words(first)}.", _mend(first, location, model)) from error


def _in_words(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key"
    if error["type"] == "missing":
        return "required key is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{message[0].lower()}{message[1:]}{_given(error)}" if message else "not valid"


def _given(error: Any) -> str:
    """What was given, unless it is a whole table or may hold a secret, as endpoints and channels do."""
    value, key = error["input"], next((p for p in reversed(error["loc"]) if isinstance(p, str)), "")
    if key in _MAY_HOLD_SECRETS or not isinstance(value, str | int | float | bool):
        return ""
    return f" (given: {value!r})"


def _mend(error: Any, location: Sequence[str | int], model: type[BaseModel]) -> str:
    if error["type"] == "extra_forbidden":
        return f"Remove it, or check its spelling; docs/configuration.md lists the keys of {_table(location)}."
    if error["type"] == "missing":
        return f"Add it; docs/configuration.md says what it is for ({model.__name__})."
    return "Correct the value; docs/configuration.md says what is allowed."


def _table(location: Sequence[str | int]) -> str:
    names = [str(part) for part in location[:-1] if isinstance(part, str)]
    return f"[{'.'.join(names)}]" if names else "the top level"


def line_of(text: str, location: Sequence[str | int]) -> int | None:
    """The line (from 1) where the key at `location` stands, or that of the nearest table that should hold it."""
    wanted = list(location)
    counts: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    best: tuple[int, int] | None = None  # (how much of the location matches, line)
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line):
            table = _resolved(tuple(_parts(header[2])), counts, is_array=header[1] == "[[")
            here = table
        elif key := re.match(r"\s*([A-Za-z0-9_\-.\"']+)\s*=", line):
            here = (*table, *_parts(key[1]))
        else:
            continue
        if list(here) == wanted[: len(here)] and (best is None or len(here) > best[0]):
            best = (len(here), number)
    return best[1] if best else None


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _resolved(
    names: tuple[str, ...], counts: dict[tuple[str | int, ...], int], *, is_array: bool
) -> tuple[str | int, ...]:
    """A table header with the indexes of the arrays of tables it stands in."""
    path: tuple[str | int, ...] = ()
    for i, name in enumerate(names):
        path = (*path, name)
        if is_array and i == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _matching(root: Path, patterns: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for pattern in patterns:
        if any(mark in pattern for mark in "*?["):
            found += [p for p in sorted(root.glob(pattern)) if p not in found]
        else:
            found.append(root / pattern)  # a file named outright must exist; `read` says so
    return found


def _check_names(path: Path, config: Config, profiles: Sequence[Profile], playbooks: Sequence[PlaybookConfig]) -> None:
    mend = "Give every profile and every playbook a name of its own."
    for what, named in (("profile", profiles), ("playbook", playbooks)):
        names = [item.name for item in named]
        for name in {n for n in names if names.count(n) > 1}:
            raise BadConfig(f"{path}: two files hold a {what} named {name!r}.", mend)
    by_name = {profile.name: profile for profile in profiles}
    for profile in profiles:
        if profile.chain_id not in {chain.id for chain in config.chains}:
            known = ", ".join(str(chain.id) for chain in config.chains)
            raise BadConfig(
                f"{path}: profile {profile.name!r} is for chain {profile.chain_id}, but [[chains]] has only {known}.",
                "Correct chain_id in the profile, or add the chain.",
            )
    for playbook in playbooks:
        trigger = by_name.get(playbook.trigger.profile)
        if trigger is None:
            raise BadConfig(
                f"{path}: playbook {playbook.name!r} is triggered by profile {playbook.trigger.profile!r}, "
                "which no profile file holds.",
                "Correct trigger.profile, or add the profile.",
            )
        if not trigger.tokens:
            raise BadConfig(
                f"{path}: playbook {playbook.name!r} acts for profile {trigger.name!r}, which names no [[tokens]].",
                "Name what the protocol holds: a loss of any other token, which anybody can fake, must not count.",
            )
