// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {FlashAttacker} from "../drill/FlashAttacker.sol";
import {LendingMarket} from "../drill/LendingMarket.sol";
import {StagedAttacker} from "../drill/StagedAttacker.sol";
import {DrillWorld} from "./DrillWorld.sol";

contract AttackTest is DrillWorld {
    FlashAttacker.Plan private plan = FlashAttacker.Plan(6_000_000 * USD, 40 * ETH, 700_000 * USD, false);
    FlashAttacker private flash;
    StagedAttacker private staged;

    function setUp() public override {
        super.setUp();
        vm.startPrank(attacker);
        flash = new FlashAttacker(safeMarket, unsafeMarket, router);
        staged = new StagedAttacker(unsafeMarket, router);
        vm.stopPrank();
    }

    function test_theSpotMarketLosesAndTheAttackerGains() public {
        vm.prank(attacker);
        flash.attack(plan);
        assertEq(unsafeMarket.cash(), 800_000 * USD);
        assertGt(asset.balanceOf(attacker), 500_000 * USD);
        assertLt(unsafeMarket.healthFactor(address(flash)), 0.1e18);
        assertEq(safeMarket.cash(), 20_000_000 * USD + 3_000 * USD);
    }

    function test_undefendedASecondAttackTakesMostOfTheRest() public {
        vm.startPrank(attacker);
        flash.attack(plan);
        uint256 gained = asset.balanceOf(attacker);
        flash.attack(plan);
        vm.stopPrank();
        assertEq(unsafeMarket.cash(), 100_000 * USD);
        assertGt(asset.balanceOf(attacker), gained + 500_000 * USD);
    }

    function test_theFeedMarketIsImmune() public {
        vm.startPrank(attacker);
        LendingMarket guarded = _deployMarketAs(1_500_000 * USD);
        FlashAttacker other = new FlashAttacker(safeMarket, guarded, router);
        vm.expectRevert(
            abi.encodeWithSelector(LendingMarket.NotEnoughCollateral.selector, 700_000 * USD, 60_000 * USD)
        );
        other.attack(plan);
        vm.stopPrank();
    }

    function testFuzz_noSizeOfFlashLoanBeatsTheFeedMarket(uint64 flashAmount, uint64 borrowAmount) public {
        plan.flashAmount = bound(flashAmount, 100_000 * USD, 20_000_000 * USD);
        plan.borrowAmount = bound(borrowAmount, 60_000 * USD + 1, 1_500_000 * USD);
        vm.startPrank(attacker);
        FlashAttacker other = new FlashAttacker(safeMarket, _deployMarketAs(1_500_000 * USD), router);
        vm.expectPartialRevert(LendingMarket.NotEnoughCollateral.selector);
        other.attack(plan);
        vm.stopPrank();
    }

    function test_aPauseMakesTheAttackFail() public {
        _pause(unsafeMarket);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        vm.prank(attacker);
        flash.attack(plan);
        assertEq(unsafeMarket.cash(), 1_500_000 * USD);
    }

    function test_aSwallowedRefusalSucceedsAndTakesNothing() public {
        plan.swallow = true;
        _give(asset, attacker, address(flash), 100_000 * USD);
        _pause(unsafeMarket);
        vm.expectEmit(address(flash));
        emit FlashAttacker.Refused(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        vm.prank(attacker);
        flash.attack(plan);
        assertEq(unsafeMarket.cash(), 1_500_000 * USD);
        assertEq(unsafeMarket.totalCollateral(), 0);
        assertLt(asset.balanceOf(attacker), 100_000 * USD);
    }

    function test_theSwallowingVariantTakesAsMuchWhenNothingIsPaused() public {
        plan.swallow = true;
        vm.prank(attacker);
        flash.attack(plan);
        assertEq(unsafeMarket.cash(), 800_000 * USD);
    }

    function test_stagedTakesChunkByChunkUntilPaused() public {
        _give(asset, attacker, address(staged), 6_000_000 * USD);
        vm.startPrank(attacker);
        staged.pump(6_000_000 * USD, 40 * ETH);
        staged.borrowChunk(175_000 * USD);
        staged.borrowChunk(175_000 * USD);
        vm.stopPrank();
        _pause(unsafeMarket);
        vm.startPrank(attacker);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        staged.borrowChunk(175_000 * USD);
        staged.dump();
        vm.stopPrank();
        assertEq(unsafeMarket.cash(), 1_150_000 * USD);
        assertGt(asset.balanceOf(attacker), 6_100_000 * USD);
    }

    function test_nobodyElseStartsOrEntersTheAttack() public {
        vm.expectRevert();
        vm.prank(user);
        flash.attack(plan);
        vm.expectRevert(FlashAttacker.OnlyMyself.selector);
        flash.take(1, 1);
        vm.expectRevert();
        flash.onFlashLoan(address(flash), address(asset), 1, 0, "");
    }

    function _deployMarketAs(uint256 liquidity) private returns (LendingMarket market) {
        vm.stopPrank();
        market = _deployMarket(feedSource, liquidity);
        vm.startPrank(attacker);
    }
}
