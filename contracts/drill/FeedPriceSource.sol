// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IAggregatorV3} from "./IAggregatorV3.sol";
import {IPriceSource} from "./IPriceSource.sol";

/// @title The safe way to price collateral: a Chainlink feed, checked
/// @notice No trade inside a transaction moves this price, so a flash loan has nothing to gain.
/// @dev The asset is taken to be worth one unit of the feed's quote currency (a dollar stablecoin under an
///      ETH / USD feed), and the collateral to have 18 decimals.
contract FeedPriceSource is IPriceSource {
    error StalePrice(uint256 updatedAt, uint256 maxAgeSeconds);
    error BadPrice(int256 answer);

    IAggregatorV3 public immutable feed;
    uint256 public immutable maxAgeSeconds;
    uint256 private immutable _ASSET_UNIT;
    uint256 private immutable _FEED_UNIT;

    constructor(IAggregatorV3 feed_, uint8 assetDecimals, uint256 maxAgeSeconds_) {
        feed = feed_;
        maxAgeSeconds = maxAgeSeconds_;
        _ASSET_UNIT = 10 ** assetDecimals;
        _FEED_UNIT = 10 ** feed_.decimals();
    }

    /// @inheritdoc IPriceSource
    function price() external view returns (uint256) {
        (, int256 answer,, uint256 updatedAt,) = feed.latestRoundData();
        if (answer <= 0) revert BadPrice(answer);
        if (block.timestamp > updatedAt + maxAgeSeconds) revert StalePrice(updatedAt, maxAgeSeconds);
        // forge-lint: disable-next-line(unsafe-typecast) -- positive, checked above
        return uint256(answer) * _ASSET_UNIT / _FEED_UNIT;
    }
}
