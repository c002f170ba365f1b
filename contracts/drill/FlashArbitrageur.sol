// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FlashTrader} from "./Trader.sol";
import {IUniswapV2Router} from "./IUniswapV2.sol";
import {LendingMarket} from "./LendingMarket.sol";

/// @title A benign user of flash loans: buys in the cheap pool, sells in the dear one
/// @notice Brings two pools together and takes from nobody but their traders; must not raise an alarm.
contract FlashArbitrageur is FlashTrader {
    constructor(LendingMarket lender_) FlashTrader(lender_) {}

    /// @notice Reverts when the trade does not pay for the loan.
    function arbitrage(IUniswapV2Router cheap, IUniswapV2Router dear, uint256 amount) external onlyOwner {
        _flash(amount, abi.encode(cheap, dear));
    }

    function _useLoan(uint256 amount, uint256, bytes calldata plan) internal override {
        (IUniswapV2Router cheap, IUniswapV2Router dear) =
            abi.decode(plan, (IUniswapV2Router, IUniswapV2Router));
        _swap(cheap, asset, collateral, amount);
        _swap(dear, collateral, asset, _held(collateral));
    }
}
