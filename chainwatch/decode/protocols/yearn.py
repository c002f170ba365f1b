"""Yearn: vaults of version 2 and what version 3 adds to ERC-4626.

A vault of version 2 deposits and withdraws for the recipient, who as a rule is the owner of the shares. Reports are the
vault's totals in its own asset: `total_borrowed` is what a strategy holds.
"""

from chainwatch.decode.mappers import amount_of_two, change
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import Deposit, IndexUpdate, PauseChange, RoleChange, Withdraw

MAPPERS: Mappers = {
    "Deposit(address,uint256,uint256)": amount_of_two(Deposit, "yearn", second=True),
    "Withdraw(address,uint256,uint256)": amount_of_two(Withdraw, "yearn", second=True),
    "StrategyAdded(address,uint256,uint256,uint256,uint256)": says(
        RoleChange, role=literal("strategy"), account="strategy", granted=True, actor=None
    ),
    "StrategyRevoked(address)": says(
        RoleChange, role=literal("strategy"), account="strategy", granted=False, actor=None
    ),
    "StrategyMigrated(address,address)": change("strategy", "newVersion", "oldVersion"),
    "StrategyReported(address,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)": says(
        IndexUpdate, market=EMITTER, total_borrowed="totalDebt"
    ),
    "StrategyReported(address,uint256,uint256,uint256,uint256,uint256,uint256)": says(
        IndexUpdate, market=EMITTER, total_borrowed="current_debt"
    ),
    "StrategyUpdateDebtRatio(address,uint256)": change("debtRatio", "debtRatio", subject="strategy"),
    "StrategyUpdatePerformanceFee(address,uint256)": change("performanceFee", "performanceFee", subject="strategy"),
    "UpdateGovernance(address)": says(
        RoleChange, role=literal("governance"), account="governance", granted=True, actor=None
    ),
    "UpdateManagement(address)": says(
        RoleChange, role=literal("management"), account="management", granted=True, actor=None
    ),
    "UpdateGuardian(address)": says(RoleChange, role=literal("guardian"), account="guardian", granted=True, actor=None),
    "UpdateRewards(address)": change("rewards", "rewards"),
    "UpdateDepositLimit(uint256)": change("depositLimit", "depositLimit"),
    "UpdatePerformanceFee(uint256)": change("performanceFee", "performanceFee"),
    "UpdateManagementFee(uint256)": change("managementFee", "managementFee"),
    "LockedProfitDegradationUpdated(uint256)": change("lockedProfitDegradation", "value"),
    "EmergencyShutdown(bool)": says(PauseChange, paused="active", actor=None),
    # Version 3. A change of kind 1 adds a strategy, 2 revokes it.
    "StrategyChanged(address,uint256)": says(
        RoleChange, role=literal("strategy"), account="strategy", granted=expr("{change_type} == 1"), actor=None
    ),
    "RoleSet(address,uint256)": change("roles", "role", subject="account"),
    "UpdateRoleManager(address)": says(
        RoleChange, role=literal("role manager"), account="role_manager", granted=True, actor=None
    ),
    "UpdateAccountant(address)": change("accountant", "accountant"),
    "UpdateDepositLimitModule(address)": change("deposit_limit_module", "deposit_limit_module"),
    "UpdateWithdrawLimitModule(address)": change("withdraw_limit_module", "withdraw_limit_module"),
    "UpdateMinimumTotalIdle(uint256)": change("minimum_total_idle", "minimum_total_idle"),
    "UpdateProfitMaxUnlockTime(uint256)": change("profit_max_unlock_time", "profit_max_unlock_time"),
    "UpdatedMaxDebtForStrategy(address,address,uint256)": change("max_debt", "new_debt", subject="strategy"),
    "Shutdown()": says(PauseChange, paused=True, actor=None),
    "StrategyShutdown()": says(PauseChange, paused=True, actor=None),
}
