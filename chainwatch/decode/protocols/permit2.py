"""Permit2: allowances that its owners gave to spenders through it, with an end, and took away again.

The token is named by the event; the allowance is Permit2's own, beside that of the token. 2**160 - 1 is without limit.
"""

from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import Approval

ALLOWED = says(Approval, token="token", owner="owner", spender="spender", amount="amount")

MAPPERS: Mappers = {
    "Approval(address,address,address,uint160,uint48)": ALLOWED,
    "Permit(address,address,address,uint160,uint48,uint48)": ALLOWED,
    "Lockdown(address,address,address)": says(Approval, token="token", owner="owner", spender="spender", amount=0),
}
