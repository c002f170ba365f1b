"""Venus: what its Core Pool and isolated pools write otherwise than compound_v2, which it forked.

The vToken is the address, its underlying the market's own asset; for VAI the controller is the address and VAI the
asset. Paused actions are numbers in the order of ACTIONS; the scope is the action, then the vToken. The Liquidator's
LiquidateBorrowedTokens repeats the vToken's LiquidateBorrow.
"""

from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, expr, literal, says
from chainwatch.decode.protocols.compound_v2 import BORROW, DEPOSIT, REPAY, WITHDRAW, change
from chainwatch.types import (
    ALL_ITEMS,
    Address,
    Approval,
    Borrow,
    Deposit,
    Event,
    FlashLoan,
    Liquidation,
    PauseChange,
    Repay,
)

ACTIONS = ("mint", "redeem", "borrow", "repay", "seize", "liquidate", "transfer", "enter_market", "exit_market")


def _action_paused(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    market, action, paused = args
    name = ACTIONS[action] if action < len(ACTIONS) else str(action)
    events.append(
        PauseChange(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="venus",
            paused=paused,
            actor=None,
            scope=f"{name} {market}",
        )
    )


MAPPERS: Mappers = {
    "Mint(address,uint256,uint256,uint256)": DEPOSIT,
    "MintBehalf(address,address,uint256,uint256,uint256)": says(
        Deposit, account="receiver", token=None, amount="mintAmount", shares="mintTokens"
    ),
    "Redeem(address,uint256,uint256,uint256)": WITHDRAW,
    # Isolated pools, where these have indexed parameters
    "Borrow(address,uint256,uint256,uint256)": BORROW,
    "RepayBorrow(address,address,uint256,uint256,uint256)": REPAY,
    "HealBorrow(address,address,uint256)": REPAY,
    "LiquidateBorrow(address,address,uint256,address,uint256)": says(
        Liquidation,
        account="borrower",
        liquidator="liquidator",
        debt_token=None,
        collateral_token="vTokenCollateral",
        repaid="repayAmount",
        seized="seizeTokens",
    ),
    "NewComptroller(address,address)": change("comptroller", "newComptroller", "oldComptroller"),
    "NewMarketInterestRateModel(address,address)": change(
        "interest_rate_strategy", "newInterestRateModel", "oldInterestRateModel"
    ),
    # The fee is known when the loan comes back only.
    "TransferOutUnderlyingFlashLoan(address,address,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="receiver", token="asset", amount="amount"
    ),
    "MintVAI(address,uint256)": says(Borrow, account="minter", token=None, amount="mintVAIAmount"),
    "RepayVAI(address,address,uint256)": says(
        Repay, account="borrower", payer="payer", token=None, amount="repayVAIAmount"
    ),
    "LiquidateVAI(address,address,uint256,address,uint256)": says(
        Liquidation,
        account="borrower",
        liquidator="liquidator",
        debt_token=None,
        collateral_token="vTokenCollateral",
        repaid="repayAmount",
        seized="seizeTokens",
    ),
    "DelegateUpdated(address,address,bool)": says(
        Approval,
        token=EMITTER,
        owner="approver",
        spender="delegate",
        amount=expr(f"{ALL_ITEMS} if {{approved}} else 0"),
    ),
    "ActionPausedMarket(address,uint8,bool)": _action_paused,
    "ActionProtocolPaused(bool)": says(PauseChange, paused="state", actor=None),
    "FlashLoanPauseChanged(bool,bool)": says(PauseChange, paused="newPaused", actor=None, scope=literal("flash_loan")),
    "AuctionsPaused(address)": says(PauseChange, paused=True, actor="sender", scope=literal("auctions")),
    "AuctionsResumed(address)": says(PauseChange, paused=False, actor="sender", scope=literal("auctions")),
    "MarketListed(address)": change("market", literal("listed"), subject="vToken"),
    "MarketSupported(address)": change("market", literal("listed"), subject="vToken"),
    "MarketUnlisted(address)": change("market", literal("unlisted"), subject="vToken"),
    "NewCollateralFactor(uint96,address,uint256,uint256)": change(
        "collateral_factor", "newCollateralFactorMantissa", "oldCollateralFactorMantissa", "vToken"
    ),
    "NewLiquidationThreshold(uint96,address,uint256,uint256)": change(
        "liquidation_threshold", "newLiquidationThresholdMantissa", "oldLiquidationThresholdMantissa", "vToken"
    ),
    "NewLiquidationThreshold(address,uint256,uint256)": change(
        "liquidation_threshold", "newLiquidationThresholdMantissa", "oldLiquidationThresholdMantissa", "vToken"
    ),
    "NewLiquidationIncentive(uint96,address,uint256,uint256)": change(
        "liquidation_incentive", "newLiquidationIncentiveMantissa", "oldLiquidationIncentiveMantissa", "vToken"
    ),
    "NewMinLiquidatableCollateral(uint256,uint256)": change(
        "min_liquidatable_collateral", "newMinLiquidatableCollateral", "oldMinLiquidatableCollateral"
    ),
    "NewAccessControl(address,address)": change("access_control", "newAccessControlAddress", "oldAccessControlAddress"),
    "NewAccessControlManager(address,address)": change(
        "access_control", "newAccessControlAddress", "oldAccessControlAddress"
    ),
    "NewVAIMintCap(uint256,uint256)": change("mint_cap", "newMintCap", "oldMintCap"),
    "NewVAIMintRate(uint256,uint256)": change("mint_rate", "newVAIMintRate", "oldVAIMintRate"),
    "NewLiquidatorContract(address,address)": change(
        "liquidator_contract", "newLiquidatorContract", "oldLiquidatorContract"
    ),
}
