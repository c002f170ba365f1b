// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC3156FlashBorrower} from "@openzeppelin/contracts/interfaces/IERC3156FlashBorrower.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IUniswapV2Router} from "./IUniswapV2.sol";
import {LendingMarket} from "./LendingMarket.sol";

/// @title What every actor of a drill needs: an owner, a swap, and its profit sent home
abstract contract Trader is Ownable {
    using SafeERC20 for IERC20;

    constructor() Ownable(msg.sender) {}

    /// @dev Accepts any price: the actors of a drill are alone in the pool when they trade.
    function _swap(IUniswapV2Router router, IERC20 from, IERC20 to, uint256 amount) internal {
        from.forceApprove(address(router), amount);
        address[] memory path = new address[](2);
        (path[0], path[1]) = (address(from), address(to));
        router.swapExactTokensForTokens(amount, 0, path, address(this), block.timestamp);
    }

    function _held(IERC20 token) internal view returns (uint256) {
        return token.balanceOf(address(this));
    }

    function _sendHome(IERC20 token) internal {
        token.safeTransfer(owner(), _held(token));
    }
}

/// @title A trader that works with money borrowed for one transaction (EIP-3156)
abstract contract FlashTrader is Trader, IERC3156FlashBorrower {
    using SafeERC20 for IERC20;

    error NotMyLoan(address lender, address initiator);

    LendingMarket public immutable lender;
    IERC20 public immutable asset;
    IERC20 public immutable collateral;

    constructor(LendingMarket lender_) {
        lender = lender_;
        asset = lender_.asset();
        collateral = lender_.collateral();
    }

    /// @inheritdoc IERC3156FlashBorrower
    function onFlashLoan(address initiator, address, uint256 amount, uint256 fee, bytes calldata plan)
        external
        returns (bytes32)
    {
        if (msg.sender != address(lender) || initiator != address(this)) {
            revert NotMyLoan(msg.sender, initiator);
        }
        _useLoan(amount, amount + fee, plan);
        asset.forceApprove(msg.sender, amount + fee);
        return keccak256("ERC3156FlashBorrower.onFlashLoan");
    }

    function _flash(uint256 amount, bytes memory plan) internal {
        lender.flashLoan(this, address(asset), amount, plan);
        _sendHome(asset);
    }

    /// @dev Must leave at least `owed` of the asset here.
    function _useLoan(uint256 amount, uint256 owed, bytes calldata plan) internal virtual;
}
