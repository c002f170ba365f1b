// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20FlashMint} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20FlashMint.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @title A plain token whose owner mints at will
contract Token is ERC20, Ownable {
    uint8 private immutable _DECIMALS;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) ERC20(name_, symbol_) Ownable(msg.sender) {
        _DECIMALS = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _DECIMALS;
    }

    function mint(address account, uint256 amount) external onlyOwner {
        _mint(account, amount);
    }

    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }
}

/// @title A stablecoin that anybody may flash-mint (ERC-3156), as DAI's flash module allows
contract FlashMintToken is ERC20FlashMint, Ownable {
    constructor(string memory name_, string memory symbol_) ERC20(name_, symbol_) Ownable(msg.sender) {}

    function mint(address account, uint256 amount) external onlyOwner {
        _mint(account, amount);
    }
}

/// @title A token that keeps a part of each transfer for its treasury, and burns another
contract FeeToken is ERC20, Ownable {
    constructor() ERC20("Fee on transfer", "FEE") Ownable(msg.sender) {
        _mint(msg.sender, 1e27);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0) || from == owner() || to == owner()) {
            super._update(from, to, amount);
            return;
        }
        uint256 fee = amount / 100;
        super._update(from, owner(), fee);
        super._update(from, address(0), fee);
        super._update(from, to, amount - 2 * fee);
    }
}

/// @title A token that tells sender and recipient of each transfer where they ask for it, in the manner of ERC-777
contract HookToken is ERC20, Ownable {
    mapping(address account => bool) public told;

    constructor() ERC20("Told on transfer", "HOOK") Ownable(msg.sender) {
        _mint(msg.sender, 1e27);
    }

    function register(bool wanted) external {
        told[msg.sender] = wanted;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (told[from]) ITold(from).tokensToSend(msg.sender, from, to, amount, "", "");
        super._update(from, to, amount);
        if (told[to]) ITold(to).tokensReceived(msg.sender, from, to, amount, "", "");
    }
}

interface ITold {
    function tokensToSend(address, address, address, uint256, bytes calldata, bytes calldata) external;
    function tokensReceived(address, address, address, uint256, bytes calldata, bytes calldata) external;
}

/// @title A governance token
contract VotesToken is ERC20Votes {
    constructor() ERC20("Governance", "GOV") EIP712("Governance", "1") {
        _mint(msg.sender, 1e26);
    }
}
