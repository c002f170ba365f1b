// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC3156FlashBorrower} from "@openzeppelin/contracts/interfaces/IERC3156FlashBorrower.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";
import {DrillAggregator} from "../drill/DrillAggregator.sol";
import {DrillToken} from "../drill/DrillToken.sol";
import {FeedPriceSource} from "../drill/FeedPriceSource.sol";
import {IPriceSource} from "../drill/IPriceSource.sol";
import {IUniswapV2Pair, IUniswapV2Router} from "../drill/IUniswapV2.sol";
import {LendingMarket} from "../drill/LendingMarket.sol";
import {SpotPriceSource} from "../drill/SpotPriceSource.sol";

interface IUniswapV2Factory {
    function createPair(address tokenA, address tokenB) external returns (address pair);
}

/// @title The world of chainwatch/drill/world.py, for Forge
/// @dev Sizes are the same there and here; the numbers in the attack's tests rest on them.
abstract contract DrillWorld is Test {
    string private constant _UNISWAP = "node_modules/@uniswap/";
    uint256 internal constant USD = 1e6;
    uint256 internal constant ETH = 1e18;

    address internal governance = makeAddr("governance");
    address internal guardian = makeAddr("guardian");
    address internal lenderAccount = makeAddr("lender");
    address internal attacker = makeAddr("attacker");
    address internal user = makeAddr("user");

    DrillToken internal asset = new DrillToken("Drill dollar", "dUSD", 6);
    DrillToken internal collateral = new DrillToken("Drill ether", "dETH", 18);
    DrillAggregator internal aggregator = new DrillAggregator("dETH / USD", 2_000e8);
    IPriceSource internal feedSource = new FeedPriceSource(aggregator, 6, 1 days);
    IPriceSource internal spotSource;
    IUniswapV2Router internal router;
    IUniswapV2Pair internal pair;
    IUniswapV2Router internal otherRouter;
    IUniswapV2Pair internal otherPair;
    LendingMarket internal safeMarket;
    LendingMarket internal unsafeMarket;

    function setUp() public virtual {
        (router, pair) = _deployExchange(1_000 * ETH, 2_000_000 * USD);
        (otherRouter, otherPair) = _deployExchange(500 * ETH, 1_000_000 * USD);
        spotSource = new SpotPriceSource(pair, address(collateral));
        safeMarket = _deployMarket(feedSource, 20_000_000 * USD);
        unsafeMarket = _deployMarket(spotSource, 1_500_000 * USD);
    }

    function _deployMarket(IPriceSource source, uint256 liquidity) internal returns (LendingMarket market) {
        market = new LendingMarket(
            asset, collateral, source, LendingMarket.Terms(7_500, 8_000, 500, 5), governance, guardian
        );
        asset.mint(lenderAccount, liquidity);
        vm.startPrank(lenderAccount);
        asset.approve(address(market), liquidity);
        market.deposit(liquidity);
        vm.stopPrank();
    }

    function _deployExchange(uint256 collateralAmount, uint256 assetAmount)
        internal
        returns (IUniswapV2Router router_, IUniswapV2Pair pair_)
    {
        address weth = _deployUniswap("v2-periphery/build/WETH9.json", "");
        address factory = _deployUniswap("v2-core/build/UniswapV2Factory.json", abi.encode(address(this)));
        router_ = IUniswapV2Router(
            _deployUniswap("v2-periphery/build/UniswapV2Router02.json", abi.encode(factory, weth))
        );
        pair_ = IUniswapV2Pair(IUniswapV2Factory(factory).createPair(address(asset), address(collateral)));
        _give(collateral, address(this), address(router_), collateralAmount);
        _give(asset, address(this), address(router_), assetAmount);
        router_.addLiquidity(
            address(asset),
            address(collateral),
            assetAmount,
            collateralAmount,
            0,
            0,
            address(this),
            block.timestamp
        );
    }

    /// @dev vm.deployCode cannot read Uniswap's artefacts: their bytecode is a string without 0x.
    function _deployUniswap(string memory artefact, bytes memory arguments)
        internal
        returns (address deployed)
    {
        string memory json = vm.readFile(string.concat(_UNISWAP, artefact));
        string memory code = string.concat("0x", vm.parseJsonString(json, ".bytecode"));
        bytes memory initCode = abi.encodePacked(vm.parseBytes(code), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(initCode, 0x20), mload(initCode))
        }
        assertTrue(deployed != address(0), artefact);
    }

    function _give(DrillToken token, address account, address spender, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(spender, type(uint256).max);
    }

    function _swap(IUniswapV2Router router_, DrillToken from, DrillToken to, uint256 amount) internal {
        _give(from, user, address(router_), amount);
        address[] memory path = new address[](2);
        (path[0], path[1]) = (address(from), address(to));
        vm.prank(user);
        router_.swapExactTokensForTokens(amount, 0, path, user, block.timestamp);
    }

    /// @dev Gives `account` collateral in `market` and a debt of `debt`.
    function _open(LendingMarket market, address account, uint256 collateralAmount, uint256 debt) internal {
        _give(collateral, account, address(market), collateralAmount);
        vm.startPrank(account);
        market.depositCollateral(collateralAmount);
        if (debt != 0) market.borrow(debt);
        vm.stopPrank();
    }

    function _pause(LendingMarket market) internal {
        vm.prank(guardian);
        market.pause();
    }
}

/// @dev A flash borrower that pays back what it is told to, and can try to come in again.
contract FlashDummy is IERC3156FlashBorrower {
    uint256 public shortBy;
    bytes32 public answer = keccak256("ERC3156FlashBorrower.onFlashLoan");
    bytes public reentry;

    function set(uint256 shortBy_, bytes32 answer_, bytes calldata reentry_) external {
        (shortBy, answer, reentry) = (shortBy_, answer_, reentry_);
    }

    function onFlashLoan(address, address token, uint256 amount, uint256 fee, bytes calldata)
        external
        returns (bytes32)
    {
        IERC20(token).approve(msg.sender, amount + fee - shortBy);
        if (reentry.length != 0) {
            (bool success, bytes memory reason) = msg.sender.call(reentry);
            if (!success) {
                assembly ("memory-safe") {
                    revert(add(reason, 0x20), mload(reason))
                }
            }
        }
        return answer;
    }
}
