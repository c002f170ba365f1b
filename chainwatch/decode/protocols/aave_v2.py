"""Aave v2: as v3, with the events that differ. The pool is the address, the reserve the token.

The pool is paused as a whole (Paused without parameters); aTokens and debt tokens repeat in Mint and Burn what the
pool has said, and no position is read from them.
"""

from chainwatch.decode.protocols.aave_v3 import (
    BORROW,
    DELEGATION,
    FLASH_LOAN,
    LIQUIDATION,
    REPAY,
    RESERVE_DATA,
    WITHDRAW,
    change,
    limits,
)
from chainwatch.decode.protocols.base import Mappers, Says, expr, literal, says
from chainwatch.types import Deposit, ParameterChange, PauseChange


def _flag(what: str, value: int) -> Says:
    return says(ParameterChange, what=literal(what), subject="asset", after=value)


def _of_pool(what: str) -> Says:
    return change(what, "newAddress", subject=None)


MAPPERS: Mappers = {
    "Deposit(address,address,address,uint256,uint16)": says(
        Deposit, account="onBehalfOf", token="reserve", amount="amount"
    ),
    "Withdraw(address,address,address,uint256)": WITHDRAW,
    "Borrow(address,address,address,uint256,uint256,uint256,uint16)": BORROW,
    "Repay(address,address,address,uint256)": REPAY,
    "LiquidationCall(address,address,address,uint256,uint256,address,bool)": LIQUIDATION,
    "FlashLoan(address,address,address,uint256,uint256,uint16)": FLASH_LOAN,
    "ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)": RESERVE_DATA,
    "BorrowAllowanceDelegated(address,address,address,uint256)": DELEGATION,
    "Paused()": says(PauseChange, paused=True, actor=None),
    "Unpaused()": says(PauseChange, paused=False, actor=None),
    # LendingPoolConfigurator
    "ReserveFrozen(address)": says(PauseChange, paused=True, actor=None, scope=expr("'frozen ' + {asset}")),
    "ReserveUnfrozen(address)": says(PauseChange, paused=False, actor=None, scope=expr("'frozen ' + {asset}")),
    "ReserveActivated(address)": _flag("active", 1),
    "ReserveDeactivated(address)": _flag("active", 0),
    "BorrowingEnabledOnReserve(address,bool)": _flag("borrowing", 1),
    "BorrowingDisabledOnReserve(address)": _flag("borrowing", 0),
    "StableRateEnabledOnReserve(address)": _flag("stable_rate_borrowing", 1),
    "StableRateDisabledOnReserve(address)": _flag("stable_rate_borrowing", 0),
    "ReserveInitialized(address,address,address,address,address)": change("reserve", "aToken"),
    "ReserveFactorChanged(address,uint256)": change("reserve_factor", "factor"),
    "ReserveDecimalsChanged(address,uint256)": change("decimals", "decimals"),
    "ReserveInterestRateStrategyChanged(address,address)": change("interest_rate_strategy", "strategy"),
    "CollateralConfigurationChanged(address,uint256,uint256,uint256)": limits("aave_v2"),
    # LendingPoolAddressesProvider. A proxy that it upgrades says so itself (Upgraded).
    "LendingPoolUpdated(address)": _of_pool("pool"),
    "LendingPoolConfiguratorUpdated(address)": _of_pool("pool_configurator"),
    "LendingPoolCollateralManagerUpdated(address)": _of_pool("collateral_manager"),
    "ConfigurationAdminUpdated(address)": _of_pool("pool_admin"),
    "EmergencyAdminUpdated(address)": _of_pool("emergency_admin"),
    "PriceOracleUpdated(address)": _of_pool("price_oracle"),
    "LendingRateOracleUpdated(address)": _of_pool("lending_rate_oracle"),
    "AddressSet(bytes32,address,bool)": change("address", "newAddress", subject="id"),
    # AaveOracle
    "AssetSourceUpdated(address,address)": change("price_source", "source"),
    "FallbackOracleUpdated(address)": change("fallback_oracle", "fallbackOracle", subject=None),
}
