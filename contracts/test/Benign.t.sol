// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FlashArbitrageur} from "../drill/FlashArbitrageur.sol";
import {FlashLiquidator} from "../drill/FlashLiquidator.sol";
import {LeverageLooper} from "../drill/LeverageLooper.sol";
import {DrillWorld} from "./DrillWorld.sol";

contract BenignTest is DrillWorld {
    function test_arbitrageClosesAGapAndEarns() public {
        vm.prank(user);
        FlashArbitrageur arbitrageur = new FlashArbitrageur(safeMarket);
        _swap(otherRouter, asset, collateral, 20_000 * USD);
        vm.prank(user);
        arbitrageur.arbitrage(router, otherRouter, 10_000 * USD);
        assertGt(asset.balanceOf(user), 100 * USD);
        assertEq(unsafeMarket.cash(), 1_500_000 * USD);
    }

    function test_arbitrageWithoutAGapFails() public {
        vm.startPrank(user);
        FlashArbitrageur arbitrageur = new FlashArbitrageur(safeMarket);
        vm.expectRevert();
        arbitrageur.arbitrage(router, otherRouter, 10_000 * USD);
    }

    function test_liquidationEarnsAlsoWhilePaused() public {
        address borrower = makeAddr("borrower");
        _open(unsafeMarket, borrower, 12 * ETH, 18_000 * USD);
        _swap(router, collateral, asset, 50 * ETH);
        assertLt(unsafeMarket.healthFactor(borrower), 1e18);
        _pause(unsafeMarket);
        address keeper = makeAddr("keeper");
        vm.startPrank(keeper);
        new FlashLiquidator(safeMarket, unsafeMarket, router).liquidate(borrower, 9_000 * USD);
        assertGt(asset.balanceOf(keeper), 50 * USD);
        assertEq(unsafeMarket.debtOf(borrower), 9_000 * USD);
    }

    function test_leverageLoopEndsHealthy() public {
        vm.prank(user);
        LeverageLooper looper = new LeverageLooper(unsafeMarket, router);
        _give(collateral, user, address(looper), 10 * ETH);
        vm.prank(user);
        looper.loop(10 * ETH, 5_000, 3);
        assertGt(unsafeMarket.collateralOf(address(looper)), 18 * ETH);
        assertGt(unsafeMarket.healthFactor(address(looper)), 1.5e18);
    }

    function test_leverageLoopBeyondTheLimitFails() public {
        vm.prank(user);
        LeverageLooper looper = new LeverageLooper(unsafeMarket, router);
        _give(collateral, user, address(looper), 10 * ETH);
        vm.expectRevert();
        vm.prank(user);
        looper.loop(10 * ETH, 7_600, 1);
    }
}
