"""Opyn v1 (Convexity): oTokens with their vaults, and the exchange for them.

The oToken is the contract that writes the log. Issuing it is borrowing it, burning it is repaying; the collateral is
the contract's own asset (token None). An exercise gives collateral of one vault for underlying, which is another asset
and is left out. A liquidator's burnt oTokens are the Transfer before the event.
"""

from chainwatch.decode.before import said_before
from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, expr, literal, says
from chainwatch.types import (
    Address,
    Borrow,
    Deposit,
    Event,
    InstrumentUpdate,
    Liquidation,
    ParameterChange,
    Repay,
    Trade,
    Withdraw,
)

_PROTOCOL = "opyn"


def _liquidate(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    seized, owner, liquidator = args
    burnt = said_before(events).last_burnt(address, liquidator)
    events.append(
        Liquidation(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=owner,
            liquidator=liquidator,
            debt_token=address,
            collateral_token=None,
            repaid=burnt,
            seized=seized,
        )
    )


def _parameters(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    names = ("liquidation_incentive", "liquidation_factor", "transaction_fee", "min_collateralization_ratio")
    for name, value in zip(names, args[:4], strict=True):
        events.append(
            ParameterChange(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                what=name,
                after=value,
            )
        )


_ADDED = says(Deposit, account="vaultOwner", token=None, amount="amount")
_EXERCISED = says(Withdraw, account="exerciser", token=None, amount="amtCollateralToPay")

MAPPERS: Mappers = {
    "ETHCollateralAdded(address,uint256,address)": _ADDED,
    "ERC20CollateralAdded(address,uint256,address)": _ADDED,
    "RemoveCollateral(uint256,address)": says(Withdraw, account="vaultOwner", token=None, amount="amtRemoved"),
    "IssuedOTokens(address,uint256,address)": says(Borrow, account="vaultOwner", token=EMITTER, amount="oTokensIssued"),
    "BurnOTokens(address,uint256)": says(
        Repay, account="vaultOwner", payer="vaultOwner", token=EMITTER, amount="oTokensBurned"
    ),
    "Liquidate(uint256,address,address)": _liquidate,
    "Exercise(uint256,uint256,address,address)": _EXERCISED,
    "RedeemVaultBalance(uint256,uint256,address)": says(
        Withdraw, account="vaultOwner", token=None, amount="amtCollateralRedeemed"
    ),
    "TransferFee(address,uint256)": says(Withdraw, account="to", token=None, amount="fees"),
    "UpdateParameters(uint256,uint256,uint256,uint256,address)": _parameters,
    # The layout with vault numbers, where it names the account.
    "RemoveCollateral(uint256,uint256,address)": says(Withdraw, account="vaultOwner", token=None, amount="amtRemoved"),
    "Exercise(uint256,uint256,address)": _EXERCISED,
    "ClaimedCollateral(uint256,uint256,uint256,address)": says(
        Withdraw, account="vaultOwner", token=None, amount="amtCollateralClaimed"
    ),
    "SellOTokens(address,address,address,address,uint256,uint256)": says(
        Trade, instrument="oTokenAddress", account="seller", size=expr("-{oTokensToSell}")
    ),
    "BuyOTokens(address,address,address,address,uint256,uint256)": says(
        Trade, instrument="oTokenAddress", account="buyer", size="oTokensToBuy"
    ),
    "OptionsContractCreated(address)": says(InstrumentUpdate, instrument="addr", what=literal("listed")),
}
