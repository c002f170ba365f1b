// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {LendingMarket} from "../drill/LendingMarket.sol";
import {DrillWorld, FlashDummy} from "./DrillWorld.sol";

contract LendingMarketTest is DrillWorld {
    LendingMarket private market;
    FlashDummy private borrower;

    function setUp() public override {
        super.setUp();
        market = safeMarket;
        borrower = new FlashDummy();
        asset.mint(address(borrower), 1_000_000 * USD);
    }

    // Books

    function test_depositAndWithdrawReturnTheSame() public {
        _give(asset, user, address(market), 500 * USD);
        vm.startPrank(user);
        market.deposit(500 * USD);
        assertEq(market.depositOf(user), 500 * USD);
        market.withdraw(500 * USD);
        vm.stopPrank();
        assertEq(asset.balanceOf(user), 500 * USD);
        assertEq(market.cash(), market.totalDeposits());
    }

    function test_nobodyWithdrawsMoreThanTheirOwn() public {
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.NotEnoughDeposit.selector, 1, 0));
        vm.prank(user);
        market.withdraw(1);
    }

    function test_aLenderCannotWithdrawWhatIsLentOut() public {
        _open(market, user, 20_000 * ETH, 15_000_000 * USD);
        vm.expectRevert(
            abi.encodeWithSelector(LendingMarket.NotEnoughCash.selector, 20_000_000 * USD, 5_000_000 * USD)
        );
        vm.prank(lenderAccount);
        market.withdraw(20_000_000 * USD);
    }

    function test_borrowAtTheLimitSaysThePriceItUsed() public {
        _open(market, user, 10 * ETH, 0);
        vm.expectEmit(address(market));
        emit LendingMarket.Borrow(user, 15_000 * USD, 2_000 * USD);
        vm.prank(user);
        market.borrow(15_000 * USD);
        assertEq(market.debtOf(user), 15_000 * USD);
        assertEq(market.totalDebt(), 15_000 * USD);
        assertEq(market.totalCollateral(), 10 * ETH);
        assertEq(market.healthFactor(user), uint256(16e18) / 15);
    }

    function test_borrowOneUnitBeyondTheLimitFails() public {
        _open(market, user, 10 * ETH, 0);
        vm.expectRevert(
            abi.encodeWithSelector(LendingMarket.NotEnoughCollateral.selector, 15_000 * USD + 1, 15_000 * USD)
        );
        vm.prank(user);
        market.borrow(15_000 * USD + 1);
    }

    function test_collateralBehindDebtStays() public {
        _open(market, user, 10 * ETH, 15_000 * USD);
        vm.expectPartialRevert(LendingMarket.NotEnoughCollateral.selector);
        vm.prank(user);
        market.withdrawCollateral(1);
    }

    function test_whoOwesNothingWithdrawsCollateralEvenIfTheFeedIsStale() public {
        _open(market, user, 10 * ETH, 0);
        vm.warp(block.timestamp + 2 days);
        vm.prank(user);
        market.withdrawCollateral(10 * ETH);
        assertEq(collateral.balanceOf(user), 10 * ETH);
    }

    function test_repayTakesNoMoreThanTheDebtAndWorksForOthers() public {
        _open(market, user, 10 * ETH, 5_000 * USD);
        address friend = makeAddr("friend");
        _give(asset, friend, address(market), 9_000 * USD);
        vm.prank(friend);
        assertEq(market.repay(user, 9_000 * USD), 5_000 * USD);
        assertEq(asset.balanceOf(friend), 4_000 * USD);
        assertEq(market.debtOf(user), 0);
    }

    function test_healthyAccountsAreNotLiquidated() public {
        _open(market, user, 10 * ETH, 15_000 * USD);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.Healthy.selector, user));
        market.liquidate(user, 1 * USD);
    }

    function test_liquidationPaysTheBonusAndAtMostHalf() public {
        _open(market, user, 10 * ETH, 15_000 * USD);
        aggregator.updateAnswer(1_800e8);
        _give(asset, attacker, address(market), 15_000 * USD);
        vm.startPrank(attacker);
        vm.expectRevert(
            abi.encodeWithSelector(LendingMarket.TooMuchRepaid.selector, 7_500 * USD + 1, 7_500 * USD)
        );
        market.liquidate(user, 7_500 * USD + 1);
        uint256 seized = market.liquidate(user, 7_500 * USD);
        vm.stopPrank();
        assertEq(seized, 7_875 * ETH / 1_800);
        assertEq(collateral.balanceOf(attacker), seized);
        assertEq(market.collateralOf(user), 10 * ETH - seized);
        assertEq(market.debtOf(user), 7_500 * USD);
    }

    // Flash loans

    function test_flashLoanIsRepaidWithItsFee() public {
        uint256 before = market.cash();
        vm.expectEmit(address(market));
        emit LendingMarket.FlashLoan(address(borrower), address(asset), 1_000_000 * USD, 500 * USD);
        market.flashLoan(borrower, address(asset), 1_000_000 * USD, "");
        assertEq(market.cash(), before + 500 * USD);
    }

    function test_flashLoanWithoutItsFeeFails() public {
        borrower.set(1, keccak256("ERC3156FlashBorrower.onFlashLoan"), "");
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        market.flashLoan(borrower, address(asset), 1_000_000 * USD, "");
    }

    function test_flashLoanToAContractThatDidNotAskFails() public {
        borrower.set(0, bytes32(0), "");
        vm.expectRevert(LendingMarket.FlashLoanRefused.selector);
        market.flashLoan(borrower, address(asset), 1 * USD, "");
    }

    function test_flashLoanCannotBeDepositedAsOwn() public {
        borrower.set(
            0, keccak256("ERC3156FlashBorrower.onFlashLoan"), abi.encodeCall(LendingMarket.deposit, (1 * USD))
        );
        vm.expectRevert(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
        market.flashLoan(borrower, address(asset), 1 * USD, "");
    }

    function test_onlyTheAssetIsFlashLent() public {
        assertEq(market.maxFlashLoan(address(collateral)), 0);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.UnsupportedToken.selector, address(collateral)));
        market.flashFee(address(collateral), 1);
    }

    // Authority

    function test_onlyTheGuardianPauses() public {
        address[3] memory others = [governance, user, lenderAccount];
        for (uint256 i = 0; i < others.length; ++i) {
            _expectUnauthorised(others[i], market.GUARDIAN_ROLE());
            vm.prank(others[i]);
            market.pause();
        }
        _pause(market);
        assertTrue(market.paused());
    }

    function test_onlyGovernanceUnpauses() public {
        _pause(market);
        _expectUnauthorised(guardian, market.DEFAULT_ADMIN_ROLE());
        vm.prank(guardian);
        market.unpause();
        vm.prank(governance);
        market.unpause();
        assertFalse(market.paused());
    }

    function test_onlyGovernanceSetsThePriceSource() public {
        _expectUnauthorised(guardian, market.DEFAULT_ADMIN_ROLE());
        vm.prank(guardian);
        market.setPriceSource(spotSource);
        vm.expectEmit(address(market));
        emit LendingMarket.PriceSourceChanged(address(feedSource), address(spotSource));
        vm.prank(governance);
        market.setPriceSource(spotSource);
        assertEq(address(market.priceSource()), address(spotSource));
    }

    // Pause

    function test_aPauseStopsWhatCanLoseMoney() public {
        _open(market, user, 10 * ETH, 1_000 * USD);
        _pause(market);
        vm.startPrank(user);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        market.borrow(1);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        market.withdrawCollateral(1);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        market.deposit(1);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        market.flashLoan(borrower, address(asset), 1, "");
        vm.stopPrank();
        assertEq(market.maxFlashLoan(address(asset)), 0);
    }

    function test_aPauseLeavesTheWayOutOpen() public {
        _open(market, user, 10 * ETH, 15_000 * USD);
        aggregator.updateAnswer(1_800e8);
        _pause(market);
        _give(asset, attacker, address(market), 1_000 * USD);
        vm.prank(attacker);
        market.liquidate(user, 1_000 * USD);
        vm.startPrank(user);
        asset.approve(address(market), 1_000 * USD);
        market.repay(user, 1_000 * USD);
        vm.stopPrank();
        _open(market, user, 1 * ETH, 0);
        vm.prank(lenderAccount);
        market.withdraw(1 * USD);
        assertEq(market.debtOf(user), 13_000 * USD);
    }

    // Fuzz

    function testFuzz_noBorrowBeyondTheLimitAtTheSourcesPrice(uint96 held, uint96 wanted, uint64 price)
        public
    {
        uint256 collateralAmount = bound(held, 1e12, 1_000_000 * ETH);
        uint256 amount = bound(wanted, 1, market.cash());
        aggregator.updateAnswer(int256(bound(price, 1e8, 100_000e8)));
        _open(market, user, collateralAmount, 0);
        uint256 limit = collateralAmount * feedSource.price() / 1e18 * 7_500 / 10_000;

        vm.prank(user);
        try market.borrow(amount) {
            assertLe(amount, limit);
            assertGe(market.healthFactor(user), 1e18);
        } catch {
            assertGt(amount, limit);
            assertEq(market.debtOf(user), 0);
        }
    }

    function testFuzz_cashAndDebtAreDepositsAndFees(uint64[6] memory amounts, uint64 price) public {
        _give(asset, user, address(market), type(uint96).max);
        _give(collateral, user, address(market), type(uint96).max);
        vm.startPrank(user);
        market.deposit(bound(amounts[0], 1, 1e15));
        market.depositCollateral(bound(amounts[1], 1e15, 5_000 * ETH));
        market.borrow(bound(amounts[2], 1, market.collateralOf(user) * 1_500e6 / 1e18));
        uint256 loan = bound(amounts[3], 0, 1_000_000 * USD);
        uint256 fees = market.flashFee(address(asset), loan);
        market.flashLoan(borrower, address(asset), loan, "");
        vm.stopPrank();
        aggregator.updateAnswer(int256(bound(price, 1e8, 2_000e8)));
        vm.startPrank(user);
        if (market.healthFactor(user) < 1e18) market.liquidate(user, (market.debtOf(user) + 1) / 2);
        market.repay(user, bound(amounts[4], 1, 1e15));
        market.withdraw(bound(amounts[5], 1, market.depositOf(user)));
        vm.stopPrank();

        assertEq(market.cash() + market.totalDebt(), market.totalDeposits() + fees);
        assertEq(market.totalDebt(), market.debtOf(user));
        assertEq(market.totalCollateral(), market.collateralOf(user));
        assertEq(market.totalCollateral(), collateral.balanceOf(address(market)));
    }

    function testFuzz_flashFeeIsNeverZero(uint96 amount) public view {
        vm.assume(amount > 0);
        uint256 fee = market.flashFee(address(asset), amount);
        assertGe(fee * 10_000, uint256(amount) * 5);
        assertGt(fee, 0);
    }

    function _expectUnauthorised(address account, bytes32 role) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, account, role)
        );
    }
}
