// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {DrillAggregator} from "../drill/DrillAggregator.sol";
import {FeedPriceSource} from "../drill/FeedPriceSource.sol";
import {DrillWorld} from "./DrillWorld.sol";

contract PriceSourcesTest is DrillWorld {
    function test_feedAndPoolAgreeAtFirst() public view {
        assertEq(feedSource.price(), 2_000 * USD);
        assertEq(spotSource.price(), 2_000 * USD);
    }

    function test_aSwapMovesThePoolAndNotTheFeed() public {
        _swap(router, asset, collateral, 6_000_000 * USD);
        assertGt(spotSource.price(), 15 * 2_000 * USD);
        assertEq(feedSource.price(), 2_000 * USD);
    }

    function test_feedPriceFollowsTheAnswer() public {
        vm.expectEmit(address(aggregator));
        emit DrillAggregator.NewRound(2, address(this), block.timestamp);
        vm.expectEmit(address(aggregator));
        emit DrillAggregator.AnswerUpdated(1_234_56789012, 2, block.timestamp);
        aggregator.updateAnswer(1_234_56789012);
        assertEq(feedSource.price(), 1_234_567890);
        (, int256 first,,,) = aggregator.getRoundData(1);
        assertEq(first, 2_000e8);
    }

    function test_aStaleAnswerIsRefused() public {
        uint256 reported = block.timestamp;
        vm.warp(reported + 1 days);
        feedSource.price();
        vm.warp(reported + 1 days + 1);
        vm.expectRevert(abi.encodeWithSelector(FeedPriceSource.StalePrice.selector, reported, 1 days));
        feedSource.price();
    }

    function test_anAnswerThatIsNotPositiveIsRefused() public {
        aggregator.updateAnswer(0);
        vm.expectRevert(abi.encodeWithSelector(FeedPriceSource.BadPrice.selector, 0));
        feedSource.price();
        aggregator.updateAnswer(-1);
        vm.expectRevert(abi.encodeWithSelector(FeedPriceSource.BadPrice.selector, -1));
        feedSource.price();
    }

    function test_onlyTheOwnerReports() public {
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, user));
        vm.prank(user);
        aggregator.updateAnswer(1e8);
    }

    function test_anUnknownRoundHasNoData() public {
        vm.expectRevert(DrillAggregator.NoDataPresent.selector);
        aggregator.getRoundData(9);
    }
}
