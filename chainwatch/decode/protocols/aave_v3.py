"""Aave v3: positions, liquidations, flash loans, interest, and who may change what. The pool is the address, the
reserve the token; what the PoolConfigurator sets is about the reserve named as subject.

Withdraw and LiquidationCall look alike in v2 and v3, so that those of v2 are read as v3 where nobody says otherwise.
aTokens and debt tokens repeat in Mint and Burn what the pool has said, and no position is read from them. Freezing
a reserve stops new positions only, so its scope is told apart from a pause's. Configuration is in basis points.
"""

from chainwatch.decode.protocols.base import EMITTER, Args, Expr, Mapper, Mappers, Says, expr, literal, says
from chainwatch.types import (
    Address,
    Approval,
    Borrow,
    Deposit,
    Event,
    FlashLoan,
    IndexUpdate,
    Liquidation,
    ParameterChange,
    PauseChange,
    Repay,
    RewardClaim,
    Withdraw,
)

LIQUIDATION = says(
    Liquidation,
    account="user",
    liquidator="liquidator",
    debt_token="debtAsset",
    collateral_token="collateralAsset",
    repaid="debtToCover",
    seized="liquidatedCollateralAmount",
)
WITHDRAW = says(Withdraw, account="user", token="reserve", amount="amount")
BORROW = says(Borrow, account="onBehalfOf", token="reserve", amount="amount")
REPAY = says(Repay, account="user", payer="repayer", token="reserve", amount="amount")
FLASH_LOAN = says(FlashLoan, lender=EMITTER, borrower="target", token="asset", amount="amount", fee="premium")
RESERVE_DATA = says(
    IndexUpdate, market=EMITTER, token="reserve", supply_index="liquidityIndex", borrow_index="variableBorrowIndex"
)
DELEGATION = says(Approval, token=EMITTER, owner="fromUser", spender="toUser", amount="amount")


def change(
    what: str, after: str | Expr | None, before: str | Expr | None = None, subject: str | Expr | None = "asset"
) -> Says:
    """A setting, as a rule one of a reserve."""
    return says(ParameterChange, what=literal(what), subject=subject, before=before, after=after)


def _of_pool(what: str, after: str, before: str | None = None) -> Says:
    return change(what, after, before, subject=None)


def _in_emode(flag: str) -> Says:
    """Whether a reserve may be used so in the efficiency mode (eMode) that `what` ends in."""
    what = expr(f"'emode_{flag} ' + str({{categoryId}})")
    return says(ParameterChange, what=what, subject="asset", after=expr(f"int({{{flag}}})"))


def limits(protocol: str, prefix: str = "") -> Mapper:
    """One change for each of the three limits after the subject; those that stay as they were are written too."""

    def say(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        for what, after in zip(("ltv", "liquidation_threshold", "liquidation_bonus"), args[1:4], strict=True):
            events.append(
                ParameterChange(
                    order=len(events),
                    log_index=log_index,
                    address=address,
                    protocol=protocol,
                    what=prefix + what,
                    subject=str(args[0]),
                    after=after,
                )
            )

    return say


MAPPERS: Mappers = {
    "Supply(address,address,address,uint256,uint16)": says(
        Deposit, account="onBehalfOf", token="reserve", amount="amount"
    ),
    # aTokens without an asset behind them yet, made by a bridge.
    "MintUnbacked(address,address,address,uint256,uint16)": says(
        Deposit, account="onBehalfOf", token="reserve", amount="amount"
    ),
    "Withdraw(address,address,address,uint256)": WITHDRAW,
    "Borrow(address,address,address,uint256,uint8,uint256,uint16)": BORROW,
    "Repay(address,address,address,uint256,bool)": REPAY,
    "LiquidationCall(address,address,address,uint256,uint256,address,bool)": LIQUIDATION,
    # With another interest rate mode the debt stays open, and Borrow says so.
    "FlashLoan(address,address,address,uint256,uint8,uint256,uint16)": FLASH_LOAN._replace(
        when=expr("{interestRateMode} == 0")
    ),
    "ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)": RESERVE_DATA,
    "BorrowAllowanceDelegated(address,address,address,uint256)": DELEGATION,
    "PositionManagerApproved(address,address)": change(
        "position_manager", "positionManager", before=None, subject="user"
    ),
    "PositionManagerRevoked(address,address)": change("position_manager", None, "positionManager", subject="user"),
    # PoolConfigurator
    "ReservePaused(address,bool)": says(PauseChange, paused="paused", actor=None, scope="asset"),
    "ReserveFrozen(address,bool)": says(PauseChange, paused="frozen", actor=None, scope=expr("'frozen ' + {asset}")),
    "ReserveActive(address,bool)": change("active", expr("int({active})")),
    "ReserveBorrowing(address,bool)": change("borrowing", expr("int({enabled})")),
    "ReserveStableRateBorrowing(address,bool)": change("stable_rate_borrowing", expr("int({enabled})")),
    "ReserveFlashLoaning(address,bool)": change("flash_loaning", expr("int({enabled})")),
    "ReserveInitialized(address,address,address,address,address)": change("reserve", "aToken"),
    "ReserveDropped(address)": change("reserve", None),
    "ReserveFactorChanged(address,uint256,uint256)": change("reserve_factor", "newReserveFactor", "oldReserveFactor"),
    "SupplyCapChanged(address,uint256,uint256)": change("supply_cap", "newSupplyCap", "oldSupplyCap"),
    "BorrowCapChanged(address,uint256,uint256)": change("borrow_cap", "newBorrowCap", "oldBorrowCap"),
    "DebtCeilingChanged(address,uint256,uint256)": change("debt_ceiling", "newDebtCeiling", "oldDebtCeiling"),
    "UnbackedMintCapChanged(address,uint256,uint256)": change(
        "unbacked_mint_cap", "newUnbackedMintCap", "oldUnbackedMintCap"
    ),
    "LiquidationProtocolFeeChanged(address,uint256,uint256)": change("liquidation_protocol_fee", "newFee", "oldFee"),
    "SiloedBorrowingChanged(address,bool,bool)": change(
        "siloed_borrowing", expr("int({newState})"), expr("int({oldState})")
    ),
    "BorrowableInIsolationChanged(address,bool)": change("borrowable_in_isolation", expr("int({borrowable})")),
    "CollateralConfigurationChanged(address,uint256,uint256,uint256)": limits("aave_v3"),
    "PendingLtvChanged(address,uint256)": change("pending_ltv", "ltv"),
    "EModeAssetCategoryChanged(address,uint8,uint8)": change("emode_category", "newCategoryId", "oldCategoryId"),
    "AssetCollateralInEModeChanged(address,uint8,bool)": _in_emode("collateral"),
    "AssetBorrowableInEModeChanged(address,uint8,bool)": _in_emode("borrowable"),
    "AssetLtvzeroInEModeChanged(address,uint8,bool)": _in_emode("ltvzero"),
    "EModeCategoryAdded(uint8,uint256,uint256,uint256,address,string)": limits("aave_v3", "emode_"),
    "ReserveInterestRateStrategyChanged(address,address,address)": change(
        "interest_rate_strategy", "newStrategy", "oldStrategy"
    ),
    "ReserveInterestRateDataChanged(address,address,bytes)": change("interest_rate_data", "data"),
    "LiquidationGracePeriodChanged(address,uint40)": change("liquidation_grace_period_until", "gracePeriodUntil"),
    "LiquidationGracePeriodDisabled(address)": change("liquidation_grace_period_until", None),
    "BridgeProtocolFeeUpdated(uint256,uint256)": _of_pool(
        "bridge_protocol_fee", "newBridgeProtocolFee", "oldBridgeProtocolFee"
    ),
    "FlashloanPremiumTotalUpdated(uint128,uint128)": _of_pool(
        "flashloan_premium_total", "newFlashloanPremiumTotal", "oldFlashloanPremiumTotal"
    ),
    "FlashloanPremiumToProtocolUpdated(uint128,uint128)": _of_pool(
        "flashloan_premium_to_protocol", "newFlashloanPremiumToProtocol", "oldFlashloanPremiumToProtocol"
    ),
    # PoolAddressesProvider: which contract does what. A proxy that it upgrades says so itself (Upgraded).
    "PoolUpdated(address,address)": _of_pool("pool", "newAddress", "oldAddress"),
    "PoolConfiguratorUpdated(address,address)": _of_pool("pool_configurator", "newAddress", "oldAddress"),
    "PoolDataProviderUpdated(address,address)": _of_pool("pool_data_provider", "newAddress", "oldAddress"),
    "PriceOracleUpdated(address,address)": _of_pool("price_oracle", "newAddress", "oldAddress"),
    "PriceOracleSentinelUpdated(address,address)": _of_pool("price_oracle_sentinel", "newAddress", "oldAddress"),
    "ACLManagerUpdated(address,address)": _of_pool("acl_manager", "newAddress", "oldAddress"),
    "ACLAdminUpdated(address,address)": _of_pool("acl_admin", "newAddress", "oldAddress"),
    "AddressSet(bytes32,address,address)": change("address", "newAddress", "oldAddress", subject="id"),
    "AddressSetAsProxy(bytes32,address,address,address)": change(
        "address_implementation", "newImplementationAddress", "oldImplementationAddress", subject="id"
    ),
    # AaveOracle and its sentinel
    "AssetSourceUpdated(address,address)": change("price_source", "source"),
    "FallbackOracleUpdated(address)": _of_pool("fallback_oracle", "fallbackOracle"),
    "SequencerOracleUpdated(address)": _of_pool("sequencer_oracle", "newSequencerOracle"),
    "GracePeriodUpdated(uint256)": _of_pool("grace_period", "newGracePeriod"),
    "RewardsClaimed(address,address,address,address,uint256)": says(
        RewardClaim, account="user", token="reward", amount="amount"
    ),
}
