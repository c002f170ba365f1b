"""Derive (Lyra v2): cash and wrapped tokens, perpetuals and options, margin managers, liquidation auctions, signed
feeds, the matching of orders, and vaults (tokenized subaccounts).

An account is the subaccount's number as text. Amounts have 18 decimals but what cash and wrapped tokens took in or gave
out, which is in the token's own. A trade is the taker's; the maker traded the other way. The quote of a perpetual's
trade is the difference to the index price only, so that trades name no price. A bid pays `repaid` into the account, and
`seized` is the share of the portfolio it took, 10**18 being all of it; in an insolvent auction it pays nothing.
"""

from chainwatch.decode.mappers import change, settings
from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, Says, expr, literal, says
from chainwatch.types import (
    Address,
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

_PROTOCOL = "derive"
_ACCOUNT = expr("str({accountId})")
_EXPIRY = expr("'expiry ' + str({expiry})")


def _quoted(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """A request for quotes that was filled: what the taker gave, the maker received, item by item."""
    _maker, taker, trades = args
    for asset, sub_id, _quote, base in trades:
        events.append(
            Trade(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                instrument=f"{asset}/{sub_id}" if sub_id else asset,
                account=str(taker),
                size=-base,
            )
        )


def _allowed(role: str, account: str, granted: str | bool, actor: str | None = None) -> Says:
    return says(RoleChange, role=literal(role), account=account, granted=granted, actor=actor)


def _of_market(what: str, after: str) -> Says:
    return says(ParameterChange, what=literal(what), subject=expr("str({marketId})"), after=after)


MAPPERS: Mappers = {
    # Cash, wrapped tokens.
    "Deposit(uint256,address,uint256,uint256)": says(
        Deposit, account=_ACCOUNT, token=None, amount="stableAssetDeposited", shares="amountCashMinted"
    ),
    "Withdraw(uint256,address,uint256,uint256)": says(
        Withdraw, account=_ACCOUNT, token=None, amount="stableAssetWithdrawn", shares="amountCashBurn"
    ),
    "Deposit(uint256,address,uint256)": says(Deposit, account=_ACCOUNT, token=None, amount="amountAsset"),
    "Withdraw(uint256,address,uint256)": says(Withdraw, account=_ACCOUNT, token=None, amount="amountAsset"),
    "SmFeeSet(uint256)": change("securityModuleFee", "fee"),
    "SmFeeRecipientSet(uint256)": change("securityModuleFeeRecipient", "recipientAcc"),
    "LiquidationModuleSet(address)": change("liquidationModule", "liquidationModule"),
    "InterestRateModelSet(address)": change("interestRateModel", "rateModel"),
    "InterestRateParamsSet(uint256,uint256,uint256,uint256)": settings(
        _PROTOCOL, minRate=0, rateMultiplier=1, highRateMultiplier=2, optimalUtil=3
    ),
    "WithdrawFeeEnabled(uint256)": change("cashToStableExchangeRate", "exchangeRate"),
    "WithdrawFeeDisabled(uint256)": change("cashToStableExchangeRate", "exchangeRate"),
    "WhitelistManagerSet(address,bool)": _allowed("manager", "_manager", "_whitelisted"),
    "TotalPositionCapSet(address,uint256)": change("totalPositionCap", "oiCap", subject="manager"),
    # Perpetuals, options.
    "FundingRateUpdated(int256,int256,uint256)": says(
        InstrumentUpdate, instrument=EMITTER, what=literal("funding"), value="fundingRate"
    ),
    "AggregatedFundingUpdated(int256,int256,uint256)": says(
        InstrumentUpdate, instrument=EMITTER, what=literal("funding"), value="fundingRate"
    ),
    "StaticUnderlyingInterestRateUpdated(int128)": change("staticInterestRate", "premium"),
    "SpotFeedUpdated(address)": change("spotFeed", "spotFeed"),
    "PerpFeedUpdated(address)": change("perpFeed", "perpFeed"),
    "ImpactFeedsUpdated(address,address)": settings(_PROTOCOL, askImpactFeed=0, bidImpactFeed=1),
    "SettlementFeedSet(address)": change("settlementFeed", "settlementFeed"),
    "SettlementPriceSet(uint256,uint256)": says(
        InstrumentUpdate, instrument=_EXPIRY, what=literal("settled"), value="settlementPrice"
    ),
    # Margin managers.
    "MinOIFeeSet(uint256)": change("minOIFee", "minOIFee"),
    "CalleeWhitelisted(address)": _allowed("callee", "callee", granted=True),
    "FeeBypassedCallerSet(address,bool)": _allowed("fee bypassed caller", "caller", "bypassed"),
    "FeeRecipientSet(uint256)": change("feeRecipient", "_newAcc"),
    "MaxAccountSizeUpdated(uint256)": change("maxAccountSize", "maxAccountSize"),
    "TrustedRiskAssessorUpdated(address,bool)": _allowed("risk assessor", "riskAssessor", "trusted"),
    "MarketCreated(uint256,string)": says(InstrumentUpdate, instrument="marketName", what=literal("listed")),
    "AssetWhitelisted(address,uint256,uint8)": says(InstrumentUpdate, instrument="asset", what=literal("listed")),
    "OraclesSet(uint256,address,address,address)": settings(_PROTOCOL, spotFeed=1, forwardFeed=2, volFeed=3),
    "PerpMarginRequirementsSet(uint256,uint256,uint256)": settings(_PROTOCOL, perpMMRequirement=1, perpIMRequirement=2),
    "OptionMarginParamsSet(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)": settings(
        _PROTOCOL,
        maxSpotReq=1,
        minSpotReq=2,
        mmCallSpotReq=3,
        mmPutSpotReq=4,
        MMPutMtMReq=5,
        unpairedIMScale=6,
        unpairedMMScale=7,
        mmOffsetScale=8,
    ),
    "BaseAssetMarginFactorSet(uint256,uint256)": _of_market("baseAssetMarginFactor", "baseAssetMarginFactor"),
    "BaseMarginDiscountFactorSet(uint256,uint256)": _of_market("baseMarginDiscountFactor", "baseMarginDiscountFactor"),
    "DepegParametersSet(uint256,uint256)": settings(_PROTOCOL, depegThreshold=0, depegFactor=1),
    "OracleContingencySet(uint256,uint256,uint256,uint256)": settings(
        _PROTOCOL, perpThreshold=0, optionThreshold=1, baseThreshold=2, OCFactor=3
    ),
    "StableFeedUpdated(address)": change("stableFeed", "stableFeed"),
    "BorrowingEnabled(bool)": change("borrowing", expr("int({borrowingEnabled})")),
    "MaxExpiriesUpdated(uint256)": change("maxExpiries", "maxExpiries"),
    "InterestRateFeedUpdated(address)": change("interestRateFeed", "interestRateFeed"),
    "VolFeedUpdated(address)": change("volFeed", "volFeed"),
    "ForwardFeedUpdated(address)": change("forwardFeed", "forwardFeed"),
    # Liquidations.
    "Bid(uint256,uint256,uint256,uint256,uint256)": says(
        Liquidation,
        account=_ACCOUNT,
        liquidator=expr("str({bidderId})"),
        debt_token=None,
        collateral_token=None,
        repaid="cashFromBidder",
        seized="finalPercentage",
    ),
    "ModuleWhitelisted(address,bool)": _allowed("security module's user", "module", "isWhitelisted"),
    "SecurityModulePaidOut(uint256,uint256,uint256)": says(
        Withdraw, account=_ACCOUNT, token=None, amount="cashAmountPaid"
    ),
    # Feeds.
    "SpotPriceUpdated(uint96,uint96,uint64)": says(PriceUpdate, feed=EMITTER, answer="spot", updated_at="timestamp"),
    "ForwardDataUpdated(uint64,(int96,uint64,uint64),(uint256,uint256))": says(
        InstrumentUpdate, instrument=_EXPIRY, what=literal("parameter"), value=expr("{fwdDetails}[0]")
    ),
    "RateUpdated(uint64,int96,uint96,uint64)": says(
        InstrumentUpdate, instrument=_EXPIRY, what=literal("parameter"), value="rate"
    ),
    "SpotDiffCapUpdated(uint256)": change("spotDiffCap", "spotDiffCap"),
    "SettlementHeartbeatUpdated(uint64)": change("settlementHeartbeat", "settlementHeartbeat"),
    "SignerUpdated(address,bool)": _allowed("signer", "signer", "isWhitelisted"),
    "RequiredSignersUpdated(uint256)": change("requiredSigners", "requiredSigners"),
    # Matching and its modules.
    "ModuleAllowed(address,bool)": _allowed("module", "module", "allowed"),
    "TradeExecutorSet(address,bool)": _allowed("trade executor", "executor", "canExecute"),
    "SessionKeyRegistered(address,address,uint256)": _allowed("session key", "sessionKey", True, actor="owner"),
    "OrderMatched(address,uint256,uint256,bool,int256,uint256)": says(
        Trade,
        instrument="base",
        account=expr("str({taker})"),
        size=expr("{amtBase} if {takerIsBid} else -{amtBase}"),
    ),
    "RFQTradeCompleted(uint256,uint256,(address,uint256,int256,int256)[])": _quoted,
    # Vaults.
    "DepositInitiated(uint256,address,uint256)": says(Deposit, account="recipient", token=None, amount="amount"),
    "WithdrawalProcessed(uint256,address,bool,uint256,uint256)": says(
        Withdraw, account="beneficiary", token=None, amount="amountReceived", shares="sharesProcessed"
    ),
    "ModuleApproved(address)": _allowed("module", "module", granted=True),
    "ShareKeeperUpdated(address,bool)": _allowed("share keeper", "keeper", "isKeeper"),
}

BOUND_ONLY = (
    "Deposit(uint256,address,uint256,uint256)",
    "Withdraw(uint256,address,uint256,uint256)",
    "Deposit(uint256,address,uint256)",
    "Withdraw(uint256,address,uint256)",
    "Bid(uint256,uint256,uint256,uint256,uint256)",
    "DepositInitiated(uint256,address,uint256)",
    "FeeRecipientSet(uint256)",
    "SettlementPriceSet(uint256,uint256)",
    "MarketCreated(uint256,string)",
    "ModuleWhitelisted(address,bool)",
)
