"""EIP-1559 fees under a hard cap, and replacements that nodes accept. Pure arithmetic, all in wei."""

import msgspec

GWEI = 10**9

# geth's PriceBump is 10 %: both fields of a replacement have to rise by that much. A little more, so that
# rounding and stricter pools do not refuse it.
_BUMP_NUMERATOR, _BUMP_DENOMINATOR = 9, 8


class Fees(msgspec.Struct, frozen=True):
    """The two fee fields of a transaction."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int


def first_fees(base_fee: int, priority_fee: int, cap: int) -> Fees:
    """Twice the base fee (which may rise by 12.5 % a block, so six full blocks of room) plus the tip, capped."""
    max_fee = min(2 * base_fee + priority_fee, cap)
    return Fees(max_fee, min(priority_fee, max_fee))


def bumped(fees: Fees, base_fee: int, cap: int) -> Fees | None:
    """The next replacement: both fields at least 12.5 % higher, and enough for today's base fee; None at the cap."""
    tip = _raised(fees.max_priority_fee_per_gas)
    max_fee = max(_raised(fees.max_fee_per_gas), 2 * base_fee + tip)
    if max_fee > cap:
        max_fee = cap
        if max_fee < _raised(fees.max_fee_per_gas) or tip > max_fee:
            return None
    return Fees(max_fee, tip)


def _raised(value: int) -> int:
    return -(-value * _BUMP_NUMERATOR // _BUMP_DENOMINATOR)


def worst_cost(gas_limit: int, cap: int) -> int:
    """What one action can cost at most. Replacements share a nonce, so only one of them is ever paid."""
    return gas_limit * cap
