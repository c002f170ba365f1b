// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Trader} from "./Trader.sol";
import {IUniswapV2Router} from "./IUniswapV2.sol";
import {LendingMarket} from "./LendingMarket.sol";

/// @title A benign user who borrows to buy more of what it has
/// @notice Swaps and borrows by turns in one transaction, as an attack does, yet at an honest price; must not raise
///         an alarm. The position stays here, in this contract's name.
contract LeverageLooper is Trader {
    using SafeERC20 for IERC20;

    LendingMarket public immutable market;
    IUniswapV2Router public immutable router;
    IERC20 public immutable asset;
    IERC20 public immutable collateral;

    constructor(LendingMarket market_, IUniswapV2Router router_) {
        market = market_;
        router = router_;
        asset = market_.asset();
        collateral = market_.collateral();
    }

    /// @param amount Collateral brought by the owner, who must have approved it.
    /// @param borrowBps Share of each round's collateral value that is borrowed.
    /// @param rounds How often the borrowed asset is swapped into collateral and deposited.
    function loop(uint256 amount, uint256 borrowBps, uint256 rounds) external onlyOwner {
        collateral.safeTransferFrom(msg.sender, address(this), amount);
        for (uint256 round = 0; round < rounds; ++round) {
            uint256 added = _depositAll();
            market.borrow(added * market.priceSource().price() / 1e18 * borrowBps / 10_000);
            _swap(router, asset, collateral, _held(asset));
        }
        _depositAll();
    }

    function _depositAll() private returns (uint256 amount) {
        amount = _held(collateral);
        collateral.forceApprove(address(market), amount);
        market.depositCollateral(amount);
    }
}
