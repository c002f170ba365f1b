// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Call} from "./Bot.sol";

interface IAavePool {
    function supply(address asset, uint256 amount, address onBehalfOf, uint16 referral) external;
    function withdraw(address asset, uint256 amount, address to) external returns (uint256);
}

interface IRouter {
    function swapExactTokensForTokens(uint256, uint256, address[] calldata, address, uint256)
        external
        returns (uint256[] memory);
}

/// @title A yield vault: ERC-4626 over Aave, its rewards sold and compounded by a keeper
contract Vault is ERC4626, Ownable {
    using SafeERC20 for IERC20;

    IAavePool public immutable pool;
    IERC20 public immutable receipt;
    address public immutable treasury;

    constructor(IERC20 asset_, IAavePool pool_, IERC20 receipt_, address treasury_)
        ERC20("Vault share", "vSHARE")
        ERC4626(asset_)
        Ownable(msg.sender)
    {
        (pool, receipt, treasury) = (pool_, receipt_, treasury_);
        asset_.forceApprove(address(pool_), type(uint256).max);
    }

    function totalAssets() public view override returns (uint256) {
        return super.totalAssets() + receipt.balanceOf(address(this));
    }

    /// @notice Put what lies idle above `idle` into Aave, or take out what lacks.
    function rebalance(uint256 idle) public onlyOwner {
        uint256 held = IERC20(asset()).balanceOf(address(this));
        if (held > idle) pool.supply(asset(), held - idle, address(this), 0);
        else if (held < idle) pool.withdraw(asset(), idle - held, address(this));
    }

    function stake(Staking staking, uint256 amount) external onlyOwner {
        receipt.forceApprove(address(staking), amount);
        staking.stake(amount);
    }

    /// @notice Claim rewards, sell them, pay the keeper and the treasury their parts, put the rest to work.
    function harvest(Staking staking, IRouter router, address[] calldata path) external onlyOwner {
        staking.claim();
        IERC20 reward = IERC20(path[0]);
        uint256 amount = reward.balanceOf(address(this));
        reward.forceApprove(address(router), amount);
        uint256 before = IERC20(asset()).balanceOf(address(this));
        router.swapExactTokensForTokens(amount, 0, path, address(this), block.timestamp);
        uint256 sold = IERC20(asset()).balanceOf(address(this)) - before;
        IERC20(asset()).safeTransfer(msg.sender, sold / 100);
        IERC20(asset()).safeTransfer(treasury, sold / 10);
        rebalance(0);
    }

    function _withdraw(address caller, address receiver, address owner_, uint256 assets, uint256 shares)
        internal
        override
    {
        uint256 held = IERC20(asset()).balanceOf(address(this));
        if (held < assets) pool.withdraw(asset(), assets - held, address(this));
        super._withdraw(caller, receiver, owner_, assets, shares);
    }
}

/// @title Staking with rewards over time, in the manner of Synthetix
contract Staking is Ownable {
    using SafeERC20 for IERC20;

    IERC20 public immutable staked;
    IERC20 public immutable reward;
    uint256 public total;
    uint256 public rate;
    uint256 public until;
    uint256 public last;
    uint256 public perToken;
    mapping(address account => uint256) public balanceOf;
    mapping(address account => uint256) public earned;
    mapping(address account => uint256) public paidUpTo;

    event Staked(address indexed user, uint256 amount);
    event Withdrawn(address indexed user, uint256 amount);
    event RewardPaid(address indexed user, uint256 reward);
    event RewardAdded(uint256 reward);

    constructor(IERC20 staked_, IERC20 reward_) Ownable(msg.sender) {
        (staked, reward) = (staked_, reward_);
    }

    function notifyRewardAmount(uint256 amount, uint256 duration) external onlyOwner {
        _update(address(0));
        reward.safeTransferFrom(msg.sender, address(this), amount);
        rate = amount / duration;
        (last, until) = (block.timestamp, block.timestamp + duration);
        emit RewardAdded(amount);
    }

    function stake(uint256 amount) external {
        _update(msg.sender);
        total += amount;
        balanceOf[msg.sender] += amount;
        staked.safeTransferFrom(msg.sender, address(this), amount);
        emit Staked(msg.sender, amount);
    }

    function withdraw(uint256 amount) public {
        _update(msg.sender);
        total -= amount;
        balanceOf[msg.sender] -= amount;
        staked.safeTransfer(msg.sender, amount);
        emit Withdrawn(msg.sender, amount);
    }

    function claim() public {
        _update(msg.sender);
        uint256 amount = earned[msg.sender];
        earned[msg.sender] = 0;
        reward.safeTransfer(msg.sender, amount);
        emit RewardPaid(msg.sender, amount);
    }

    function exit() external {
        withdraw(balanceOf[msg.sender]);
        claim();
    }

    function _update(address account) private {
        uint256 upTo = block.timestamp < until ? block.timestamp : until;
        if (total > 0 && upTo > last) perToken += (upTo - last) * rate * 1e18 / total;
        last = upTo;
        if (account == address(0)) return;
        earned[account] += balanceOf[account] * (perToken - paidUpTo[account]) / 1e18;
        paidUpTo[account] = perToken;
    }
}

struct Order {
    address maker;
    IERC20 sold;
    uint256 amount;
    IERC20 bought;
    uint256 least;
    uint256 tip;
}

/// @title An aggregator: takes the user's token, has an executor run the route, hands out what came of it less a fee
contract Aggregator {
    using SafeERC20 for IERC20;

    Executor public immutable executor = new Executor();
    address public immutable treasury;

    event Swapped(address user, IERC20 sold, IERC20 bought, uint256 amountIn, uint256 amountOut);

    constructor(address treasury_) {
        treasury = treasury_;
    }

    function swap(IERC20 sold, uint256 amount, IERC20 bought, uint256 least, address to, Call[] calldata route) external {
        sold.safeTransferFrom(msg.sender, address(executor), amount);
        _fill(msg.sender, sold, amount, bought, least, to, route);
    }

    /// @notice A keeper fills an order that its maker signed, and is paid for it.
    function fill(Order calldata order, bytes32 r, bytes32 s, uint8 v, Call[] calldata route) external {
        require(ecrecover(keccak256(abi.encode(address(this), order)), v, r, s) == order.maker, "not signed");
        order.sold.safeTransferFrom(order.maker, address(executor), order.amount - order.tip);
        order.sold.safeTransferFrom(order.maker, msg.sender, order.tip);
        _fill(order.maker, order.sold, order.amount, order.bought, order.least, order.maker, route);
    }

    function _fill(
        address user,
        IERC20 sold,
        uint256 amount,
        IERC20 bought,
        uint256 least,
        address to,
        Call[] calldata route
    ) private {
        executor.run(route);
        uint256 got = executor.empty(bought);
        uint256 fee = got / 1000;
        require(got - fee >= least, "too little");
        bought.safeTransfer(treasury, fee);
        bought.safeTransfer(to, got - fee);
        emit Swapped(user, sold, bought, amount, got - fee);
    }
}

contract Executor {
    using SafeERC20 for IERC20;

    address private immutable _AGGREGATOR = msg.sender;

    function run(Call[] calldata calls) external {
        require(msg.sender == _AGGREGATOR, "not ours");
        for (uint256 i = 0; i < calls.length; ++i) {
            bytes memory data = calls[i].data;
            if (calls[i].token != address(0)) {
                uint256 held = IERC20(calls[i].token).balanceOf(address(this));
                uint256 at = calls[i].offset + 0x20;
                assembly ("memory-safe") {
                    mstore(add(data, at), held)
                }
            }
            (bool done, bytes memory answer) = calls[i].to.call{value: calls[i].value}(data);
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(answer, 0x20), mload(answer))
                }
            }
        }
    }

    function empty(IERC20 token) external returns (uint256 amount) {
        require(msg.sender == _AGGREGATOR, "not ours");
        amount = token.balanceOf(address(this));
        token.safeTransfer(msg.sender, amount);
    }
}

/// @title Pays many at once, in the manner of Disperse
contract Payer {
    using SafeERC20 for IERC20;

    function pay(IERC20 token, address[] calldata to, uint256[] calldata amounts) external {
        for (uint256 i = 0; i < to.length; ++i) token.safeTransferFrom(msg.sender, to[i], amounts[i]);
    }

    function payCoin(address payable[] calldata to, uint256[] calldata amounts) external payable {
        for (uint256 i = 0; i < to.length; ++i) {
            (bool done,) = to[i].call{value: amounts[i]}("");
            require(done, "refused");
        }
    }
}

/// @title Charges subscribers, who agreed by an allowance and by subscribing, once a period
contract Subscriptions {
    using SafeERC20 for IERC20;

    IERC20 public immutable token;
    mapping(address merchant => mapping(address subscriber => uint256)) public price;
    mapping(address merchant => mapping(address subscriber => uint256)) public paidUntil;

    event Charged(address indexed merchant, address indexed subscriber, uint256 amount);

    constructor(IERC20 token_) {
        token = token_;
    }

    function subscribe(address merchant, uint256 amount) external {
        price[merchant][msg.sender] = amount;
    }

    /// @notice By use: the merchant says how much, up to the price that was agreed.
    function chargeUse(address subscriber, uint256 amount) external {
        require(amount <= price[msg.sender][subscriber] && paidUntil[msg.sender][subscriber] <= block.timestamp, "no");
        paidUntil[msg.sender][subscriber] = block.timestamp + 30 days;
        token.safeTransferFrom(subscriber, msg.sender, amount);
        emit Charged(msg.sender, subscriber, amount);
    }

    /// @notice The money goes to the merchant, whoever calls.
    function charge(address merchant, address subscriber) external {
        uint256 amount = price[merchant][subscriber];
        require(amount > 0 && paidUntil[merchant][subscriber] <= block.timestamp, "nothing is due");
        paidUntil[merchant][subscriber] = block.timestamp + 30 days;
        token.safeTransferFrom(subscriber, merchant, amount);
        emit Charged(merchant, subscriber, amount);
    }
}

/// @title A vesting stream that tells a recipient which is a contract what it was paid
contract Stream {
    using SafeERC20 for IERC20;

    IERC20 public immutable token;
    address public immutable recipient;
    uint256 public immutable start = block.timestamp;
    uint256 public immutable amount;
    uint256 public paid;

    constructor(IERC20 token_, address recipient_, uint256 amount_) {
        (token, recipient, amount) = (token_, recipient_, amount_);
    }

    function withdraw(uint256 wanted) external {
        paid += wanted;
        require(paid <= amount * (block.timestamp - start) / 1 hours, "not yet");
        token.safeTransfer(recipient, wanted);
        if (recipient.code.length > 0) IPaid(recipient).onStreamWithdraw(address(this), wanted);
    }
}

interface IPaid {
    function onStreamWithdraw(address stream, uint256 amount) external;
}

/// @title A recipient of streams that passes on what it gets to its members
contract StreamSplitter is IPaid {
    using SafeERC20 for IERC20;

    address[2] public members;

    constructor(address one, address two) {
        members = [one, two];
    }

    function onStreamWithdraw(address stream, uint256 amount) external {
        IERC20 token = Stream(stream).token();
        token.safeTransfer(members[0], amount / 2);
        token.safeTransfer(members[1], amount - amount / 2);
    }
}

/// @title What a proxy stands before: a box with a fee
contract BoxV1 is Initializable, Ownable {
    using SafeERC20 for IERC20;

    uint256 public feeBps;
    IERC20 public token;

    constructor() Ownable(msg.sender) {
        _disableInitializers();
    }

    function initialize(IERC20 token_, uint256 feeBps_) external initializer {
        (token, feeBps) = (token_, feeBps_);
        _transferOwnership(msg.sender);
    }

    function setFee(uint256 feeBps_) external onlyOwner {
        feeBps = feeBps_;
    }

    function sweep(address to) external onlyOwner {
        token.safeTransfer(to, token.balanceOf(address(this)));
    }
}

/// @title Its next version, which sweeps into a treasury while it is upgraded
contract BoxV2 is BoxV1 {
    function migrate(address treasury) external reinitializer(2) {
        feeBps = feeBps / 2;
        if (token.balanceOf(address(this)) > 0) token.transfer(treasury, token.balanceOf(address(this)));
    }
}

/// @title A price feed in the manner of Chainlink, with what Aave and Venus ask of one
contract Feed is Ownable {
    int256 public latestAnswer;
    uint256 public latestTimestamp;
    uint256 public latestRound;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    constructor(int256 answer) Ownable(msg.sender) {
        update(answer);
    }

    function update(int256 answer) public onlyOwner {
        (latestAnswer, latestTimestamp) = (answer, block.timestamp);
        emit AnswerUpdated(answer, ++latestRound, block.timestamp);
    }
}

/// @title A DAO
contract Dao is Governor, GovernorCountingSimple, GovernorVotes {
    constructor(IVotes token) Governor("Dao") GovernorVotes(token) {}

    function votingDelay() public pure override returns (uint256) {
        return 1;
    }

    function votingPeriod() public pure override returns (uint256) {
        return 5;
    }

    function quorum(uint256) public pure override returns (uint256) {
        return 1e24;
    }
}

interface IAaveDebt is IAavePool {
    function repay(address asset, uint256 amount, uint256 mode, address onBehalfOf) external returns (uint256);
}

/// @title Lowers the debt of users who asked for it, whoever calls, in the manner of DeFi Saver
/// @notice Takes a user's aTokens by his allowance, sells the collateral, repays his debt, pays the caller a fee.
contract Automation {
    using SafeERC20 for IERC20;

    struct Plan {
        IERC20 receipt;
        IERC20 debt;
        uint256 most;
        bool active;
    }

    IAaveDebt public immutable pool;
    IRouter public immutable router;
    mapping(address user => Plan) public plans;

    event Repaid(address indexed user, uint256 sold, uint256 repaid, uint256 fee);

    constructor(IAaveDebt pool_, IRouter router_) {
        (pool, router) = (pool_, router_);
    }

    function ask(Plan calldata plan) external {
        plans[msg.sender] = plan;
    }

    function repay(address user, uint256 amount, address[] calldata path) external {
        Plan memory plan = plans[user];
        require(plan.active && amount <= plan.most, "not asked for");
        plan.receipt.safeTransferFrom(user, address(this), amount);
        uint256 got = pool.withdraw(path[0], amount, address(this));
        IERC20(path[0]).forceApprove(address(router), got);
        router.swapExactTokensForTokens(got, 0, path, address(this), block.timestamp);
        uint256 bought = plan.debt.balanceOf(address(this));
        uint256 fee = bought / 300;
        plan.debt.forceApprove(address(pool), bought - fee);
        pool.repay(address(plan.debt), bought - fee, 2, user);
        plan.debt.safeTransfer(msg.sender, plan.debt.balanceOf(address(this)));
        emit Repaid(user, got, bought - fee, fee);
    }
}

interface IVenusOracle {
    function getUnderlyingPrice(address vToken) external view returns (uint256);
}

/// @title Prices for Venus' collateral and debt alike, as its bounded oracle gives them in calm times
contract CalmPrices {
    IVenusOracle public immutable oracle;

    constructor(IVenusOracle oracle_) {
        oracle = oracle_;
    }

    function getBoundedPricesView(address vToken) external view returns (uint256, uint256) {
        return getBoundedPrices(vToken);
    }

    function getBoundedPrices(address vToken) public view returns (uint256, uint256) {
        uint256 price = oracle.getUnderlyingPrice(vToken);
        return (price, price);
    }

    function updateProtectionState(address) external {}
}

/// @title Collects an exchange's deposit addresses, which gave it an allowance, for its operator
contract Sweeper is Ownable {
    using SafeERC20 for IERC20;

    constructor(address operator) Ownable(operator) {}

    function sweep(IERC20 token, address[] calldata from, address to) external onlyOwner {
        for (uint256 i = 0; i < from.length; ++i) token.safeTransferFrom(from[i], to, token.balanceOf(from[i]));
    }
}

/// @title Fills signed intents in the manner of UniswapX: who fills gets the maker's tokens, is called, and must pay
contract Reactor {
    using SafeERC20 for IERC20;

    event Filled(bytes32 indexed order, address indexed filler, address indexed maker);

    function fill(Order calldata order, bytes32 r, bytes32 s, uint8 v, bytes calldata data) external {
        bytes32 id = keccak256(abi.encode(address(this), order));
        require(ecrecover(id, v, r, s) == order.maker, "not signed");
        order.sold.safeTransferFrom(order.maker, msg.sender, order.amount);
        IFiller(msg.sender).reactorCallback(data);
        order.bought.safeTransferFrom(msg.sender, order.maker, order.least);
        emit Filled(id, msg.sender, order.maker);
    }
}

interface IFiller {
    function reactorCallback(bytes calldata data) external;
}

interface IStrategy {
    function asset() external view returns (IERC20);
    function prepare() external;
    function work() external;
    function leave() external;
}

/// @title A vault whose owner moves its money from one strategy to the next
contract StrategyVault is Ownable {
    using SafeERC20 for IERC20;

    IERC20 public immutable asset;
    IStrategy public strategy;

    event Migrated(address indexed from, address indexed to, uint256 amount);

    constructor(IERC20 asset_, address owner_) Ownable(owner_) {
        asset = asset_;
    }

    function migrate(IStrategy next) external onlyOwner {
        require(next.asset() == asset, "another asset");
        emit Migrated(address(strategy), address(next), asset.balanceOf(address(this)));
        if (address(strategy) != address(0)) strategy.leave();
        strategy = next;
        next.prepare();
        asset.safeTransfer(address(next), asset.balanceOf(address(this)));
        next.work();
    }
}

/// @title A strategy that lends at Aave
contract Strategy is IStrategy {
    using SafeERC20 for IERC20;

    address public immutable vault;
    IERC20 public immutable asset;
    IAavePool public immutable pool;

    constructor(address vault_, IERC20 asset_, IAavePool pool_) {
        (vault, asset, pool) = (vault_, asset_, pool_);
    }

    function prepare() external {
        asset.forceApprove(address(pool), type(uint256).max);
    }

    function work() external {
        pool.supply(address(asset), asset.balanceOf(address(this)), address(this), 0);
    }

    function leave() external {
        require(msg.sender == vault, "not the vault");
        pool.withdraw(address(asset), type(uint256).max, vault);
    }
}

/// @title Makes strategies
contract StrategyFactory {
    function make(address vault, IERC20 asset, IAavePool pool) external returns (Strategy) {
        return new Strategy(vault, asset, pool);
    }
}
