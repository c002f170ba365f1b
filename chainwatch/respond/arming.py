"""Arming and disarming. `disarm` is a file: it works from another terminal, at once, also with the database
locked, and survives a restart. It is looked at before every signature and between signing and broadcast."""

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path

from chainwatch.errors import ChainwatchError, NotReady


class Arming:
    """The disarm file of one configuration, and whether this process was started armed."""

    def __init__(self, root: Path, *, armed: bool) -> None:
        self.path = root / "chainwatch.disarmed"
        self._started_armed = armed

    def armed(self) -> bool:
        """Whether an action may be sent now. One `stat`, so it is asked as often as it matters."""
        return self._started_armed and not self.disarmed()

    def disarmed(self) -> bool:
        """Whether the disarm file exists. A file that cannot be looked at counts as disarmed."""
        try:
            os.stat(self.path)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def refuse_if_disarmed(self) -> None:
        """Raise NotReady when arming is asked for while the file exists."""
        if self.disarmed():
            raise NotReady(
                f"chainwatch was disarmed ({self.why()}).",
                "Find out why, then run `chainwatch disarm --clear` and arm again.",
            )

    def why(self) -> str:
        """Who disarmed it and when, as the file says."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace").strip() or f"see {self.path}"
        except OSError:
            return f"see {self.path}"

    def disarm(self) -> None:
        """Create the file. Raises ChainwatchError where that is impossible: then stop the bot instead."""
        who = f"by {_user()} at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        try:
            self.path.write_text(who + "\n", encoding="utf-8")
        except OSError as error:
            raise ChainwatchError(
                f"The disarm file {self.path} cannot be written ({error.strerror}).",
                "Kill the bot: pkill -f chainwatch.",
            ) from error

    def clear(self) -> bool:
        """Remove the file; False where there was none. A running bot is armed again if it was started so."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ChainwatchError(
                f"The disarm file {self.path} cannot be removed ({error.strerror}).", "Remove it by hand."
            ) from error
        return True


def _user() -> str:
    """Who is at the keyboard; in a container there may be no name for it, and that must not stop a disarm."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}"
