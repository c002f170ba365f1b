"""Derive (Lyra v2): each event with values, what it says written out by hand; topics that were seen on chain."""

from typing import Any

import pytest

from chainwatch.decode import Decoder
from chainwatch.decode.protocols import MAPPERS
from chainwatch.types import (
    Deposit,
    Event,
    InstrumentUpdate,
    Liquidation,
    ParameterChange,
    PriceUpdate,
    RoleChange,
    Trade,
    Withdraw,
)
from tests.builders import execution
from tests.decode.making import HERE, A, B, C, D, make_log

Said = tuple[type[Event], dict[str, Any]]

ONE = 10**18
ACCOUNT, OTHER = "3971", "4002"


def deposit(account: str, amount: int, shares: int | None = None) -> Said:
    return Deposit, {"account": account, "token": None, "amount": amount, "shares": shares}


def withdraw(account: str, amount: int, shares: int | None = None) -> Said:
    return Withdraw, {"account": account, "token": None, "amount": amount, "shares": shares}


def trade(instrument: str, size: int) -> Said:
    return Trade, {
        "instrument": instrument, "account": ACCOUNT, "size": size, "price": None, "fee": None, "order_id": None
    }  # fmt: skip


def update(instrument: str, what: str, value: int | None = None) -> Said:
    return InstrumentUpdate, {"instrument": instrument, "what": what, "value": value}


def change(what: str, after: Any, subject: str | None = None) -> Said:
    return ParameterChange, {"what": what, "after": after, "subject": subject, "before": None}


def role(name: str, account: str, granted: bool, actor: str | None = None) -> Said:
    return RoleChange, {"role": name, "account": account, "granted": granted, "actor": actor}


CASES: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    # 250 USDC (6 decimals) are 250 cash (18 decimals).
    ("Deposit", (3971, A, 250 * ONE, 250_000_000), [deposit(ACCOUNT, 250_000_000, 250 * ONE)]),
    ("Withdraw", (3971, B, 7 * ONE, 7_000_000), [withdraw(ACCOUNT, 7_000_000, 7 * ONE)]),
    ("Deposit", (3971, A, 5), [deposit(ACCOUNT, 5)]),
    ("Withdraw", (3971, B, 4), [withdraw(ACCOUNT, 4)]),
    ("SmFeeSet", (ONE // 5,), [change("securityModuleFee", ONE // 5)]),
    ("SmFeeRecipientSet", (9,), [change("securityModuleFeeRecipient", 9)]),
    ("LiquidationModuleSet", (A,), [change("liquidationModule", A)]),
    ("InterestRateModelSet", (A,), [change("interestRateModel", A)]),
    (
        "InterestRateParamsSet",
        (1, 2, 3, 4),
        [
            change("minRate", 1),
            change("rateMultiplier", 2),
            change("highRateMultiplier", 3),
            change("optimalUtil", 4),
        ],
    ),
    ("WithdrawFeeEnabled", (ONE * 9 // 10,), [change("cashToStableExchangeRate", ONE * 9 // 10)]),
    ("WithdrawFeeDisabled", (ONE,), [change("cashToStableExchangeRate", ONE)]),
    ("WhitelistManagerSet", (A, True), [role("manager", A, True)]),
    ("TotalPositionCapSet", (A, 8), [change("totalPositionCap", 8, subject=A)]),
    ("FundingRateUpdated", (70, -3, 1_700_000_000), [update(HERE, "funding", -3)]),
    ("AggregatedFundingUpdated", (70, 3, 1_700_000_000), [update(HERE, "funding", 3)]),
    ("StaticUnderlyingInterestRateUpdated", (-2,), [change("staticInterestRate", -2)]),
    ("SpotFeedUpdated", (A,), [change("spotFeed", A)]),
    ("PerpFeedUpdated", (A,), [change("perpFeed", A)]),
    ("ImpactFeedsUpdated", (A, B), [change("askImpactFeed", A), change("bidImpactFeed", B)]),
    ("SettlementFeedSet", (A,), [change("settlementFeed", A)]),
    ("SettlementPriceSet", (1_702_022_400, 2_300 * ONE), [update("expiry 1702022400", "settled", 2_300 * ONE)]),
    ("MinOIFeeSet", (3,), [change("minOIFee", 3)]),
    ("CalleeWhitelisted", (A,), [role("callee", A, True)]),
    ("FeeBypassedCallerSet", (A, False), [role("fee bypassed caller", A, False)]),
    ("FeeRecipientSet", (6,), [change("feeRecipient", 6)]),
    ("MaxAccountSizeUpdated", (64,), [change("maxAccountSize", 64)]),
    ("TrustedRiskAssessorUpdated", (A, True), [role("risk assessor", A, True)]),
    ("MarketCreated", (1, "ETH"), [update("ETH", "listed")]),
    ("AssetWhitelisted", (A, 1, 2), [update(A, "listed")]),
    ("OraclesSet", (1, A, B, C), [change("spotFeed", A), change("forwardFeed", B), change("volFeed", C)]),
    ("PerpMarginRequirementsSet", (1, 5, 6), [change("perpMMRequirement", 5), change("perpIMRequirement", 6)]),
    (
        "OptionMarginParamsSet",
        (1, 2, 3, 4, 5, 6, 7, 8, 9),
        [
            change("maxSpotReq", 2), change("minSpotReq", 3), change("mmCallSpotReq", 4), change("mmPutSpotReq", 5),
            change("MMPutMtMReq", 6), change("unpairedIMScale", 7), change("unpairedMMScale", 8),
            change("mmOffsetScale", 9),
        ],
    ),
    ("BaseAssetMarginFactorSet", (1, 5), [change("baseAssetMarginFactor", 5, subject="1")]),
    ("BaseMarginDiscountFactorSet", (2, 6), [change("baseMarginDiscountFactor", 6, subject="2")]),
    ("DepegParametersSet", (1, 2), [change("depegThreshold", 1), change("depegFactor", 2)]),
    (
        "OracleContingencySet",
        (1, 2, 3, 4),
        [
            change("perpThreshold", 1),
            change("optionThreshold", 2),
            change("baseThreshold", 3),
            change("OCFactor", 4),
        ],
    ),
    ("StableFeedUpdated", (A,), [change("stableFeed", A)]),
    ("BorrowingEnabled", (True,), [change("borrowing", 1)]),
    ("MaxExpiriesUpdated", (11,), [change("maxExpiries", 11)]),
    ("InterestRateFeedUpdated", (A,), [change("interestRateFeed", A)]),
    ("VolFeedUpdated", (A,), [change("volFeed", A)]),
    ("ForwardFeedUpdated", (A,), [change("forwardFeed", A)]),
    (  # A third of the portfolio for 500 cash.
        "Bid",
        (3971, 4002, ONE // 3, 500 * ONE, 0),
        [
            (
                Liquidation,
                {
                    "account": ACCOUNT, "liquidator": OTHER, "debt_token": None, "collateral_token": None,
                    "repaid": 500 * ONE, "seized": ONE // 3,
                },
            )
        ],
    ),
    ("ModuleWhitelisted", (A, True), [role("security module's user", A, True)]),
    ("SecurityModulePaidOut", (3971, 9 * ONE, 8 * ONE), [withdraw(ACCOUNT, 8 * ONE)]),
    (
        "SpotPriceUpdated",
        (2_300 * ONE, ONE, 1_700_000_000),
        [(PriceUpdate, {"feed": HERE, "answer": 2_300 * ONE, "updated_at": 1_700_000_000})],
    ),
    (
        "ForwardDataUpdated",
        (1_702_022_400, (-12, ONE, 1_700_000_000), (0, 0)),
        [update("expiry 1702022400", "parameter", -12)],
    ),
    ("RateUpdated", (1_702_022_400, -5, ONE, 1_700_000_000), [update("expiry 1702022400", "parameter", -5)]),
    ("SpotDiffCapUpdated", (6,), [change("spotDiffCap", 6)]),
    ("SettlementHeartbeatUpdated", (300,), [change("settlementHeartbeat", 300)]),
    ("SignerUpdated", (A, False), [role("signer", A, False)]),
    ("RequiredSignersUpdated", (2,), [change("requiredSigners", 2)]),
    ("ModuleAllowed", (A, True), [role("module", A, True)]),
    ("TradeExecutorSet", (A, True), [role("trade executor", A, True)]),
    ("SessionKeyRegistered", (A, B, 99), [role("session key", B, True, actor=A)]),
    # The taker of a bid buys.
    ("OrderMatched", (A, 3971, 4002, True, 3 * ONE, 2 * ONE), [trade(A, 2 * ONE)]),
    ("OrderMatched", (A, 3971, 4002, False, -3 * ONE, 2 * ONE), [trade(A, -2 * ONE)]),
    # The maker receives 5 of the option and gives 1 of the perpetual.
    (
        "RFQTradeCompleted",
        (4002, 3971, ((C, 77, 10, 5), (D, 0, -20, -1))),
        [trade(f"{C}/77", -5), trade(D, 1)],
    ),
    ("DepositInitiated", (1, A, 5), [deposit(A, 5)]),
    ("WithdrawalProcessed", (1, A, False, 5, 6), [withdraw(A, 6, 5)]),
    ("ModuleApproved", (A,), [role("module", A, True)]),
    ("ShareKeeperUpdated", (A, True), [role("share keeper", A, True)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "said"), CASES, ids=[f"{n}-{len(v)}" for n, v, _ in CASES])
def test_an_event_says_what_the_protocol_means_by_it(registry, name, values, said):
    own = registry.of("derive")
    specs = [k.spec for k in own.known if k.spec.name == name and len(k.spec.params) == len(values)]
    assert len(specs) == 1
    found = Decoder(own).facts(execution(logs=[make_log(specs[0], *values, log_index=7)]))
    assert not found.malformed
    assert found.events == tuple(
        kind(order=n, log_index=7, address=HERE, protocol="derive", **fields) for n, (kind, fields) in enumerate(said)
    )


def test_every_meaning_has_a_case(registry):
    tried = {(name, len(values)) for name, values, _ in CASES}
    own = {k.spec.signature: k.spec for k in registry.of("derive").known}
    meant = {(own[s].name, len(own[s].params)) for p, s in MAPPERS if p == "derive"}
    assert meant == tried


@pytest.mark.parametrize(
    ("signature", "topic0"),
    [  # of readers of the chain's logs
        (
            "BalanceAdjusted(uint256,address,bytes32,int256,int256,int256,uint256)",
            "0x503ec09c1b4597d114eca849f7013c8c457988802d1dc5da49a0c461b5f88658",
        ),
        (
            "SpotPriceUpdated(uint96,uint96,uint64)",
            "0xbd86cbf2ccd8e501428ca22429126186e6ed6c5287f2be73152c58bae94f4183",
        ),
        (
            "ForwardDataUpdated(uint64,(int96,uint64,uint64),(uint256,uint256))",
            "0x9f896aba44d86664403ab1344cde140b477c830d6ceda60ae36c1e7132fd2686",
        ),
        (
            "RateUpdated(uint64,int96,uint96,uint64)",
            "0xf00d73eebf231f5bfbe60b1882b53b782160a5c8c38e1f1cb26470fdde355768",
        ),
        (
            "SpotDiffUpdated(int96,uint96,uint64)",
            "0x248fe0fb2a38847211f28b18cd0417aa0a9b2259a16e92e793ba97887eb5d951",
        ),
        (
            "RateUpdated(int64,uint64)",
            "0x203d3e59e9d6dd4310ba6d0a2b518dea62d541573ba6f674aec647220186c946",
        ),
        (
            "VolDataUpdated(uint64,(int256,uint256,int256,int256,uint256,uint256,uint64,uint64,uint64))",
            "0x0b6ec9c174360425894fd5ff56d14f3450d70f2c9cde3a25983d652a72b84606",
        ),
    ],
)
def test_topics_are_those_seen_on_chain(registry, signature, topic0):
    assert [k.spec.topic0 for k in registry.of("derive").known if k.spec.signature == signature] == [topic0]
