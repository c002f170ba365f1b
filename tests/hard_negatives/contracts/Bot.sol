// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// One step of a route. Where `token` is not zero, our whole balance of it replaces the word of `data` at `offset`.
struct Call {
    address to;
    uint256 value;
    bytes data;
    address token;
    uint256 offset;
}

interface IPool {
    function token0() external view returns (address);
    function token1() external view returns (address);
}

/// @title A searcher's, keeper's or user's long-lived contract: it runs the calls it is given
/// @notice Knows the callbacks of the flash lenders and pools; what to do inside of one is data, too. Also serves as the
/// code that an account delegates to (EIP-7702): then it calls itself.
contract Bot {
    using SafeERC20 for IERC20;

    address public immutable owner;
    bool private transient _running;
    bytes private _whenTold;

    constructor(address owner_) {
        owner = owner_;
    }

    receive() external payable {}

    function execute(Call[] calldata calls) external payable {
        require(msg.sender == owner || msg.sender == address(this), "not the owner");
        _running = true;
        _run(calls);
        _running = false;
    }

    /// @notice As `execute`; returns by how much our balance of `token` grew. For simulation, which finds sizes.
    function gain(Call[] calldata calls, address token) external returns (int256) {
        int256 before = int256(IERC20(token).balanceOf(address(this)));
        this.execute(calls);
        return int256(IERC20(token).balanceOf(address(this))) - before;
    }

    /// @notice What to do whenever a token tells us that we got some, in the manner of ERC-777.
    function whenTold(Call[] calldata calls) external {
        require(msg.sender == owner, "not the owner");
        _whenTold = abi.encode(calls);
    }

    function tokensToSend(address, address, address, uint256, bytes calldata, bytes calldata) external {}

    function tokensReceived(address, address, address, uint256, bytes calldata, bytes calldata) external {
        if (_whenTold.length > 0) _run(abi.decode(_whenTold, (Call[])));
    }

    // Uniswap v2, and its forks that kept the name

    function uniswapV2Call(address, uint256, uint256, bytes calldata data) external {
        _inside(data);
    }

    // Uniswap v3

    function uniswapV3FlashCallback(uint256, uint256, bytes calldata data) external {
        _inside(data);
    }

    function uniswapV3SwapCallback(int256 owed0, int256 owed1, bytes calldata data) external {
        if (data.length > 0) _inside(data);
        require(_running, "not asked for");
        if (owed0 > 0) IERC20(IPool(msg.sender).token0()).safeTransfer(msg.sender, uint256(owed0));
        if (owed1 > 0) IERC20(IPool(msg.sender).token1()).safeTransfer(msg.sender, uint256(owed1));
    }

    function uniswapV3MintCallback(uint256 owed0, uint256 owed1, bytes calldata) external {
        require(_running, "not asked for");
        if (owed0 > 0) IERC20(IPool(msg.sender).token0()).safeTransfer(msg.sender, owed0);
        if (owed1 > 0) IERC20(IPool(msg.sender).token1()).safeTransfer(msg.sender, owed1);
    }

    // Balancer v2

    function receiveFlashLoan(
        address[] calldata tokens,
        uint256[] calldata amounts,
        uint256[] calldata fees,
        bytes calldata data
    ) external {
        _inside(data);
        for (uint256 i = 0; i < tokens.length; ++i) {
            IERC20(tokens[i]).safeTransfer(msg.sender, amounts[i] + fees[i]);
        }
    }

    // Aave v3: one asset, several assets

    function executeOperation(address asset, uint256 amount, uint256 premium, address, bytes calldata data)
        external
        returns (bool)
    {
        _inside(data);
        IERC20(asset).forceApprove(msg.sender, amount + premium);
        return true;
    }

    function executeOperation(
        address[] calldata assets,
        uint256[] calldata amounts,
        uint256[] calldata premiums,
        address,
        bytes calldata data
    ) external returns (bool) {
        _inside(data);
        for (uint256 i = 0; i < assets.length; ++i) {
            IERC20(assets[i]).forceApprove(msg.sender, amounts[i] + premiums[i]);
        }
        return true;
    }

    // An intent's reactor: we have what its maker sells, and owe what he buys

    function reactorCallback(bytes calldata data) external {
        _inside(data);
    }

    // ERC-3156

    function onFlashLoan(address, address token, uint256 amount, uint256 fee, bytes calldata data)
        external
        returns (bytes32)
    {
        _inside(data);
        IERC20(token).forceApprove(msg.sender, amount + fee);
        return keccak256("ERC3156FlashBorrower.onFlashLoan");
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC721Received.selector;
    }

    function _inside(bytes calldata data) private {
        require(_running, "not asked for");
        Call[] memory calls = abi.decode(data, (Call[]));
        _run(calls);
    }

    function _run(Call[] memory calls) private {
        for (uint256 i = 0; i < calls.length; ++i) {
            Call memory call = calls[i];
            bytes memory data = call.data;
            if (call.token != address(0)) {
                uint256 held = IERC20(call.token).balanceOf(address(this));
                uint256 at = call.offset + 0x20;
                assembly ("memory-safe") {
                    mstore(add(data, at), held)
                }
            }
            (bool done, bytes memory answer) = call.to.call{value: call.value}(data);
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(answer, 0x20), mload(answer))
                }
            }
        }
    }
}

/// @title A bot for one transaction: made, funded, run and emptied by a constructor, as searchers do
contract OneShot {
    using SafeERC20 for IERC20;

    constructor(IERC20 token, uint256 amount, Call[] memory calls, IERC20[] memory swept) payable {
        Bot bot = new Bot(address(this));
        if (amount > 0) token.safeTransferFrom(msg.sender, address(bot), amount);
        bot.execute(calls);
        for (uint256 i = 0; i < swept.length; ++i) {
            uint256 left = swept[i].balanceOf(address(bot));
            if (left == 0) continue;
            Call[] memory home = new Call[](1);
            home[0].to = address(swept[i]);
            home[0].data = abi.encodeCall(IERC20.transfer, (msg.sender, left));
            bot.execute(home);
        }
    }
}
