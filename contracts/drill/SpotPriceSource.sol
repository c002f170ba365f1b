// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IPriceSource} from "./IPriceSource.sol";
import {IUniswapV2Pair} from "./IUniswapV2.sol";

/// @title The unsafe way to price collateral: what a pool holds right now
/// @notice DELIBERATELY VULNERABLE. Whoever swaps in the pool sets this price within the same transaction; it is
///         the flaw that the drill's attackers use. Never copy it into a protocol.
contract SpotPriceSource is IPriceSource {
    IUniswapV2Pair public immutable pair;
    bool private immutable _COLLATERAL_IS_TOKEN0;

    constructor(IUniswapV2Pair pair_, address collateral) {
        pair = pair_;
        _COLLATERAL_IS_TOKEN0 = pair_.token0() == collateral;
    }

    /// @inheritdoc IPriceSource
    function price() external view returns (uint256) {
        (uint256 reserve0, uint256 reserve1,) = pair.getReserves();
        (uint256 collateral, uint256 asset) =
            _COLLATERAL_IS_TOKEN0 ? (reserve0, reserve1) : (reserve1, reserve0);
        return asset * 1e18 / collateral;
    }
}
