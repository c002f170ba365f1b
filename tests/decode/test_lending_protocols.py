"""Lending, oracles and governance, with values: what the log says is what the Event says."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from chainwatch.decode import Decoder
from chainwatch.types import (
    ALL_ITEMS,
    NATIVE,
    ZERO_ADDRESS,
    Approval,
    Borrow,
    Deposit,
    Event,
    FlashLoan,
    IndexUpdate,
    Liquidation,
    Log,
    ParameterChange,
    PauseChange,
    PriceUpdate,
    Proposal,
    Repay,
    RoleChange,
    Swap,
    Upgrade,
    Vote,
    Withdraw,
)
from tests.builders import execution
from tests.decode.making import HERE, A, B, C, D, expected, make_log

ID = b"\x0d" * 32
ID_HEX = "0x" + "0d" * 32
FEED = "0x" + "0d" * 20
RAY = 10**27
SEND = ((A, 0, b"\x01\x02"),)


def specs(registry, protocol: str, event: str, values: int):
    """The protocol's events of this name and number of values, or of this signature."""
    own = registry.of(protocol)
    known = (*own.known, *own.anonymous)
    return [
        k.spec for k in known if k.spec.signature == event or (k.spec.name == event and len(k.spec.params) == values)
    ]


def said(registry, protocol: str, event: str, *values: Any, address: str = HERE) -> list[Event]:
    own = registry.of(protocol)
    own.bind(address, protocol)
    spec = specs(registry, protocol, event, len(values))[0]
    found = Decoder(own).facts(execution(logs=[make_log(spec, *values, address=address, log_index=7)]))
    assert not found.malformed
    assert not found.unknown_logs
    return list(found.events)


def change(what: str, after: Any = None, before: Any = None, subject: str | None = None) -> dict[str, Any]:
    return {"what": what, "subject": subject, "before": before, "after": after}


def pause(scope: str | None = None, *, paused: bool = True, actor: str | None = None) -> dict[str, Any]:
    return {"paused": paused, "actor": actor, "scope": scope}


def role(name: str, account: str, *, granted: bool = True, actor: str | None = None) -> dict[str, Any]:
    return {"role": name, "account": account, "granted": granted, "actor": actor}


def proposal(proposal_id: str, step: str, **fields: Any) -> dict[str, Any]:
    return {"proposal_id": proposal_id, "step": step} | fields


# One setting in another protocol's shape of the same event needs no row of its own.
CASES: list[tuple[str, str, tuple[Any, ...], type[Event], dict[str, Any]]] = [
    # aave_v3
    ("aave_v3", "MintUnbacked", (A, B, C, 5, 0), Deposit, {"account": C, "token": A, "amount": 5}),
    ("aave_v3", "ReserveDataUpdated", (A, 1, 2, 3, 4, 5), IndexUpdate,
     {"market": HERE, "token": A, "supply_index": 4, "borrow_index": 5}),
    ("aave_v3", "BorrowAllowanceDelegated", (A, B, C, 5), Approval,
     {"token": HERE, "owner": A, "spender": B, "amount": 5}),
    ("aave_v3", "PositionManagerApproved", (A, B), ParameterChange, change("position_manager", B, subject=A)),
    ("aave_v3", "PositionManagerRevoked", (A, B), ParameterChange, change("position_manager", None, B, A)),
    ("aave_v3", "ReservePaused", (A, True), PauseChange, pause(A)),
    ("aave_v3", "ReservePaused", (A, False), PauseChange, pause(A, paused=False)),
    ("aave_v3", "ReserveFrozen", (A, True), PauseChange, pause("frozen " + A)),
    ("aave_v3", "ReserveActive", (A, False), ParameterChange, change("active", 0, subject=A)),
    ("aave_v3", "ReserveBorrowing", (A, True), ParameterChange, change("borrowing", 1, subject=A)),
    ("aave_v3", "ReserveStableRateBorrowing", (A, True), ParameterChange,
     change("stable_rate_borrowing", 1, subject=A)),
    ("aave_v3", "ReserveFlashLoaning", (A, True), ParameterChange, change("flash_loaning", 1, subject=A)),
    ("aave_v3", "ReserveInitialized", (A, B, C, D, D), ParameterChange, change("reserve", B, subject=A)),
    ("aave_v3", "ReserveDropped", (A,), ParameterChange, change("reserve", subject=A)),
    ("aave_v3", "ReserveFactorChanged", (A, 1, 2), ParameterChange, change("reserve_factor", 2, 1, A)),
    ("aave_v3", "SupplyCapChanged", (A, 1, 2), ParameterChange, change("supply_cap", 2, 1, A)),
    ("aave_v3", "BorrowCapChanged", (A, 1, 2), ParameterChange, change("borrow_cap", 2, 1, A)),
    ("aave_v3", "DebtCeilingChanged", (A, 1, 2), ParameterChange, change("debt_ceiling", 2, 1, A)),
    ("aave_v3", "UnbackedMintCapChanged", (A, 1, 2), ParameterChange, change("unbacked_mint_cap", 2, 1, A)),
    ("aave_v3", "LiquidationProtocolFeeChanged", (A, 1, 2), ParameterChange,
     change("liquidation_protocol_fee", 2, 1, A)),
    ("aave_v3", "SiloedBorrowingChanged", (A, False, True), ParameterChange, change("siloed_borrowing", 1, 0, A)),
    ("aave_v3", "BorrowableInIsolationChanged", (A, True), ParameterChange,
     change("borrowable_in_isolation", 1, subject=A)),
    ("aave_v3", "PendingLtvChanged", (A, 5), ParameterChange, change("pending_ltv", 5, subject=A)),
    ("aave_v3", "EModeAssetCategoryChanged", (A, 1, 2), ParameterChange, change("emode_category", 2, 1, A)),
    ("aave_v3", "AssetCollateralInEModeChanged", (A, 3, True), ParameterChange,
     change("emode_collateral 3", 1, subject=A)),
    ("aave_v3", "AssetBorrowableInEModeChanged", (A, 3, False), ParameterChange,
     change("emode_borrowable 3", 0, subject=A)),
    ("aave_v3", "AssetLtvzeroInEModeChanged", (A, 3, True), ParameterChange, change("emode_ltvzero 3", 1, subject=A)),
    ("aave_v3", "ReserveInterestRateStrategyChanged", (A, B, C), ParameterChange,
     change("interest_rate_strategy", C, B, A)),
    ("aave_v3", "ReserveInterestRateDataChanged", (A, B, b"\x01"), ParameterChange,
     change("interest_rate_data", "0x01", subject=A)),
    ("aave_v3", "LiquidationGracePeriodChanged", (A, 99), ParameterChange,
     change("liquidation_grace_period_until", 99, subject=A)),
    ("aave_v3", "LiquidationGracePeriodDisabled", (A,), ParameterChange,
     change("liquidation_grace_period_until", subject=A)),
    ("aave_v3", "BridgeProtocolFeeUpdated", (1, 2), ParameterChange, change("bridge_protocol_fee", 2, 1)),
    ("aave_v3", "FlashloanPremiumTotalUpdated", (9, 5), ParameterChange, change("flashloan_premium_total", 5, 9)),
    ("aave_v3", "FlashloanPremiumToProtocolUpdated", (1, 2), ParameterChange,
     change("flashloan_premium_to_protocol", 2, 1)),
    ("aave_v3", "PoolUpdated", (A, B), ParameterChange, change("pool", B, A)),
    ("aave_v3", "PoolConfiguratorUpdated", (A, B), ParameterChange, change("pool_configurator", B, A)),
    ("aave_v3", "PoolDataProviderUpdated", (A, B), ParameterChange, change("pool_data_provider", B, A)),
    ("aave_v3", "PriceOracleUpdated", (A, B), ParameterChange, change("price_oracle", B, A)),
    ("aave_v3", "PriceOracleSentinelUpdated", (A, B), ParameterChange, change("price_oracle_sentinel", B, A)),
    ("aave_v3", "ACLManagerUpdated", (A, B), ParameterChange, change("acl_manager", B, A)),
    ("aave_v3", "ACLAdminUpdated", (A, B), ParameterChange, change("acl_admin", B, A)),
    ("aave_v3", "AddressSet", (ID, A, B), ParameterChange, change("address", B, A, ID_HEX)),
    ("aave_v3", "AddressSetAsProxy", (ID, A, B, C), ParameterChange, change("address_implementation", C, B, ID_HEX)),
    ("aave_v3", "AssetSourceUpdated", (A, B), ParameterChange, change("price_source", B, subject=A)),
    ("aave_v3", "FallbackOracleUpdated", (A,), ParameterChange, change("fallback_oracle", A)),
    ("aave_v3", "SequencerOracleUpdated", (A,), ParameterChange, change("sequencer_oracle", A)),
    ("aave_v3", "GracePeriodUpdated", (60,), ParameterChange, change("grace_period", 60)),
    # aave_v2
    ("aave_v2", "Withdraw", (A, B, C, 5), Withdraw, {"account": B, "token": A, "amount": 5}),
    ("aave_v2", "LiquidationCall", (A, B, C, 5, 6, D, True), Liquidation,
     {"account": C, "liquidator": D, "debt_token": B, "collateral_token": A, "repaid": 5, "seized": 6}),
    ("aave_v2", "ReserveDataUpdated", (A, 1, 2, 3, 4, 5), IndexUpdate,
     {"market": HERE, "token": A, "supply_index": 4, "borrow_index": 5}),
    ("aave_v2", "BorrowAllowanceDelegated", (A, B, C, 5), Approval,
     {"token": HERE, "owner": A, "spender": B, "amount": 5}),
    ("aave_v2", "Paused", (), PauseChange, pause()),
    ("aave_v2", "Unpaused", (), PauseChange, pause(paused=False)),
    ("aave_v2", "ReserveFrozen", (A,), PauseChange, pause("frozen " + A)),
    ("aave_v2", "ReserveUnfrozen", (A,), PauseChange, pause("frozen " + A, paused=False)),
    ("aave_v2", "ReserveActivated", (A,), ParameterChange, change("active", 1, subject=A)),
    ("aave_v2", "ReserveDeactivated", (A,), ParameterChange, change("active", 0, subject=A)),
    ("aave_v2", "BorrowingEnabledOnReserve", (A, True), ParameterChange, change("borrowing", 1, subject=A)),
    ("aave_v2", "BorrowingDisabledOnReserve", (A,), ParameterChange, change("borrowing", 0, subject=A)),
    ("aave_v2", "StableRateEnabledOnReserve", (A,), ParameterChange, change("stable_rate_borrowing", 1, subject=A)),
    ("aave_v2", "StableRateDisabledOnReserve", (A,), ParameterChange, change("stable_rate_borrowing", 0, subject=A)),
    ("aave_v2", "ReserveInitialized", (A, B, C, D, D), ParameterChange, change("reserve", B, subject=A)),
    ("aave_v2", "ReserveFactorChanged", (A, 5), ParameterChange, change("reserve_factor", 5, subject=A)),
    ("aave_v2", "ReserveDecimalsChanged", (A, 6), ParameterChange, change("decimals", 6, subject=A)),
    ("aave_v2", "ReserveInterestRateStrategyChanged", (A, B), ParameterChange,
     change("interest_rate_strategy", B, subject=A)),
    ("aave_v2", "LendingPoolUpdated", (A,), ParameterChange, change("pool", A)),
    ("aave_v2", "LendingPoolConfiguratorUpdated", (A,), ParameterChange, change("pool_configurator", A)),
    ("aave_v2", "LendingPoolCollateralManagerUpdated", (A,), ParameterChange, change("collateral_manager", A)),
    ("aave_v2", "ConfigurationAdminUpdated", (A,), ParameterChange, change("pool_admin", A)),
    ("aave_v2", "EmergencyAdminUpdated", (A,), ParameterChange, change("emergency_admin", A)),
    ("aave_v2", "PriceOracleUpdated", (A,), ParameterChange, change("price_oracle", A)),
    ("aave_v2", "LendingRateOracleUpdated", (A,), ParameterChange, change("lending_rate_oracle", A)),
    ("aave_v2", "AddressSet", (ID, A, True), ParameterChange, change("address", A, subject=ID_HEX)),
    ("aave_v2", "AssetSourceUpdated", (A, B), ParameterChange, change("price_source", B, subject=A)),
    ("aave_v2", "FallbackOracleUpdated", (A,), ParameterChange, change("fallback_oracle", A)),
    # aave_v1
    ("aave_v1", "Deposit", (A, B, 5, 0, 99), Deposit, {"account": B, "token": A, "amount": 5}),
    ("aave_v1", "RedeemUnderlying", (A, B, 5, 99), Withdraw, {"account": B, "token": A, "amount": 5}),
    ("aave_v1", "Borrow", (A, B, 5, 2, 3, 4, 6, 0, 99), Borrow, {"account": B, "token": A, "amount": 5}),
    ("aave_v1", "Repay", (A, B, C, 5, 1, 2, 99), Repay, {"account": B, "payer": C, "token": A, "amount": 5}),
    ("aave_v1", "LiquidationCall", (A, B, C, 5, 6, 7, D, True, 99), Liquidation,
     {"account": C, "liquidator": D, "debt_token": B, "collateral_token": A, "repaid": 5, "seized": 6}),
    ("aave_v1", "ReserveUpdated", (A, 1, 2, 3, 4, 5), IndexUpdate,
     {"market": HERE, "token": A, "supply_index": 4, "borrow_index": 5}),
    ("aave_v1", "ReserveFreezed", (A,), PauseChange, pause("frozen " + A)),
    ("aave_v1", "ReserveUnfreezed", (A,), PauseChange, pause("frozen " + A, paused=False)),
    ("aave_v1", "ReserveActivated", (A,), ParameterChange, change("active", 1, subject=A)),
    ("aave_v1", "ReserveDeactivated", (A,), ParameterChange, change("active", 0, subject=A)),
    ("aave_v1", "BorrowingEnabledOnReserve", (A, True), ParameterChange, change("borrowing", 1, subject=A)),
    ("aave_v1", "BorrowingDisabledOnReserve", (A,), ParameterChange, change("borrowing", 0, subject=A)),
    ("aave_v1", "StableRateEnabledOnReserve", (A,), ParameterChange, change("stable_rate_borrowing", 1, subject=A)),
    ("aave_v1", "StableRateDisabledOnReserve", (A,), ParameterChange, change("stable_rate_borrowing", 0, subject=A)),
    ("aave_v1", "ReserveInitialized", (A, B, C), ParameterChange, change("reserve", B, subject=A)),
    ("aave_v1", "ReserveRemoved", (A,), ParameterChange, change("reserve", subject=A)),
    ("aave_v1", "ReserveDisabledAsCollateral", (A,), ParameterChange, change("ltv", 0, subject=A)),
    ("aave_v1", "ReserveBaseLtvChanged", (A, 75), ParameterChange, change("ltv", 75, subject=A)),
    ("aave_v1", "ReserveLiquidationThresholdChanged", (A, 80), ParameterChange,
     change("liquidation_threshold", 80, subject=A)),
    ("aave_v1", "ReserveLiquidationBonusChanged", (A, 105), ParameterChange,
     change("liquidation_bonus", 105, subject=A)),
    ("aave_v1", "ReserveDecimalsChanged", (A, 6), ParameterChange, change("decimals", 6, subject=A)),
    ("aave_v1", "ReserveInterestRateStrategyChanged", (A, B), ParameterChange,
     change("interest_rate_strategy", B, subject=A)),
    # compound_v2
    ("compound_v2", "AccrueInterest", (1, 2, 10**18, 4), IndexUpdate,
     {"market": HERE, "borrow_index": 10**18, "total_borrowed": 4}),
    ("compound_v2", "AccrueInterest", (2, 10**18, 4), IndexUpdate,
     {"market": HERE, "borrow_index": 10**18, "total_borrowed": 4}),
    ("compound_v2", "NewImplementation", (A, B), Upgrade, {"implementation": B, "what": "implementation"}),
    ("compound_v2", "NewPendingAdmin", (A, B), ParameterChange, change("pending_admin", B, A)),
    ("compound_v2", "NewComptroller", (A, B), ParameterChange, change("comptroller", B, A)),
    ("compound_v2", "NewMarketInterestRateModel", (A, B), ParameterChange, change("interest_rate_strategy", B, A)),
    ("compound_v2", "NewReserveFactor", (1, 2), ParameterChange, change("reserve_factor", 2, 1)),
    ("compound_v2", "ActionPaused", ("Transfer", True), PauseChange, pause("Transfer")),
    ("compound_v2", "ActionPaused", (A, "Mint", True), PauseChange, pause("Mint " + A)),
    ("compound_v2", "MarketListed", (A,), ParameterChange, change("market", "listed", subject=A)),
    ("compound_v2", "NewCloseFactor", (1, 2), ParameterChange, change("close_factor", 2, 1)),
    ("compound_v2", "NewCollateralFactor", (A, 1, 2), ParameterChange, change("collateral_factor", 2, 1, A)),
    ("compound_v2", "NewLiquidationIncentive", (1, 2), ParameterChange, change("liquidation_incentive", 2, 1)),
    ("compound_v2", "NewPriceOracle", (A, B), ParameterChange, change("price_oracle", B, A)),
    ("compound_v2", "NewBorrowCap", (A, 5), ParameterChange, change("borrow_cap", 5, subject=A)),
    ("compound_v2", "NewSupplyCap", (A, 5), ParameterChange, change("supply_cap", 5, subject=A)),
    ("compound_v2", "NewPendingImplementation", (A, B), ParameterChange, change("pending_implementation", B, A)),
    # venus, cream
    ("venus", "Mint", (A, 5, 6, 7), Deposit, {"account": A, "token": None, "amount": 5, "shares": 6}),
    ("venus", "MintBehalf", (A, B, 5, 6, 7), Deposit, {"account": B, "token": None, "amount": 5, "shares": 6}),
    ("venus", "Redeem", (A, 5, 6, 7), Withdraw, {"account": A, "token": None, "amount": 5, "shares": 6}),
    ("venus", "Borrow", (A, 5, 6, 7), Borrow, {"account": A, "token": None, "amount": 5}),
    ("venus", "RepayBorrow", (A, B, 5, 6, 7), Repay, {"account": B, "payer": A, "token": None, "amount": 5}),
    ("venus", "HealBorrow", (A, B, 5), Repay, {"account": B, "payer": A, "token": None, "amount": 5}),
    ("venus", "LiquidateBorrow", (A, B, 5, C, 6), Liquidation,
     {"account": B, "liquidator": A, "debt_token": None, "collateral_token": C, "repaid": 5, "seized": 6}),
    ("venus", "MintVAI", (A, 5), Borrow, {"account": A, "token": None, "amount": 5}),
    ("venus", "RepayVAI", (A, B, 5), Repay, {"account": B, "payer": A, "token": None, "amount": 5}),
    ("venus", "LiquidateVAI", (A, B, 5, C, 6), Liquidation,
     {"account": B, "liquidator": A, "debt_token": None, "collateral_token": C, "repaid": 5, "seized": 6}),
    ("venus", "TransferOutUnderlyingFlashLoan", (A, B, 5), FlashLoan,
     {"lender": HERE, "borrower": B, "token": A, "amount": 5}),
    ("venus", "DelegateUpdated", (A, B, True), Approval,
     {"token": HERE, "owner": A, "spender": B, "amount": ALL_ITEMS}),
    ("venus", "DelegateUpdated", (A, B, False), Approval, {"token": HERE, "owner": A, "spender": B, "amount": 0}),
    ("venus", "ActionPausedMarket", (A, 2, True), PauseChange, pause("borrow " + A)),
    ("venus", "ActionPausedMarket", (A, 200, False), PauseChange, pause("200 " + A, paused=False)),
    ("venus", "ActionProtocolPaused", (True,), PauseChange, pause()),
    ("venus", "FlashLoanPauseChanged", (False, True), PauseChange, pause("flash_loan")),
    ("venus", "AuctionsPaused", (A,), PauseChange, pause("auctions", actor=A)),
    ("venus", "AuctionsResumed", (A,), PauseChange, pause("auctions", paused=False, actor=A)),
    ("venus", "MarketListed", (A,), ParameterChange, change("market", "listed", subject=A)),
    ("venus", "MarketSupported", (A,), ParameterChange, change("market", "listed", subject=A)),
    ("venus", "MarketUnlisted", (A,), ParameterChange, change("market", "unlisted", subject=A)),
    ("venus", "NewComptroller", (A, B), ParameterChange, change("comptroller", B, A)),
    ("venus", "NewMarketInterestRateModel", (A, B), ParameterChange, change("interest_rate_strategy", B, A)),
    ("venus", "NewCollateralFactor", (1, A, 2, 3), ParameterChange, change("collateral_factor", 3, 2, A)),
    ("venus", "NewLiquidationThreshold", (1, A, 2, 3), ParameterChange, change("liquidation_threshold", 3, 2, A)),
    ("venus", "NewLiquidationThreshold", (A, 2, 3), ParameterChange, change("liquidation_threshold", 3, 2, A)),
    ("venus", "NewLiquidationIncentive", (1, A, 2, 3), ParameterChange, change("liquidation_incentive", 3, 2, A)),
    ("venus", "NewMinLiquidatableCollateral", (1, 2), ParameterChange, change("min_liquidatable_collateral", 2, 1)),
    ("venus", "NewAccessControl", (A, B), ParameterChange, change("access_control", B, A)),
    ("venus", "NewAccessControlManager", (A, B), ParameterChange, change("access_control", B, A)),
    ("venus", "NewVAIMintCap", (1, 2), ParameterChange, change("mint_cap", 2, 1)),
    ("venus", "NewVAIMintRate", (1, 2), ParameterChange, change("mint_rate", 2, 1)),
    ("venus", "NewLiquidatorContract", (A, B), ParameterChange, change("liquidator_contract", B, A)),
    ("cream", "Flashloan", (A, 100, 5, 1), FlashLoan,
     {"lender": HERE, "borrower": A, "token": None, "amount": 100, "fee": 5}),
    ("cream", "NewCollateralCap", (A, 5), ParameterChange, change("collateral_cap", 5, subject=A)),
    # compound_v3
    ("compound_v3", "Supply", (A, B, 5), Deposit, {"account": B, "token": None, "amount": 5}),
    ("compound_v3", "Withdraw", (A, B, 5), Withdraw, {"account": A, "token": None, "amount": 5}),
    ("compound_v3", "SupplyCollateral", (A, B, C, 5), Deposit, {"account": B, "token": C, "amount": 5}),
    ("compound_v3", "WithdrawCollateral", (A, B, C, 5), Withdraw, {"account": A, "token": C, "amount": 5}),
    ("compound_v3", "AbsorbCollateral", (A, B, C, 5, 6), Liquidation,
     {"account": B, "liquidator": A, "debt_token": None, "collateral_token": C, "repaid": 0, "seized": 5}),
    ("compound_v3", "AbsorbDebt", (A, B, 5, 6), Repay, {"account": B, "payer": HERE, "token": None, "amount": 5}),
    ("compound_v3", "BuyCollateral", (A, C, 5, 6), Swap,
     {"pool": HERE, "sender": A, "recipient": A, "amount0": 5, "amount1": -6, "token1": C, "pair": C}),
    ("compound_v3", "SetGovernor", (A, B, C), ParameterChange, change("governor", C, B, A)),
    ("compound_v3", "SetPauseGuardian", (A, B, C), ParameterChange, change("pause_guardian", C, B, A)),
    ("compound_v3", "SetFactory", (A, B, C), ParameterChange, change("factory", C, B, A)),
    ("compound_v3", "SetExtensionDelegate", (A, B, C), ParameterChange, change("extension_delegate", C, B, A)),
    ("compound_v3", "SetBaseTokenPriceFeed", (A, B, C), ParameterChange, change("price_source", C, B, A)),
    ("compound_v3", "SetSupplyKink", (A, 1, 2), ParameterChange, change("supply_kink", 2, 1, A)),
    ("compound_v3", "SetBorrowKink", (A, 1, 2), ParameterChange, change("borrow_kink", 2, 1, A)),
    ("compound_v3", "SetStoreFrontPriceFactor", (A, 1, 2), ParameterChange,
     change("store_front_price_factor", 2, 1, A)),
    ("compound_v3", "SetBaseBorrowMin", (A, 1, 2), ParameterChange, change("base_borrow_min", 2, 1, A)),
    ("compound_v3", "SetTargetReserves", (A, 1, 2), ParameterChange, change("target_reserves", 2, 1, A)),
    ("compound_v3", "UpdateAssetPriceFeed", (A, B, C, D), ParameterChange, change("price_source", D, C, f"{A} {B}")),
    ("compound_v3", "UpdateAssetBorrowCollateralFactor", (A, B, 1, 2), ParameterChange,
     change("collateral_factor", 2, 1, f"{A} {B}")),
    ("compound_v3", "UpdateAssetLiquidateCollateralFactor", (A, B, 1, 2), ParameterChange,
     change("liquidation_threshold", 2, 1, f"{A} {B}")),
    ("compound_v3", "UpdateAssetLiquidationFactor", (A, B, 1, 2), ParameterChange,
     change("liquidation_factor", 2, 1, f"{A} {B}")),
    ("compound_v3", "UpdateAssetSupplyCap", (A, B, 1, 2), ParameterChange, change("supply_cap", 2, 1, f"{A} {B}")),
    # morpho_blue
    ("morpho_blue", "Supply", (ID, A, B, 5, 6), Deposit, {"account": B, "token": None, "amount": 5, "shares": 6}),
    ("morpho_blue", "SupplyCollateral", (ID, A, B, 5), Deposit, {"account": B, "token": None, "amount": 5}),
    ("morpho_blue", "Withdraw", (ID, A, B, C, 5, 6), Withdraw,
     {"account": B, "token": None, "amount": 5, "shares": 6}),
    ("morpho_blue", "WithdrawCollateral", (ID, A, B, C, 5), Withdraw, {"account": B, "token": None, "amount": 5}),
    ("morpho_blue", "Borrow", (ID, A, B, C, 5, 6), Borrow, {"account": B, "token": None, "amount": 5}),
    ("morpho_blue", "Repay", (ID, A, B, 5, 6), Repay, {"account": B, "payer": A, "token": None, "amount": 5}),
    ("morpho_blue", "Liquidate", (ID, A, B, 5, 6, 7, 8, 9), Liquidation,
     {"account": B, "liquidator": A, "debt_token": None, "collateral_token": None, "repaid": 5, "seized": 7}),
    ("morpho_blue", "FlashLoan", (A, B, 100), FlashLoan,
     {"lender": HERE, "borrower": A, "token": B, "amount": 100, "fee": 0}),
    ("morpho_blue", "SetAuthorization", (A, B, C, True), Approval,
     {"token": HERE, "owner": B, "spender": C, "amount": ALL_ITEMS}),
    ("morpho_blue", "CreateMarket", (ID, (A, B, C, D, 5)), ParameterChange, change("market", "listed", subject=ID_HEX)),
    ("morpho_blue", "SetFee", (ID, 5), ParameterChange, change("fee", 5, subject=ID_HEX)),
    ("morpho_blue", "SetFeeRecipient", (A,), ParameterChange, change("fee_recipient", A)),
    ("morpho_blue", "EnableIrm", (A,), ParameterChange, change("enabled_irm", A)),
    ("morpho_blue", "EnableLltv", (5,), ParameterChange, change("enabled_lltv", 5)),
    ("morpho_blue", "SetOwner", (A,), RoleChange, role("owner", A)),
    # metamorpho
    ("metamorpho", "SetCurator", (A,), RoleChange, role("curator", A)),
    ("metamorpho", "SetGuardian", (A, B), RoleChange, role("guardian", B, actor=A)),
    ("metamorpho", "SetIsAllocator", (A, False), RoleChange, role("allocator", A, granted=False)),
    ("metamorpho", "SetCap", (A, ID, 5), ParameterChange, change("supply_cap", 5, subject=ID_HEX)),
    ("metamorpho", "SetFee", (A, 5), ParameterChange, change("fee", 5)),
    ("metamorpho", "SetFeeRecipient", (A,), ParameterChange, change("fee_recipient", A)),
    ("metamorpho", "SetSkimRecipient", (A,), ParameterChange, change("skim_recipient", A)),
    ("metamorpho", "SetTimelock", (A, 5), ParameterChange, change("timelock", 5)),
    ("metamorpho", "SubmitCap", (A, ID, 5), Proposal, proposal("cap " + ID_HEX, "queued", actor=A)),
    ("metamorpho", "SubmitMarketRemoval", (A, ID), Proposal, proposal("market_removal " + ID_HEX, "queued", actor=A)),
    ("metamorpho", "SubmitGuardian", (A,), Proposal, proposal("guardian", "queued")),
    ("metamorpho", "SubmitTimelock", (5,), Proposal, proposal("timelock", "queued")),
    ("metamorpho", "RevokePendingCap", (A, ID), Proposal, proposal("cap " + ID_HEX, "cancelled", actor=A)),
    ("metamorpho", "RevokePendingMarketRemoval", (A, ID), Proposal,
     proposal("market_removal " + ID_HEX, "cancelled", actor=A)),
    ("metamorpho", "RevokePendingGuardian", (A,), Proposal, proposal("guardian", "cancelled", actor=A)),
    ("metamorpho", "RevokePendingTimelock", (A,), Proposal, proposal("timelock", "cancelled", actor=A)),
    ("metamorpho", "UpdateLastTotalAssets", (5,), IndexUpdate, {"market": HERE, "total_supplied": 5}),
    ("metamorpho", "AccrueInterest", (5, 6), IndexUpdate, {"market": HERE, "total_supplied": 5}),
    ("metamorpho", "AccrueInterest", (4, 5, 6, 7), IndexUpdate, {"market": HERE, "total_supplied": 5}),
    ("metamorpho", "SetAdmin", (A, B, C), ParameterChange, change("allocator_admin", C, subject=B)),
    ("metamorpho", "SetFee", (A, B, 5), ParameterChange, change("allocator_fee", 5, subject=B)),
    ("metamorpho", "SetOwner", (A,), RoleChange, role("owner", A)),
    ("metamorpho", "SetIsSentinel", (A, True), RoleChange, role("sentinel", A)),
    ("metamorpho", "AddAdapter", (A,), ParameterChange, change("adapter", "added", subject=A)),
    ("metamorpho", "RemoveAdapter", (A,), ParameterChange, change("adapter", "removed", subject=A)),
    ("metamorpho", "SetAdapterRegistry", (A,), ParameterChange, change("adapter_registry", A)),
    ("metamorpho", "IncreaseAbsoluteCap", (ID, b"", 5), ParameterChange, change("absolute_cap", 5, subject=ID_HEX)),
    ("metamorpho", "DecreaseAbsoluteCap", (A, ID, b"", 5), ParameterChange, change("absolute_cap", 5, subject=ID_HEX)),
    ("metamorpho", "IncreaseRelativeCap", (ID, b"", 5), ParameterChange, change("relative_cap", 5, subject=ID_HEX)),
    ("metamorpho", "DecreaseRelativeCap", (A, ID, b"", 5), ParameterChange, change("relative_cap", 5, subject=ID_HEX)),
    ("metamorpho", "IncreaseTimelock", (b"\x01\x02\x03\x04", 5), ParameterChange,
     change("timelock", 5, subject="0x01020304")),
    ("metamorpho", "DecreaseTimelock", (b"\x01\x02\x03\x04", 5), ParameterChange,
     change("timelock", 5, subject="0x01020304")),
    ("metamorpho", "SetPerformanceFee", (5,), ParameterChange, change("performance_fee", 5)),
    ("metamorpho", "SetManagementFee", (5,), ParameterChange, change("management_fee", 5)),
    ("metamorpho", "SetMaxRate", (5,), ParameterChange, change("max_rate", 5)),
    ("metamorpho", "SetReceiveSharesGate", (A,), ParameterChange, change("receive_shares_gate", A)),
    ("metamorpho", "SetSendSharesGate", (A,), ParameterChange, change("send_shares_gate", A)),
    ("metamorpho", "SetReceiveAssetsGate", (A,), ParameterChange, change("receive_assets_gate", A)),
    ("metamorpho", "SetSendAssetsGate", (A,), ParameterChange, change("send_assets_gate", A)),
    ("metamorpho", "Submit", (b"\x01\x02\x03\x04", b"\x01\x02\x03\x04\x05", 99), Proposal,
     proposal("0x0102030405", "queued", calls=("0x0102030405",), earliest=99)),
    ("metamorpho", "Accept", (b"\x01\x02\x03\x04", b"\x01\x02\x03\x04\x05"), Proposal,
     proposal("0x0102030405", "executed")),
    ("metamorpho", "Revoke", (A, b"\x01\x02\x03\x04", b"\x01\x02\x03\x04\x05"), Proposal,
     proposal("0x0102030405", "cancelled", actor=A)),
    # euler_v1, euler_v2
    ("euler_v1", "Liquidation", (A, B, C, D, 5, 6, 7, 8, 9), Liquidation,
     {"account": B, "liquidator": A, "debt_token": C, "collateral_token": D, "repaid": 5, "seized": 6}),
    ("euler_v1", "AssetStatus", (A, 1, 2, 3, 4, 5, -6, 7), IndexUpdate,
     {"market": HERE, "token": A, "borrow_index": 5, "total_supplied": 1, "total_borrowed": 2}),
    ("euler_v1", "MarketActivated", (A, B, C), ParameterChange, change("market", "listed", subject=A)),
    ("euler_v1", "GovSetAssetConfig", (A, (B, True, 1, 2, 3)), ParameterChange,
     change("collateral_factor", 1, subject=A)),
    ("euler_v1", "GovSetReserveFee", (A, 5), ParameterChange, change("reserve_factor", 5, subject=A)),
    ("euler_v1", "GovSetPricingConfig", (A, 4, 5), ParameterChange, change("pricing_type", 4, subject=A)),
    ("euler_v1", "GovSetChainlinkPriceFeed", (A, B), ParameterChange, change("price_source", B, subject=A)),
    ("euler_v1", "GovSetIRM", (A, 5, b""), ParameterChange, change("interest_rate_strategy", 5, subject=A)),
    ("euler_v1", "InstallerSetUpgradeAdmin", (A,), RoleChange, role("upgrade_admin", A)),
    ("euler_v1", "InstallerSetGovernorAdmin", (A,), RoleChange, role("governor_admin", A)),
    ("euler_v1", "InstallerInstallModule", (3, A, ID), ParameterChange, change("module", A, subject="3")),
    ("euler_v2", "Borrow", (A, 5), Borrow, {"account": A, "token": None, "amount": 5}),
    ("euler_v2", "Repay", (A, 5), Repay, {"account": A, "payer": A, "token": None, "amount": 5}),
    ("euler_v2", "Liquidate", (A, B, C, 5, 6), Liquidation,
     {"account": B, "liquidator": A, "debt_token": None, "collateral_token": C, "repaid": 5, "seized": 6}),
    ("euler_v2", "VaultStatus", (1, 2, 3, 4, 5, 6, 7), IndexUpdate,
     {"market": HERE, "borrow_index": 5, "total_supplied": 1, "total_borrowed": 2}),
    ("euler_v2", "GovSetGovernorAdmin", (A,), RoleChange, role("governor_admin", A)),
    ("euler_v2", "GovSetFeeReceiver", (A,), ParameterChange, change("fee_recipient", A)),
    ("euler_v2", "GovSetLTV", (A, 8000, 8500, 9000, 99, 60), ParameterChange,
     change("liquidation_threshold", 8500, 9000, A)),
    ("euler_v2", "GovSetInterestRateModel", (A,), ParameterChange, change("interest_rate_strategy", A)),
    ("euler_v2", "GovSetMaxLiquidationDiscount", (5,), ParameterChange, change("max_liquidation_discount", 5)),
    ("euler_v2", "GovSetLiquidationCoolOffTime", (5,), ParameterChange, change("liquidation_cool_off_time", 5)),
    ("euler_v2", "GovSetHookConfig", (A, 5), ParameterChange, change("hooked_operations", 5, subject=A)),
    ("euler_v2", "GovSetConfigFlags", (5,), ParameterChange, change("config_flags", 5)),
    ("euler_v2", "GovSetInterestFee", (5,), ParameterChange, change("interest_fee", 5)),
    ("euler_v2", "LockdownModeStatus", (b"\x01" * 19, True), PauseChange, pause("0x" + "01" * 19)),
    # maker, dappsys
    ("maker", "Rely", (A,), RoleChange, role("ward", A)),
    ("maker", "Deny", (A,), RoleChange, role("ward", A, granted=False)),
    ("maker", "File(bytes32,uint256)", (b"hole".ljust(32, b"\0"), 5), ParameterChange, change("hole", 5)),
    ("maker", "File(bytes32,address)", (b"vow".ljust(32, b"\0"), A), ParameterChange, change("vow", A)),
    ("maker", "File(bytes32,bytes32,uint256)", (b"ETH-A".ljust(32, b"\0"), b"chop".ljust(32, b"\0"), 5),
     ParameterChange, change("chop", 5, subject="ETH-A")),
    ("maker", "File(bytes32,bytes32,address)", (b"ETH-A".ljust(32, b"\0"), b"clip".ljust(32, b"\0"), A),
     ParameterChange, change("clip", A, subject="ETH-A")),
    ("maker", "Cage", (), PauseChange, pause()),
    ("maker", "Fire", (), PauseChange, pause("emergency_shutdown")),
    ("maker", "Bark", (ID, A, 5, 6, 7 * RAY, B, 1), Liquidation,
     {"account": A, "liquidator": B, "debt_token": None, "collateral_token": None, "repaid": 7, "seized": 5}),
    ("maker", "Bite", (ID, A, 5, 6, 7 * RAY, B, 1), Liquidation,
     {"account": A, "liquidator": B, "debt_token": None, "collateral_token": None, "repaid": 7, "seized": 5}),
    ("maker", "SetBreaker", (A, 3), ParameterChange, change("breaker_level", 3, subject=A)),
    ("maker", "Exec", (b"ETH-A".ljust(32, b"\0"), 1, 2), ParameterChange, change("line", 2, 1, "ETH-A")),
    ("maker", "FlashLoan", (A, B, 100, 5), FlashLoan,
     {"lender": HERE, "borrower": A, "token": B, "amount": 100, "fee": 5}),
    ("maker", "VatDaiFlashLoan", (A, 100 * RAY, 0), FlashLoan,
     {"lender": HERE, "borrower": A, "token": None, "amount": 100, "fee": 0}),
    ("maker", "LogMedianPrice", (5, 99), PriceUpdate, {"feed": HERE, "answer": 5, "updated_at": 99}),
    ("maker", "LogValue", ((5).to_bytes(32, "big"),), PriceUpdate, {"feed": HERE, "answer": 5, "updated_at": 0}),
    ("maker", "SetAuthority(address,address)", (A, B), ParameterChange, change("authority", B, A)),
    ("dappsys", "Stop", (), PauseChange, pause()),
    ("dappsys", "Start", (), PauseChange, pause(paused=False)),
    ("dappsys", "LogSetOwner", (A,), RoleChange, role("owner", A)),
    ("dappsys", "LogSetAuthority", (A,), ParameterChange, change("authority", A)),
    # liquity
    ("liquity", "TroveLiquidated", (A, 5, 6, 1), Liquidation,
     {"account": A, "liquidator": HERE, "debt_token": None, "collateral_token": NATIVE, "repaid": 5, "seized": 6}),
    ("liquity", "LastGoodPriceUpdated", (5,), PriceUpdate, {"feed": HERE, "answer": 5, "updated_at": 0}),
    ("liquity", "ActivePoolLUSDDebtUpdated", (5,), IndexUpdate, {"market": HERE, "total_borrowed": 5}),
    ("liquity", "ActivePoolETHBalanceUpdated", (5,), IndexUpdate, {"market": HERE, "total_supplied": 5}),
    # oracles
    ("chainlink", "ConfigSet", (1, 2, [A], [B], 3, 4, b""), ParameterChange, change("oracle_config", 2)),
    ("chainlink", "ConfigSet", (1, ID, 2, [A], [B], 3, b"", 4, b""), ParameterChange, change("oracle_config", 2)),
    ("chainlink", "AggregatorProposed", (A, B), ParameterChange, change("proposed_price_source", B, A)),
    ("chainlink", "AggregatorConfirmed", (A, B), ParameterChange, change("price_source", B, A)),
    ("chainlink", "FeedProposed", (A, B, C, D, A), ParameterChange,
     change("proposed_price_source", C, D, f"{A} {B}")),
    ("chainlink", "FeedConfirmed", (A, B, C, D, 2, A), ParameterChange, change("price_source", C, D, f"{A} {B}")),
    ("chainlink", "OraclePermissionsUpdated", (A, True), RoleChange, role("oracle", A)),
    ("chainlink", "ValidatorUpdated", (A, B), ParameterChange, change("validator", B, A)),
    ("chainlink", "ValidatorConfigSet", (A, 1, B, 2), ParameterChange, change("validator", B, A)),
    ("chainlink", "OwnershipTransferRequested", (A, B), ParameterChange, change("pending_owner", B, A)),
    ("pyth", "PriceFeedUpdate", (ID, 99, -5, 1), PriceUpdate, {"feed": FEED, "answer": -5, "updated_at": 99}),
    ("pyth", "PriceFeedUpdate", (ID, True, 1, 2, 98, 99, 5, 1), PriceUpdate,
     {"feed": FEED, "answer": 5, "updated_at": 99}),
    ("redstone", "ValueUpdate", (5, ID, 99), PriceUpdate, {"feed": FEED, "answer": 5, "updated_at": 99}),
    ("api3", "UpdatedBeaconWithSignedData", (ID, 5, 99), PriceUpdate, {"feed": FEED, "answer": 5, "updated_at": 99}),
    ("api3", "UpdatedBeaconSetWithBeacons", (ID, 5, 99), PriceUpdate, {"feed": FEED, "answer": 5, "updated_at": 99}),
    ("api3", "UpdatedOevProxyBeaconWithSignedData", (ID, A, ID, 5, 99), PriceUpdate,
     {"feed": A, "answer": 5, "updated_at": 99}),
    ("api3", "UpdatedOevProxyBeaconSetWithSignedData", (ID, A, ID, 5, 99), PriceUpdate,
     {"feed": A, "answer": 5, "updated_at": 99}),
    ("api3", "UpdatedDappOevDataFeed", (1, A, ID, 5, 99), PriceUpdate,
     {"feed": FEED, "answer": 5, "updated_at": 99}),
    ("api3", "SetDapiName", (ID, b"\x01" * 32, A), ParameterChange,
     change("dapi_name", ID_HEX, subject="0x" + "01" * 32)),
    ("tellor", "NewReport", (ID, 99, (5).to_bytes(32, "big"), 0, b"q", A), PriceUpdate,
     {"feed": FEED, "answer": 5, "updated_at": 99}),
    # uma
    ("uma", "NewProposal", (4, SEND), Proposal, proposal("4", "created", targets=(A,), calls=("0x0102",))),
    ("uma", "ProposalExecuted", (4, 0), Proposal, proposal("4", "executed")),
    ("uma", "EmergencyTransactionsProposed", (4, A, B, 99, 5, SEND), Proposal,
     proposal("emergency 4", "created", actor=B, targets=(A,), calls=("0x0102",))),
    ("uma", "EmergencyProposalExecuted", (4, A, B, 99, 5, SEND), Proposal,
     proposal("emergency 4", "executed", actor=B, targets=(A,), calls=("0x0102",))),
    ("uma", "EmergencyProposalRemoved", (4, A, B, 99, 5, SEND), Proposal,
     proposal("emergency 4", "cancelled", actor=B, targets=(A,), calls=("0x0102",))),
    ("uma", "EmergencyProposalSlashed", (4, A, B, 99, 5, SEND), Proposal,
     proposal("emergency 4", "cancelled", actor=B, targets=(A,), calls=("0x0102",))),
    ("uma", "AddedSharedMember", (1, A, B), RoleChange, role("1", A, actor=B)),
    ("uma", "RemovedSharedMember", (1, A, B), RoleChange, role("1", A, granted=False, actor=B)),
    ("uma", "ResetExclusiveMember", (1, A, B), RoleChange, role("1", A, actor=B)),
    ("uma", "InterfaceImplementationChanged", (ID, A), ParameterChange, change("implementation", A, subject=ID_HEX)),
    ("uma", "VotingContractMigrated", (A,), ParameterChange, change("voting_contract", A)),
    ("uma", "SlashingLibraryChanged", (A,), ParameterChange, change("slashing_library", A)),
    # openzeppelin
    ("openzeppelin", "RoleAdminChanged(bytes32,bytes32,bytes32)", (ID, b"\x01" * 32, b"\x02" * 32), ParameterChange,
     change("role_admin", "0x" + "02" * 32, "0x" + "01" * 32, ID_HEX)),
    ("openzeppelin", "OwnershipTransferStarted", (A, B), ParameterChange, change("pending_owner", B, A)),
    ("openzeppelin", "DefaultAdminTransferScheduled", (A, 99), ParameterChange, change("pending_default_admin", A)),
    ("openzeppelin", "DefaultAdminTransferCanceled", (), ParameterChange, change("pending_default_admin")),
    ("openzeppelin", "DefaultAdminDelayChangeScheduled", (5, 99), ParameterChange, change("default_admin_delay", 5)),
    ("openzeppelin", "DefaultAdminDelayChangeCanceled", (), ParameterChange, change("default_admin_delay")),
    ("openzeppelin", "MinterAdded", (A,), RoleChange, role("minter", A)),
    ("openzeppelin", "MinterRemoved", (A,), RoleChange, role("minter", A, granted=False)),
    ("openzeppelin", "PauserAdded", (A,), RoleChange, role("pauser", A)),
    ("openzeppelin", "PauserRemoved", (A,), RoleChange, role("pauser", A, granted=False)),
    ("openzeppelin", "SignerAdded", (A,), RoleChange, role("signer", A)),
    ("openzeppelin", "SignerRemoved", (A,), RoleChange, role("signer", A, granted=False)),
    ("openzeppelin", "WhitelistAdminAdded", (A,), RoleChange, role("whitelist_admin", A)),
    ("openzeppelin", "WhitelistAdminRemoved", (A,), RoleChange, role("whitelist_admin", A, granted=False)),
    ("openzeppelin", "Initialized(uint8)", (1,), ParameterChange, change("initialized", 1)),
    ("openzeppelin", "Initialized(uint64)", (2,), ParameterChange, change("initialized", 2)),
    ("openzeppelin", "CallScheduled", (ID, 0, A, 5, b"\x01", b"\0" * 32, 60), Proposal,
     proposal(ID_HEX, "queued", targets=(A,), calls=("0x01",))),
    ("openzeppelin", "CallExecuted", (ID, 0, A, 5, b"\x01"), Proposal,
     proposal(ID_HEX, "executed", targets=(A,), calls=("0x01",))),
    ("openzeppelin", "Cancelled", (ID,), Proposal, proposal(ID_HEX, "cancelled")),
    ("openzeppelin", "MinDelayChange", (1, 2), ParameterChange, change("min_delay", 2, 1)),
    ("openzeppelin", "ProposalCreated", (4, A, [B], [0], [""], [b"\x01\x02"], 10, 20, "why"), Proposal,
     proposal("4", "created", actor=A, targets=(B,), calls=("0x0102",))),
    ("openzeppelin", "ProposalQueued", (4, 99), Proposal, proposal("4", "queued", earliest=99)),
    ("openzeppelin", "ProposalExecuted", (4,), Proposal, proposal("4", "executed")),
    ("openzeppelin", "ProposalCanceled", (4,), Proposal, proposal("4", "cancelled")),
    ("openzeppelin", "VoteCast", (A, 4, 1, 5, "yes"), Vote,
     {"proposal_id": "4", "voter": A, "support": 1, "weight": 5}),
    ("openzeppelin", "VoteCastWithParams", (A, 4, 2, 5, "", b"\x01"), Vote,
     {"proposal_id": "4", "voter": A, "support": 2, "weight": 5}),
    ("openzeppelin", "OverrideVoteCast", (A, 4, 0, 5, ""), Vote,
     {"proposal_id": "4", "voter": A, "support": 0, "weight": 5}),
    ("openzeppelin", "VotingDelaySet", (1, 2), ParameterChange, change("voting_delay", 2, 1)),
    ("openzeppelin", "VotingPeriodSet", (1, 2), ParameterChange, change("voting_period", 2, 1)),
    ("openzeppelin", "ProposalThresholdSet", (1, 2), ParameterChange, change("proposal_threshold", 2, 1)),
    ("openzeppelin", "QuorumNumeratorUpdated", (1, 2), ParameterChange, change("quorum_numerator", 2, 1)),
    ("openzeppelin", "TimelockChange", (A, B), ParameterChange, change("timelock", B, A)),
    ("openzeppelin", "LateQuorumVoteExtensionSet", (1, 2), ParameterChange,
     change("late_quorum_vote_extension", 2, 1)),
    ("openzeppelin", "RoleGranted(uint64,address,uint32,uint48,bool)", (7, A, 0, 99, True), RoleChange, role("7", A)),
    ("openzeppelin", "RoleRevoked(uint64,address)", (7, A), RoleChange, role("7", A, granted=False)),
    ("openzeppelin", "RoleAdminChanged(uint64,uint64)", (7, 8), ParameterChange, change("role_admin", 8, subject="7")),
    ("openzeppelin", "RoleGuardianChanged", (7, 8), ParameterChange, change("role_guardian", 8, subject="7")),
    ("openzeppelin", "RoleGrantDelayChanged", (7, 60, 99), ParameterChange,
     change("role_grant_delay", 60, subject="7")),
    ("openzeppelin", "TargetClosed", (A, True), PauseChange, pause(A)),
    ("openzeppelin", "TargetFunctionRoleUpdated", (A, b"\x01\x02\x03\x04", 7), ParameterChange,
     change("function_role", 7, subject=A + " 0x01020304")),
    ("openzeppelin", "TargetAdminDelayUpdated", (A, 60, 99), ParameterChange,
     change("target_admin_delay", 60, subject=A)),
    ("openzeppelin", "AuthorityUpdated", (A,), ParameterChange, change("authority", A)),
    ("openzeppelin", "OperationScheduled", (ID, 1, 99, A, B, b"\x01"), Proposal,
     proposal(ID_HEX, "queued", actor=A, targets=(B,), calls=("0x01",), earliest=99)),
    ("openzeppelin", "OperationExecuted", (ID, 1), Proposal, proposal(ID_HEX, "executed")),
    ("openzeppelin", "OperationCanceled", (ID, 1), Proposal, proposal(ID_HEX, "cancelled")),
    # compound_bravo
    ("compound_bravo", "ProposalCreated",
     (4, A, [B], [0], ["f(uint256)"], [encode(["uint256"], [1])], 10, 20, "why"), Proposal,
     proposal("4", "created", actor=A, targets=(B,), calls=("0xb3de648b" + "00" * 31 + "01",))),
    ("compound_bravo", "ProposalQueued", (4, 99), Proposal, proposal("4", "queued", earliest=99)),
    ("compound_bravo", "ProposalExecuted", (4,), Proposal, proposal("4", "executed")),
    ("compound_bravo", "ProposalCanceled", (4,), Proposal, proposal("4", "cancelled")),
    ("compound_bravo", "VoteCast", (A, 4, 1, 5, "yes"), Vote,
     {"proposal_id": "4", "voter": A, "support": 1, "weight": 5}),
    ("compound_bravo", "VoteCast", (A, 4, True, 5), Vote,
     {"proposal_id": "4", "voter": A, "support": 1, "weight": 5}),
    ("compound_bravo", "VotingDelaySet", (1, 2), ParameterChange, change("voting_delay", 2, 1)),
    ("compound_bravo", "VotingPeriodSet", (1, 2), ParameterChange, change("voting_period", 2, 1)),
    ("compound_bravo", "ProposalThresholdSet", (1, 2), ParameterChange, change("proposal_threshold", 2, 1)),
    ("compound_bravo", "NewImplementation", (A, B), Upgrade, {"implementation": B, "what": "implementation"}),
    ("compound_bravo", "NewPendingAdmin", (A, B), ParameterChange, change("pending_admin", B, A)),
    ("compound_bravo", "WhitelistAccountExpirationSet", (A, 99), ParameterChange,
     change("whitelist_expiration", 99, subject=A)),
    ("compound_bravo", "QueueTransaction", (ID, A, 0, "", b"\x01\x02", 99), Proposal,
     proposal(ID_HEX, "queued", targets=(A,), calls=("0x0102",), earliest=99)),
    ("compound_bravo", "ExecuteTransaction", (ID, A, 0, "f(uint256)", b"\x01\x02", 99), Proposal,
     proposal(ID_HEX, "executed", targets=(A,), calls=("0xb3de648b0102",), earliest=99)),
    ("compound_bravo", "CancelTransaction", (ID, A, 0, "", b"\x01\x02", 99), Proposal,
     proposal(ID_HEX, "cancelled", targets=(A,), calls=("0x0102",), earliest=99)),
    ("compound_bravo", "NewAdmin", (A,), RoleChange, role("admin", A)),
    ("compound_bravo", "NewPendingAdmin", (A,), ParameterChange, change("pending_admin", A)),
    ("compound_bravo", "NewDelay", (60,), ParameterChange, change("min_delay", 60)),
    # aave_governance
    ("aave_governance", "ProposalCreated",
     (4, A, B, [C], [0], ["f(uint256)"], [b"\x01\x02"], [True], 10, 20, D, ID), Proposal,
     proposal("4", "created", actor=A, targets=(C,), calls=("0xb3de648b0102",))),
    ("aave_governance", "ProposalQueued(uint256,uint256,address)", (4, 99, A), Proposal,
     proposal("4", "queued", actor=A, earliest=99)),
    ("aave_governance", "ProposalExecuted", (4, A), Proposal, proposal("4", "executed", actor=A)),
    ("aave_governance", "VoteEmitted", (4, A, False, 5), Vote,
     {"proposal_id": "4", "voter": A, "support": 0, "weight": 5}),
    ("aave_governance", "QueuedAction", (ID, A, 0, "", b"\x01", 99, True), Proposal,
     proposal(ID_HEX, "queued", targets=(A,), calls=("0x01",), earliest=99)),
    ("aave_governance", "ExecutedAction", (ID, A, 0, "", b"\x01", 99, True, b""), Proposal,
     proposal(ID_HEX, "executed", targets=(A,), calls=("0x01",), earliest=99)),
    ("aave_governance", "CancelledAction", (ID, A, 0, "", b"\x01", 99, True), Proposal,
     proposal(ID_HEX, "cancelled", targets=(A,), calls=("0x01",), earliest=99)),
    ("aave_governance", "ExecutorAuthorized", (A,), RoleChange, role("executor", A)),
    ("aave_governance", "ExecutorUnauthorized", (A,), RoleChange, role("executor", A, granted=False)),
    ("aave_governance", "NewAdmin", (A,), RoleChange, role("admin", A)),
    ("aave_governance", "NewPendingAdmin", (A,), ParameterChange, change("pending_admin", A)),
    ("aave_governance", "NewDelay", (60,), ParameterChange, change("min_delay", 60)),
    ("aave_governance", "ProposalCreated", (4, A, 1, ID), Proposal, proposal("4", "created", actor=A)),
    ("aave_governance", "ProposalQueued(uint256,uint128,uint128)", (4, 1, 2), Proposal, proposal("4", "queued")),
    ("aave_governance", "ProposalExecuted", (4,), Proposal, proposal("4", "executed")),
    ("aave_governance", "ProposalCanceled", (4,), Proposal, proposal("4", "cancelled")),
    ("aave_governance", "ProposalFailed", (4, 1, 2), Proposal, proposal("4", "cancelled")),
    ("aave_governance", "PayloadCreated", (7, A, [(B, True, 1, 0, "f(uint256)", b"\x01")], 1), Proposal,
     proposal("payload 7", "created", actor=A, targets=(B,), calls=("0xb3de648b01",))),
    ("aave_governance", "PayloadQueued", (7,), Proposal, proposal("payload 7", "queued")),
    ("aave_governance", "PayloadExecuted", (7,), Proposal, proposal("payload 7", "executed")),
    ("aave_governance", "PayloadCancelled", (7,), Proposal, proposal("payload 7", "cancelled")),
    ("aave_governance", "Staked", (A, B, 5, 6), Deposit, {"account": B, "token": None, "amount": 5, "shares": 6}),
    ("aave_governance", "Redeem", (A, B, 5, 6), Withdraw, {"account": A, "token": None, "amount": 5, "shares": 6}),
    ("aave_governance", "Slashed", (A, 5), Withdraw, {"account": A, "token": None, "amount": 5}),
    # proxies of old
    ("zeppelinos", "Upgraded", (A,), Upgrade, {"implementation": A, "what": "implementation"}),
    ("zeppelinos", "Upgraded(string,address)", ("2", A), Upgrade, {"implementation": A, "what": "implementation"}),
    ("zeppelinos", "Upgraded(uint256,address)", (2, A), Upgrade, {"implementation": A, "what": "implementation"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("protocol", "event", "values", "kind", "fields"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
def test_an_event_says_what_its_log_says(registry, protocol, event, values, kind, fields):
    assert said(registry, protocol, event, *values) == [expected(kind, protocol, **fields)]


@pytest.mark.parametrize("indexed", [0, 1])
def test_both_shapes_of_venus_mint_are_deposits(registry, indexed):
    """The Core Pool's has no indexed parameter, the isolated pools' has one."""
    spec = next(s for s in specs(registry, "venus", "Mint", 4) if sum(p.indexed for p in s.params) == indexed)
    (event,) = Decoder(registry.of("venus")).facts(execution(logs=[make_log(spec, A, 5, 6, 7)])).events
    assert isinstance(event, Deposit)
    assert (event.account, event.amount, event.shares) == (A, 5, 6)


HANDOVERS = [
    ("compound_v2", "NewAdmin", "admin"),
    ("compound_v2", "NewPauseGuardian", "pause_guardian"),
    ("compound_v2", "NewBorrowCapGuardian", "borrow_cap_guardian"),
    ("compound_v3", "GovernorTransferred", "governor"),
    ("maker", "SetOwner", "owner"),
    ("openzeppelin", "ProposalGuardianSet", "proposal_guardian"),
    ("compound_bravo", "NewAdmin", "admin"),
    ("compound_bravo", "WhitelistGuardianSet", "whitelist_guardian"),
    ("zeppelinos", "ProxyOwnershipTransferred", "proxy_owner"),
]


@pytest.mark.parametrize(("protocol", "event", "name"), HANDOVERS, ids=[f"{h[0]}-{h[1]}" for h in HANDOVERS])
def test_a_role_that_changes_hands_is_taken_and_given(registry, protocol, event, name):
    taken, given = said(registry, protocol, event, A, B)
    assert taken == expected(RoleChange, protocol, **role(name, A, granted=False))
    assert (given.role, given.account, given.granted, given.order) == (name, B, True, 1)
    assert len(said(registry, protocol, event, ZERO_ADDRESS, B)) == 1


@pytest.mark.parametrize(
    ("protocol", "event", "values", "subject", "prefix"),
    [
        ("aave_v3", "CollateralConfigurationChanged", (A, 1, 2, 3), A, ""),
        ("aave_v2", "CollateralConfigurationChanged", (A, 1, 2, 3), A, ""),
        ("aave_v1", "ReserveEnabledAsCollateral", (A, 1, 2, 3), A, ""),
        ("aave_v3", "EModeCategoryAdded", (4, 1, 2, 3, B, "stables"), "4", "emode_"),
    ],
)
def test_limits_of_a_collateral_are_three_settings(registry, protocol, event, values, subject, prefix):
    changes = said(registry, protocol, event, *values)
    assert [(e.what, e.after, e.subject, e.protocol) for e in changes] == [
        (prefix + "ltv", 1, subject, protocol),
        (prefix + "liquidation_threshold", 2, subject, protocol),
        (prefix + "liquidation_bonus", 3, subject, protocol),
    ]


def test_comet_tells_the_state_of_all_its_actions(registry):
    events = said(registry, "compound_v3", "PauseAction", True, False, True, False, False)
    assert [(e.scope, e.paused) for e in events] == [
        ("supply", True), ("transfer", False), ("withdraw", True), ("absorb", False), ("buy", False),
    ]  # fmt: skip


def test_comets_collateral_moves_from_one_position_to_another(registry):
    taken, given = said(registry, "compound_v3", "TransferCollateral", A, B, C, 5)
    assert taken == expected(Withdraw, "compound_v3", account=A, token=C, amount=5)
    assert (type(given), given.account, given.token, given.amount) == (Deposit, B, C, 5)


class TestEuler:
    """Deposit, Withdraw, Borrow and Repay of Euler v1 are shaped as those of many others."""

    @pytest.mark.parametrize(
        ("event", "kind"), [("Deposit", Deposit), ("Withdraw", Withdraw), ("Borrow", Borrow), ("Repay", Repay)]
    )
    def test_the_underlying_is_named_first_and_nothing_is_said_where_nobody_knows_the_contract(
        self, registry, event, kind
    ):
        (found,) = said(registry, "euler_v1", event, A, B, 5)
        assert (type(found), found.token, found.account, found.amount) == (kind, A, B, 5)
        (spec,) = specs(registry, "euler_v1", event, 3)
        assert [e.token for e in Decoder(registry).facts(execution(logs=[make_log(spec, A, B, 5)])).events] != [A]


def noted(call: str, types: list[str], *values: Any, note: str = "maker") -> Log:
    """The note that a contract writes about a call by D: 224 bytes of call data, or DSNote's value and all of it."""
    data = keccak(text=call)[:4] + encode(types, values)
    words = [data[4 + 32 * n : 36 + 32 * n].ljust(32, b"\0") for n in range(3)]
    caller = bytes(12) + bytes.fromhex(D[2:])
    first = data[:4].ljust(32, b"\0")
    topics = [first, *words] if note == "maker_vat" else [first, caller, *words[:2]]
    if note == "dappsys":
        body = encode(["uint256", "bytes"], [0, data])
    else:
        body = encode(["bytes"], [data.ljust(224, b"\0")])
    return Log(
        address=HERE, topics=["0x" + t.hex() for t in topics[:4]], data="0x" + body.hex(), log_index="0x7"
    )  # fmt: skip


def notes(registry, log: Log, protocol: str = "maker") -> list[Event]:
    own = registry.of(protocol)
    own.bind(HERE, protocol)
    found = Decoder(own).facts(execution(logs=[log]))
    assert (found.malformed, found.unknown_logs) == ((), 0)
    return list(found.events)


class TestMakersNotes:
    def test_a_ward_is_made_by_whoever_called(self, registry):
        log = noted("rely(address)", ["address"], A)
        assert notes(registry, log) == [expected(RoleChange, "maker", **role("ward", A, actor=D))]
        log = noted("deny(address)", ["address"], A, note="maker_vat")
        assert notes(registry, log, "maker_vat") == [
            expected(RoleChange, "maker_vat", **role("ward", A, granted=False))
        ]

    def test_settings_have_names(self, registry):
        ilk, what = b"ETH-A".ljust(32, b"\0"), b"line".ljust(32, b"\0")
        log = noted("file(bytes32,bytes32,uint256)", ["bytes32", "bytes32", "uint256"], ilk, what, 5)
        assert notes(registry, log) == [expected(ParameterChange, "maker", **change("line", 5, subject="ETH-A"))]
        log = noted("file(bytes32,address)", ["bytes32", "address"], b"vow".ljust(32, b"\0"), A)
        assert notes(registry, log) == [expected(ParameterChange, "maker", **change("vow", A))]

    def test_cage_is_the_end(self, registry):
        assert notes(registry, noted("cage()", [])) == [expected(PauseChange, "maker", **pause(actor=D))]

    def test_a_join_is_a_deposit_and_an_exit_a_withdrawal(self, registry):
        for call, kind in (("join", Deposit), ("exit", Withdraw)):
            log = noted(f"{call}(address,uint256)", ["address", "uint256"], A, 5)
            assert notes(registry, log) == [expected(kind, "maker", account=A, token=None, amount=5)]

    @pytest.mark.parametrize(
        ("collateral", "debt", "kinds"),
        [(5, 6, [Deposit, Borrow]), (-5, -6, [Withdraw, Repay]), (0, 6, [Borrow]), (5, 0, [Deposit])],
    )
    def test_frob_changes_collateral_and_debt_of_a_vault(self, registry, collateral, debt, kinds):
        types = ["bytes32", "address", "address", "address", "int256", "int256"]
        call = "frob(bytes32,address,address,address,int256,int256)"
        log = noted(call, types, ID, A, B, C, collateral, debt, note="maker_vat")
        events = notes(registry, log, "maker_vat")
        assert [type(e) for e in events] == kinds
        assert [(e.account, e.amount) for e in events] == [(A, abs(n)) for n in (collateral, debt) if n]

    def test_the_pause_queues_and_executes_plans(self, registry):
        types, values = ["address", "bytes32", "bytes", "uint256"], (A, ID, b"\x01\x02", 99)
        for call, step in (("plot", "queued"), ("exec", "executed"), ("drop", "cancelled")):
            log = noted(f"{call}(address,bytes32,bytes,uint256)", types, *values, note="dappsys")
            fields = proposal(A, step, actor=D, targets=(A,), calls=("0x0102",), earliest=99)
            assert notes(registry, log, "dappsys") == [expected(Proposal, "dappsys", **fields)]

    def test_the_chief_lifts_the_hat(self, registry):
        log = noted("lift(address)", ["address"], A, note="dappsys")
        assert notes(registry, log, "dappsys") == [expected(ParameterChange, "dappsys", **change("hat", A))]

    def test_other_calls_are_decoded_and_say_nothing(self, registry):
        assert notes(registry, noted("drip(bytes32)", ["bytes32"], ID)) == []


def test_a_diamond_is_cut(registry):
    cuts = [(A, 0, [b"\x01\x02\x03\x04"]), (B, 1, []), (ZERO_ADDRESS, 2, [b"\x05\x06\x07\x08", b"\x09\x0a\x0b\x0c"])]
    added, replaced, removed = said(registry, "diamond", "DiamondCut", cuts, C, b"")
    assert added == expected(Upgrade, "diamond", implementation=A, what="implementation")
    assert replaced.implementation == B
    assert (removed.what, removed.before, removed.after) == ("functions", "0x05060708 0x090a0b0c", None)


def test_a_tellor_report_of_anything_but_a_word_is_no_price(registry):
    assert said(registry, "tellor", "NewReport", ID, 99, b"a longer answer than a number can be", 0, b"q", A) == []


def test_a_new_transmission_is_no_second_price(registry):
    """The AnswerUpdated that follows it says the same."""
    assert said(registry, "chainlink", "NewTransmission", 1, 5, A, [5, 6], b"\x01", ID) == []


# Emitted in recorded transactions, unless a comment says where else the hash was published.
SEEN = [
    ("aave_v1", "Deposit", "0xc12c57b1"),
    ("aave_v1", "RedeemUnderlying", "0x9c4ed599"),
    ("aave_v1", "LiquidationCall", "0x56864757"),
    ("aave_v1", "ReserveUpdated", "0x04e4f521"),
    ("aave_v1", "OriginationFeeLiquidated", "0x36ca8b16"),  # published Go bindings
    ("aave_v1", "InterestStreamRedirected", "0x5e3cad45"),  # published Go bindings
    ("aave_v2", "Borrow", "0xc6a89830"),
    ("aave_v2", "Deposit", "0xde685721"),
    ("aave_v2", "Repay", "0x4cdde6e0"),
    ("aave_v2", "ReserveDataUpdated", "0x804c9b84"),
    ("aave_v2", "Withdraw", "0x3115d144"),
    ("aave_v3", "Borrow", "0xb3d08482"),
    ("aave_v3", "Supply", "0x2b627736"),
    ("aave_v3", "Repay", "0xa534c8db"),
    ("aave_v3", "IsolationModeTotalDebtUpdated", "0xaef84d3b"),
    ("aave_v3", "ReserveUsedAsCollateralDisabled", "0x44c58d81"),
    ("aave_v3", "ReserveUsedAsCollateralEnabled", "0x00058a56"),
    ("aave_v3", "Accrued", "0x3303facd"),
    ("aave_v3", "RewardsClaimed", "0xc052130b"),
    ("aave_v3", "BalanceTransfer", "0x4beccb90"),
    ("aave_v3", "Mint", "0x458f5fa4"),
    ("aave_v3", "Burn", "0x4cf25bc1"),
    ("compound_v2", "AccrueInterest(uint256,uint256,uint256)", "0x875352fb"),
    ("compound_v2", "AccrueInterest(uint256,uint256,uint256,uint256)", "0x4dec04e7"),
    ("compound_v2", "Mint", "0x4c209b5f"),
    ("compound_v2", "Redeem", "0xe5b754fb"),
    ("compound_v2", "Borrow", "0x13ed6866"),
    ("compound_v2", "RepayBorrow", "0x1a2a22cb"),
    ("compound_v2", "LiquidateBorrow", "0x298637f6"),
    ("compound_v2", "ReservesAdded", "0xa91e67c5"),
    ("compound_v2", "Failure", "0x45b96fe4"),
    ("compound_v2", "MarketEntered", "0x3ab23ab0"),
    ("compound_v2", "MarketExited", "0xe699a64c"),
    ("compound_v2", "DistributedSupplierComp", "0x2caecd17"),
    ("compound_v2", "DistributedBorrowerComp", "0x1fc3ecc0"),
    ("venus", "Mint", "0xb4c03061"),
    ("venus", "Redeem", "0xbd5034ff"),
    ("compound_v3", "Supply", "0xd1cf3d15"),
    ("compound_v3", "WithdrawCollateral", "0xd6d480d5"),
    ("compound_v3", "RewardClaimed", "0x2422cac5"),
    ("morpho_blue", "AccrueInterest", "0x9d9bd501"),
    ("morpho_blue", "Supply", "0xedf88704"),
    ("morpho_blue", "Withdraw", "0xa56fc0ad"),
    ("morpho_blue", "BorrowRateUpdate", "0x7120161a"),
    ("metamorpho", "AccrueInterest(uint256,uint256)", "0xf66f28b4"),
    ("metamorpho", "UpdateLastTotalAssets", "0x15c027cc"),
    ("euler_v1", "AssetStatus", "0x2f2d732e"),
    ("euler_v1", "Withdraw", "0x9b1bfa7f"),
    ("euler_v1", "Borrow", "0x312a5e5e"),
    ("euler_v1", "Liquidation", "0xbba0f1d6"),
    ("euler_v1", "EnterMarket", "0x1c0971b8"),
    ("euler_v1", "RequestDonate", "0x1e090bfa"),
    ("euler_v1", "RequestMint", "0x7053340f"),
    ("euler_v1", "RequestLiquidate", "0x258be119"),
    ("euler_v1", "RequestWithdraw", "0x0afd74a2"),
    ("maker", "NewCdp", "0xd6be0bc1"),
    ("maker", "FlashLoan", "0x0d7d75e0"),
    ("maker", "SellGem", "0xef75f5a4"),
    ("maker", "BuyGem", "0x085d06ec"),
    ("maker", "DaiToUsds", "0x23889db6"),
    ("maker", "Referral", "0xb30a03a0"),
    ("maker", "Drip", "0xad1e8a53"),
    ("dappsys", "Burn", "0xcc16f5db"),
    ("dappsys", "LogSetOwner", "0xce241d7c"),
    ("dappsys", "LogSetAuthority", "0x1abebea8"),
    ("liquity", "TroveUpdated", "0xc3770d65"),
    ("liquity", "ActivePoolLUSDDebtUpdated", "0x0d4c964e"),
    ("liquity", "ActivePoolETHBalanceUpdated", "0xca232b5a"),
    ("liquity", "LastGoodPriceUpdated", "0x4d29de21"),
    ("liquity", "UserDepositChanged", "0xbce78369"),
    ("liquity", "ETHGainWithdrawn", "0x51457222"),
    ("liquity", "StakeChanged", "0x39df0e52"),
    ("chainlink", "AnswerUpdated", "0x0559884f"),
    ("chainlink", "NewRound", "0x0109fc6f"),
    ("chainlink", "NewTransmission", "0xf6a97944"),
    ("chainlink", "Transmitted", "0xb04e63db"),
    ("tellor", "NewReport", "0x48e9e2c7"),
    ("openzeppelin", "OwnershipTransferred", "0x8be0079c"),
    ("openzeppelin", "ProposalExecuted", "0x712ae138"),
    ("openzeppelin", "VoteCast", "0xb8e13888"),
    ("openzeppelin", "VoteCastWithParams", "0xe2babfba"),
    ("openzeppelin", "DelegateChanged", "0x3134e8a2"),
    ("openzeppelin", "DelegateVotesChanged", "0xdec2bacd"),
    ("openzeppelin", "Initialized(uint8)", "0x7f26b83f"),
    ("openzeppelin", "BeaconUpgraded", "0x1cf3b03a"),
    ("openzeppelin", "Upgraded", "0xbc7cd75a"),
    ("compound_bravo", "ExecuteTransaction", "0xa560e319"),
    ("aave_governance", "DelegatedPowerChanged", "0xa0a19463"),
    ("aave_governance", "AssetIndexUpdated", "0x5777ca30"),
    ("aave_governance", "UserIndexUpdated", "0xbb123b5c"),
    ("aave_governance", "RewardsAccrued", "0x2468f926"),
    ("aave_governance", "Staked", "0x6c86f3fd"),
    ("aave_governance", "Redeem", "0x3f693fff"),
    ("eip4337", "Deposited", "0x2da466a7"),
    ("eip4337", "Withdrawn", "0xd1c19fbc"),
]


@pytest.mark.parametrize(("protocol", "event", "topic_start"), SEEN, ids=[f"{s[0]}-{s[1]}" for s in SEEN])
def test_topics_are_those_seen_on_chain(registry, protocol, event, topic_start):
    own = registry.of(protocol)
    topics = {k.spec.topic0[:10] for k in own.known if event in (k.spec.name, k.spec.signature)}
    assert topic_start in topics
