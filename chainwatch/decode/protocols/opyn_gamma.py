"""Opyn v2 (Gamma): vaults of the Controller, its oTokens, expiry prices of its Oracle.

A minted oToken is borrowed by the vault's owner and repaid when burnt; a redeemed one is paid out in collateral. Prices
have 8 decimals; an expiry price belongs to `asset@expiry`. A settled vault does not name its collateral (None).
"""

from chainwatch.decode.protocols.base import Mappers, Says, expr, literal, says
from chainwatch.types import (
    Borrow,
    Deposit,
    InstrumentUpdate,
    Liquidation,
    ParameterChange,
    PauseChange,
    Repay,
    Withdraw,
)


def _set(what: str, after: str, *, subject: str | None = None, before: str | None = None) -> Says:
    return says(ParameterChange, what=literal(what), subject=subject, before=before, after=after)


def _settled(price: str) -> Says:
    return says(
        InstrumentUpdate,
        instrument=expr("{asset} + '@' + str({expiryTimestamp})"),
        what=literal("settled"),
        value=price,
    )


MAPPERS: Mappers = {
    "CollateralAssetDeposited(address,address,address,uint256,uint256)": says(
        Deposit, account="accountOwner", token="asset", amount="amount"
    ),
    "CollateralAssetWithdrawed(address,address,address,uint256,uint256)": says(
        Withdraw, account="AccountOwner", token="asset", amount="amount"
    ),
    "LongOtokenDeposited(address,address,address,uint256,uint256)": says(
        Deposit, account="accountOwner", token="otoken", amount="amount"
    ),
    "LongOtokenWithdrawed(address,address,address,uint256,uint256)": says(
        Withdraw, account="AccountOwner", token="otoken", amount="amount"
    ),
    "ShortOtokenMinted(address,address,address,uint256,uint256)": says(
        Borrow, account="AccountOwner", token="otoken", amount="amount"
    ),
    "ShortOtokenBurned(address,address,address,uint256,uint256)": says(
        Repay, account="AccountOwner", payer="from", token="otoken", amount="amount"
    ),
    "Redeem(address,address,address,address,uint256,uint256)": says(
        Withdraw, account="redeemer", token="collateralAsset", amount="payout", shares="otokenBurned"
    ),
    "VaultSettled(address,address,address,uint256,uint256,uint256)": says(
        Withdraw, account="accountOwner", token=None, amount="payout"
    ),
    "VaultLiquidated(address,address,address,uint256,uint256,uint256,uint256,uint256)": says(
        Liquidation,
        account="vaultOwner",
        liquidator="liquidator",
        debt_token=None,
        collateral_token=None,
        repaid="debtAmount",
        seized="collateralPayout",
    ),
    "SystemPartiallyPaused(bool)": says(PauseChange, paused="isPaused", actor=None, scope=literal("partial")),
    "SystemFullyPaused(bool)": says(PauseChange, paused="isPaused", actor=None, scope=literal("full")),
    "FullPauserUpdated(address,address)": _set("full_pauser", "newFullPauser", before="oldFullPauser"),
    "PartialPauserUpdated(address,address)": _set("partial_pauser", "newPartialPauser", before="oldPartialPauser"),
    "CallRestricted(bool)": says(ParameterChange, what=literal("call_restricted"), after=expr("int({isRestricted})")),
    "ExpiryPriceUpdated(address,uint256,uint256,uint256)": _settled("price"),
    "ExpiryPriceDisputed(address,uint256,uint256,uint256,uint256)": _settled("newPrice"),
    "StablePriceUpdated(address,uint256)": _set("stable_price", "price", subject="asset"),
    "PricerUpdated(address,address)": _set("pricer", "pricer", subject="asset"),
    "DisputerUpdated(address)": _set("disputer", "newDisputer"),
    "FarmerUpdated(address,address)": _set("farmer", "newAddress", before="oldAddress"),
    "OtokenCreated(address,address,address,address,address,uint256,uint256,bool)": says(
        InstrumentUpdate, instrument="tokenAddress", what=literal("listed"), value="strikePrice"
    ),
}
