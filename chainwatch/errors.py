"""The exceptions of chainwatch: one tree, each saying what happened, on what, and what to do next.

Every error a person can cause or mend is a `ChainwatchError`. The command line prints it as one paragraph
and exits with its `exit_code` (DESIGN section 5: 1 failed, 2 bad input or configuration, 3 not ready or
condition not met).
"""

from typing import ClassVar


class ChainwatchError(Exception):
    """Something went wrong that has a name and a mend.

    `problem` says what happened and on what; `mend` says what to do next. Both are whole sentences.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem} {mend}")
        self.problem = problem
        self.mend = mend


class BadInput(ChainwatchError):
    """What the user gave us cannot be used: a file, an address, a key, an option."""

    exit_code = 2


class BadConfig(BadInput):
    """A configuration file is malformed, or says something unknown or contradictory."""


class BadRecording(BadInput):
    """A file that should be a Recording is not one, or one of its lines is broken."""


class MissingTool(BadInput):
    """A program or package that this command needs is not installed."""


class NodeError(ChainwatchError):
    """A node could not be reached, or answered something that is not JSON-RPC."""


class NotANode(NodeError):
    """Something answers at the address, but it is not a JSON-RPC node."""

    exit_code = 2


class NodeRejected(NodeError):
    """A node answered with a JSON-RPC error.

    `code` and `message` are the node's own, `data` is its hex return data where it gave any.
    """

    def __init__(self, method: str, code: int, message: str, data: str | None = None) -> None:
        super().__init__(
            f"The node refused {method}: {message} (code {code}).",
            "Check that the node offers this method and that the request is within its limits.",
        )
        self.method = method
        self.code = code
        self.message = message
        self.data = data


class WrongChain(BadInput):
    """The node is on another chain than the configuration says."""


class NotReady(ChainwatchError):
    """A condition for acting is not met: a guard, a readiness check, a missing role."""

    exit_code = 3


class StoreError(ChainwatchError):
    """The store could not be read or written."""


class StoreRefused(StoreError):
    """The store works, but takes no such data: trying again is of no use."""


class SendFailed(ChainwatchError):
    """An action could not be got onto the chain, or got there without its effect."""
