// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {FlashTrader} from "./Trader.sol";
import {IUniswapV2Router} from "./IUniswapV2.sol";
import {LendingMarket} from "./LendingMarket.sol";

/// @title A benign user of flash loans: repays an unhealthy debt for its collateral
/// @notice Keeps the market solvent; must not raise an alarm, and no pause may stop it.
/// @dev Borrows from another market than it liquidates in, since each guards itself against re-entry.
contract FlashLiquidator is FlashTrader {
    using SafeERC20 for IERC20;

    LendingMarket public immutable market;
    IUniswapV2Router public immutable router;

    constructor(LendingMarket lender_, LendingMarket market_, IUniswapV2Router router_) FlashTrader(lender_) {
        market = market_;
        router = router_;
    }

    function liquidate(address account, uint256 repayAmount) external onlyOwner {
        _flash(repayAmount, abi.encode(account));
    }

    function _useLoan(uint256 amount, uint256, bytes calldata plan) internal override {
        asset.forceApprove(address(market), amount);
        market.liquidate(abi.decode(plan, (address)), amount);
        _swap(router, collateral, asset, _held(collateral));
    }
}
