"""DODO: pools of version 2 (DVM, DPP, DSP) and 1, their factories.

DODOSwap names its tokens, which are ordered by address; in version 1 the base token is token 0. Shares are bought and
sold without amounts, so that `shares` carry the sign. The event of a flash loan names amounts of base and quote: the
tokens are those that the pool sent in these amounts before.
"""

from chainwatch.decode.before import said_before
from chainwatch.decode.mappers import change, listed
from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, expr, literal, says
from chainwatch.types import Address, Event, FlashLoan, LiquidityChange, Swap

_FORWARD = "{fromToken} < {toToken}"


def _flash_loan(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """One FlashLoan for each token that was lent."""
    _borrower, recipient, base, quote = args
    for amount in (base, quote):
        if amount:
            events.append(
                FlashLoan(
                    order=len(events),
                    log_index=log_index,
                    address=address,
                    protocol="dodo",
                    lender=address,
                    borrower=recipient,
                    token=said_before(events).token_sent(address, recipient, amount),
                    amount=amount,
                )
            )


MAPPERS: Mappers = {
    "DODOSwap(address,address,uint256,uint256,address,address)": says(
        Swap,
        pool=EMITTER,
        sender="trader",
        recipient="receiver",
        amount0=expr(f"{{fromAmount}} if {_FORWARD} else -{{toAmount}}"),
        amount1=expr(f"-{{toAmount}} if {_FORWARD} else {{fromAmount}}"),
        token0=expr(f"{{fromToken}} if {_FORWARD} else {{toToken}}"),
        token1=expr(f"{{toToken}} if {_FORWARD} else {{fromToken}}"),
    ),
    "DODOFlashLoan(address,address,uint256,uint256)": _flash_loan,
    "BuyShares(address,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="to", amounts=literal(()), shares="increaseShares"
    ),
    "SellShares(address,address,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="payer", amounts=literal(()), shares=expr("-{decreaseShares}")
    ),
    "LpFeeRateChange(uint256)": change("lpFeeRate", "newLpFeeRate"),
    "ChangeOracle(address)": change("oracle", "oracle"),
    "DisableOracle(uint256)": change("i", "newI"),
    "SellBaseToken(address,uint256,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="seller",
        recipient="seller",
        amount0="payBase",
        amount1=expr("-{receiveQuote}"),
    ),
    "BuyBaseToken(address,uint256,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="buyer",
        recipient="buyer",
        amount0=expr("-{receiveBase}"),
        amount1="payQuote",
    ),
    "Deposit(address,address,bool,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="receiver",
        amounts=expr("({amount}, 0) if {isBaseToken} else (0, {amount})"),
        shares="lpTokenAmount",
    ),
    "Withdraw(address,address,bool,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="payer",
        amounts=expr("(-{amount}, 0) if {isBaseToken} else (0, -{amount})"),
        shares="lpTokenAmount",
    ),
    "ClaimAssets(address,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="user",
        amounts=expr("(-{baseTokenAmount}, -{quoteTokenAmount})"),
    ),
    "Donate(uint256,bool)": says(
        LiquidityChange,
        pool=EMITTER,
        account=EMITTER,
        amounts=expr("({amount}, 0) if {isBaseToken} else (0, {amount})"),
        shares=0,
    ),
    "UpdateLiquidityProviderFeeRate(uint256,uint256)": change(
        "liquidityProviderFeeRate", "newLiquidityProviderFeeRate", "oldLiquidityProviderFeeRate"
    ),
    "UpdateMaintainerFeeRate(uint256,uint256)": change(
        "maintainerFeeRate", "newMaintainerFeeRate", "oldMaintainerFeeRate"
    ),
    "UpdateGasPriceLimit(uint256,uint256)": change("gasPriceLimit", "newGasPriceLimit", "oldGasPriceLimit"),
    "UpdateK(uint256,uint256)": change("K", "newK", "oldK"),
    "NewDVM(address,address,address,address)": listed("dvm"),
    "NewDPP(address,address,address,address)": listed("dpp"),
    "NewDSP(address,address,address,address)": listed("DSP"),
    "DODOBirth(address,address,address)": listed("newBorn"),
}
