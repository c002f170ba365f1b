"""Which Executions of a block touched certain contracts: whom a finding about a block is about."""

from collections.abc import Sequence

from chainwatch.types import Address, Block, Execution, Facts


def touching(block: Block, facts: Sequence[Facts], contracts: frozenset[Address]) -> list[Execution]:
    """The successful Executions of `block` that called one of `contracts` or made it say something, in order."""
    return [
        execution
        for execution, own in zip(block.executions, facts, strict=True)
        if execution.succeeded
        and (
            execution.transaction.to in contracts
            or any(event.address in contracts for event in own.events)
            # A read changes nothing: it is no reason to suspect anybody.
            or any(f.to in contracts and f.kind != "STATICCALL" and not f.reverted for f in own.frames)
        )
    ]
