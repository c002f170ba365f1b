// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IAggregatorV3} from "./IAggregatorV3.sol";

/// @title A Chainlink-compatible feed that one account drives
/// @notice Same reads and same events as Chainlink's aggregators, so that decoders and detectors meet on a drill
///         what they meet on mainnet. Only who reports differs: here the owner does.
contract DrillAggregator is IAggregatorV3, Ownable {
    struct Round {
        int256 answer;
        uint256 updatedAt;
    }

    error NoDataPresent();

    // Chainlink's own signatures, names and indexing (AggregatorInterface).
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    event NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt);

    uint8 public constant decimals = 8;
    uint256 public constant version = 4;
    string public description;

    uint80 private _latest;
    mapping(uint80 roundId => Round) private _rounds;

    constructor(string memory description_, int256 answer) Ownable(msg.sender) {
        description = description_;
        _report(answer);
    }

    function updateAnswer(int256 answer) external onlyOwner {
        _report(answer);
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(_latest);
    }

    /// @inheritdoc IAggregatorV3
    function getRoundData(uint80 roundId) public view returns (uint80, int256, uint256, uint256, uint80) {
        Round storage round = _rounds[roundId];
        if (round.updatedAt == 0) revert NoDataPresent();
        return (roundId, round.answer, round.updatedAt, round.updatedAt, roundId);
    }

    function _report(int256 answer) private {
        uint80 roundId = ++_latest;
        _rounds[roundId] = Round(answer, block.timestamp);
        emit NewRound(roundId, msg.sender, block.timestamp);
        emit AnswerUpdated(answer, roundId, block.timestamp);
    }
}
