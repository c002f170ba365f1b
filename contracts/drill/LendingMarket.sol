// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC3156FlashBorrower} from "@openzeppelin/contracts/interfaces/IERC3156FlashBorrower.sol";
import {IERC3156FlashLender} from "@openzeppelin/contracts/interfaces/IERC3156FlashLender.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IPriceSource} from "./IPriceSource.sol";

/// @title A small lending market: one asset lent, one collateral taken
/// @notice What the drills protect. It is as safe as the price source that governance gives it.
/// @dev Debt bears no interest and lenders earn nothing: a drill needs exact books, not yields. Flash-loan fees stay
///      in the market as a reserve, hence cash + debt = deposits + fees at all times.
///
///      A pause follows the rule of least harm. It stops what can take value out at a wrong price or bring new money
///      into danger: `borrow`, `withdrawCollateral`, `flashLoan`, `deposit`. It never stops what only lowers risk:
///      `repay`, `liquidate` and `depositCollateral`; nor a lender's `withdraw`, which pays one's own claim out of
///      cash and asks for no price. The cost is that lenders may run during a pause; holding their money would be
///      the worse harm, and governance can decide it with better knowledge than an automaton.
contract LendingMarket is AccessControl, Pausable, ReentrancyGuard, IERC3156FlashLender {
    using SafeERC20 for IERC20;

    /// @param ltvBps What an account may borrow, of its collateral's value.
    /// @param liquidationThresholdBps Debt above this share of the collateral's value may be liquidated.
    /// @param liquidationBonusBps What a liquidator receives above the value repaid.
    /// @param flashFeeBps Fee of a flash loan.
    struct Terms {
        uint16 ltvBps;
        uint16 liquidationThresholdBps;
        uint16 liquidationBonusBps;
        uint16 flashFeeBps;
    }

    /// @notice May pause, and nothing else: automation holds it, and automation may only reduce risk.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    uint256 private constant _BPS = 10_000;
    uint256 private constant _COLLATERAL_UNIT = 1e18; // the scale of IPriceSource.price
    /// @dev One liquidation repays at most half of a debt, as in Aave v2 and Compound v2.
    uint256 private constant _CLOSE_FACTOR_BPS = 5_000;
    bytes32 private constant _FLASH_CALLBACK = keccak256("ERC3156FlashBorrower.onFlashLoan"); // EIP-3156

    IERC20 public immutable asset;
    IERC20 public immutable collateral;
    uint256 public immutable ltvBps;
    uint256 public immutable liquidationThresholdBps;
    uint256 public immutable liquidationBonusBps;
    uint256 public immutable flashFeeBps;

    IPriceSource public priceSource;
    uint256 public totalDeposits;
    uint256 public totalDebt;
    uint256 public totalCollateral;
    mapping(address account => uint256) public depositOf;
    mapping(address account => uint256) public debtOf;
    mapping(address account => uint256) public collateralOf;

    // The third field keeps Deposit and Withdraw apart from WETH9's and ERC-4626's events of the same names.
    event Deposit(address indexed account, uint256 amount, uint256 totalDeposits);
    event Withdraw(address indexed account, uint256 amount, uint256 totalDeposits);
    event CollateralDeposited(address indexed account, uint256 amount);
    event CollateralWithdrawn(address indexed account, uint256 amount);
    event Borrow(address indexed account, uint256 amount, uint256 collateralPrice);
    event Repay(address indexed payer, address indexed account, uint256 amount);
    event Liquidation(
        address indexed liquidator,
        address indexed account,
        uint256 repaid,
        uint256 collateralSeized,
        uint256 collateralPrice
    );
    event FlashLoan(address indexed receiver, address indexed token, uint256 amount, uint256 fee);
    event PriceSourceChanged(address indexed previous, address indexed current);

    error ZeroAmount();
    error NotEnoughDeposit(uint256 asked, uint256 held);
    error NotEnoughCash(uint256 asked, uint256 cash);
    error NotEnoughCollateral(uint256 debt, uint256 borrowable);
    error Healthy(address account);
    error TooMuchRepaid(uint256 asked, uint256 most);
    error UnsupportedToken(address token);
    error FlashLoanRefused();

    constructor(
        IERC20 asset_,
        IERC20 collateral_,
        IPriceSource priceSource_,
        Terms memory terms,
        address governance,
        address guardian
    ) {
        asset = asset_;
        collateral = collateral_;
        ltvBps = terms.ltvBps;
        liquidationThresholdBps = terms.liquidationThresholdBps;
        liquidationBonusBps = terms.liquidationBonusBps;
        flashFeeBps = terms.flashFeeBps;
        _grantRole(DEFAULT_ADMIN_ROLE, governance);
        _grantRole(GUARDIAN_ROLE, guardian);
        _setPriceSource(priceSource_);
    }

    // Lenders

    function deposit(uint256 amount) external nonReentrant whenNotPaused {
        if (amount == 0) revert ZeroAmount();
        depositOf[msg.sender] += amount;
        totalDeposits += amount;
        emit Deposit(msg.sender, amount, totalDeposits);
        asset.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Pays out one's own claim. Stays open while paused.
    function withdraw(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        uint256 held = depositOf[msg.sender];
        if (amount > held) revert NotEnoughDeposit(amount, held);
        _requireCash(amount);
        depositOf[msg.sender] = held - amount;
        totalDeposits -= amount;
        emit Withdraw(msg.sender, amount, totalDeposits);
        asset.safeTransfer(msg.sender, amount);
    }

    // Borrowers

    /// @notice Adds collateral. Stays open while paused, so that nobody is liquidated for want of a top-up.
    function depositCollateral(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        collateralOf[msg.sender] += amount;
        totalCollateral += amount;
        emit CollateralDeposited(msg.sender, amount);
        collateral.safeTransferFrom(msg.sender, address(this), amount);
    }

    function withdrawCollateral(uint256 amount) external nonReentrant whenNotPaused {
        if (amount == 0) revert ZeroAmount();
        collateralOf[msg.sender] -= amount;
        totalCollateral -= amount;
        // Without debt no price is asked for: a broken feed must not hold the money of those who owe nothing.
        if (debtOf[msg.sender] != 0) _requireCovered(msg.sender, priceSource.price());
        emit CollateralWithdrawn(msg.sender, amount);
        collateral.safeTransfer(msg.sender, amount);
    }

    function borrow(uint256 amount) external nonReentrant whenNotPaused {
        if (amount == 0) revert ZeroAmount();
        _requireCash(amount);
        debtOf[msg.sender] += amount;
        totalDebt += amount;
        uint256 collateralPrice = priceSource.price();
        _requireCovered(msg.sender, collateralPrice);
        emit Borrow(msg.sender, amount, collateralPrice);
        asset.safeTransfer(msg.sender, amount);
    }

    /// @notice Repays for any account, at most its debt. Stays open while paused.
    /// @return repaid What was taken from the caller.
    function repay(address onBehalfOf, uint256 amount) external nonReentrant returns (uint256 repaid) {
        repaid = Math.min(amount, debtOf[onBehalfOf]);
        if (repaid == 0) revert ZeroAmount();
        _repay(onBehalfOf, repaid);
        emit Repay(msg.sender, onBehalfOf, repaid);
    }

    /// @notice Repays part of an unhealthy account's debt for its collateral at a bonus. Stays open while paused.
    /// @return seized Collateral paid to the caller, in base units.
    function liquidate(address account, uint256 repayAmount) external nonReentrant returns (uint256 seized) {
        if (repayAmount == 0) revert ZeroAmount();
        uint256 collateralPrice = priceSource.price();
        if (_healthFactor(account, collateralPrice) >= 1e18) revert Healthy(account);
        uint256 most = Math.ceilDiv(debtOf[account] * _CLOSE_FACTOR_BPS, _BPS);
        if (repayAmount > most) revert TooMuchRepaid(repayAmount, most);

        uint256 worth = repayAmount * (_BPS + liquidationBonusBps) / _BPS;
        seized = Math.min(worth * _COLLATERAL_UNIT / collateralPrice, collateralOf[account]);
        collateralOf[account] -= seized;
        totalCollateral -= seized;
        emit Liquidation(msg.sender, account, repayAmount, seized, collateralPrice);
        _repay(account, repayAmount);
        collateral.safeTransfer(msg.sender, seized);
    }

    // Flash loans (EIP-3156)

    /// @inheritdoc IERC3156FlashLender
    function flashLoan(IERC3156FlashBorrower receiver, address token, uint256 amount, bytes calldata data)
        external
        nonReentrant
        whenNotPaused
        returns (bool)
    {
        uint256 fee = flashFee(token, amount);
        _requireCash(amount);
        asset.safeTransfer(address(receiver), amount);
        if (receiver.onFlashLoan(msg.sender, token, amount, fee, data) != _FLASH_CALLBACK) {
            revert FlashLoanRefused();
        }
        asset.safeTransferFrom(address(receiver), address(this), amount + fee);
        emit FlashLoan(address(receiver), token, amount, fee);
        return true;
    }

    /// @inheritdoc IERC3156FlashLender
    function maxFlashLoan(address token) external view returns (uint256) {
        return token == address(asset) && !paused() ? cash() : 0;
    }

    /// @inheritdoc IERC3156FlashLender
    function flashFee(address token, uint256 amount) public view returns (uint256) {
        if (token != address(asset)) revert UnsupportedToken(token);
        return Math.ceilDiv(amount * flashFeeBps, _BPS);
    }

    // Guardian and governance

    /// @notice Containment. A guardian cannot undo it: restoring is for people.
    function pause() external onlyRole(GUARDIAN_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    function setPriceSource(IPriceSource current) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setPriceSource(current);
    }

    // Views

    /// @notice Asset base units that the market holds and could pay out now.
    function cash() public view returns (uint256) {
        return asset.balanceOf(address(this));
    }

    /// @return 1e18 at the liquidation threshold, lower when unhealthy, the maximum without debt.
    function healthFactor(address account) external view returns (uint256) {
        if (debtOf[account] == 0) return type(uint256).max;
        return _healthFactor(account, priceSource.price());
    }

    function _healthFactor(address account, uint256 collateralPrice) private view returns (uint256) {
        uint256 debt = debtOf[account];
        if (debt == 0) return type(uint256).max;
        uint256 worth = collateralOf[account] * collateralPrice / _COLLATERAL_UNIT;
        return worth * liquidationThresholdBps * 1e18 / _BPS / debt;
    }

    function _requireCovered(address account, uint256 collateralPrice) private view {
        uint256 borrowable = collateralOf[account] * collateralPrice / _COLLATERAL_UNIT * ltvBps / _BPS;
        uint256 debt = debtOf[account];
        if (debt > borrowable) revert NotEnoughCollateral(debt, borrowable);
    }

    function _requireCash(uint256 amount) private view {
        if (amount > cash()) revert NotEnoughCash(amount, cash());
    }

    function _repay(address account, uint256 amount) private {
        debtOf[account] -= amount;
        totalDebt -= amount;
        asset.safeTransferFrom(msg.sender, address(this), amount);
    }

    function _setPriceSource(IPriceSource current) private {
        emit PriceSourceChanged(address(priceSource), address(current));
        priceSource = current;
    }
}
