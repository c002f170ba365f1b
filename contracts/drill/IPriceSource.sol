// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title What a lending market asks of an oracle
interface IPriceSource {
    /// @return Asset base units per 1e18 collateral base units: 2000e6 when the asset has 6 decimals, the
    ///         collateral has 18 and one collateral token is worth 2,000 asset tokens.
    function price() external view returns (uint256);
}
