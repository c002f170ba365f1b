"""The status of all chains as Prometheus metrics, made anew at each scrape: nothing is counted twice."""

import statistics
from collections.abc import Iterator

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from chainwatch.bot import Bot
from chainwatch.engine import EngineStatus

_GAUGES = {
    "newest_contiguous_block": "Highest block up to which nothing is missing since the ledger begins.",
    "lag_blocks": "Blocks the head is ahead of what was handled.",
    "clock_skew_seconds": "Our clock minus the newest block's timestamp when it was handled.",
    "safe": "Newest block the chain calls safe.",
    "finalized": "Newest final block.",
    "handled": "Newest block that went through detection.",
}
_COUNTERS = {
    "seconds_blind": "Seconds in which nothing new could be seen.",
    "executions": "Transactions that went through detection.",
    "malformed_logs": "Logs that are not what their topic promises.",
    "unknown_logs": "Logs of events that no decoder knows.",
    "gaps": "Times that blocks could not be read at first.",
    "reorgs": "Reorganisations followed.",
    "probe_failures": "Probes that failed or on which the providers disagree.",
    "untraced": "Blocks whose call trees were not all there.",
    "implementation_changes": "Times that a protected contract was found to run other code than before.",
    "store_failures": "Writes to the store that failed and were tried again.",
    "writes_lost": "Writes given up because the store failed for too long.",
    "writes_refused": "Writes that the store refuses and no later try would mend; skipped.",
}


class _Statuses(Collector):
    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    def collect(self) -> Iterator[Metric]:
        statuses = self._bot.statuses()
        ready = GaugeMetricFamily("chainwatch_ready", "1 where nothing stands against it.", labels=["chain"])
        for chain, reasons in self._bot.not_ready().items():
            ready.add_metric([str(chain)], float(not reasons))
        yield ready
        for name, what in _GAUGES.items():
            gauge = GaugeMetricFamily(f"chainwatch_{name}", what, labels=["chain"])
            for chain, status in statuses.items():
                if (value := getattr(status, name)) is not None:
                    gauge.add_metric([str(chain)], float(value))
            yield gauge
        for name, what in _COUNTERS.items():
            counter = CounterMetricFamily(f"chainwatch_{name}", what, labels=["chain"])
            for chain, status in statuses.items():
                counter.add_metric([str(chain)], float(getattr(status, name)))
            yield counter
        yield from _of_blocks(statuses)
        yield from _labelled(statuses)
        yield from _of_providers(statuses, self._bot)


def _of_blocks(statuses: dict[int, EngineStatus]) -> Iterator[Metric]:
    families = {
        "head": GaugeMetricFamily("chainwatch_head", "The chain's newest block, as followed.", labels=["chain"]),
        "blind": GaugeMetricFamily("chainwatch_blind", "1 while nothing new can be seen.", labels=["chain"]),
        "behind": GaugeMetricFamily("chainwatch_behind", "Blocks of gaps being caught up.", labels=["chain"]),
        "parked": GaugeMetricFamily("chainwatch_parked", "Blocks that cannot be read, tried again.", labels=["chain"]),
        "sequencer_down": GaugeMetricFamily(
            "chainwatch_sequencer_down", "1 while the L2's uptime feed says so, and an hour after.", labels=["chain"]
        ),
        "missing": GaugeMetricFamily("chainwatch_missing", "Heights that are not in the ledger.", labels=["chain"]),
    }
    latency = SummaryMetricFamily(
        "chainwatch_header_to_handled_seconds",
        "From a header heard to its block handled.",
        labels=["chain", "quantile"],
    )
    for chain, status in statuses.items():
        values = {
            "head": status.blocks.head_number, "blind": float(status.blind_since is not None),
            "sequencer_down": float(status.sequencer != "up"),
            "behind": status.blocks.behind, "parked": status.blocks.parked, "missing": status.missing.count,
        }  # fmt: skip
        for name, value in values.items():
            if value is not None:
                families[name].add_metric([str(chain)], float(value))
        if len(status.header_to_handled) > 1:
            cuts = statistics.quantiles(status.header_to_handled, n=100)
            for quantile, cut in (("0.5", cuts[49]), ("0.99", cuts[98])):
                latency.add_sample(latency.name, {"chain": str(chain), "quantile": quantile}, cut)
    yield from families.values()
    yield latency


def _labelled(statuses: dict[int, EngineStatus]) -> Iterator[Metric]:
    alerts = CounterMetricFamily("chainwatch_alerts", "Transitions of alerts.", labels=["chain", "event"])
    detectors = CounterMetricFamily(
        "chainwatch_detector_failures", "Times a detector raised.", labels=["chain", "detector"]
    )
    pending = CounterMetricFamily("chainwatch_pending", "Pending transactions.", labels=["chain", "outcome"])
    sent = CounterMetricFamily("chainwatch_notifications", "Messages to channels.", labels=["outcome"])
    for chain, status in statuses.items():
        for event, count in status.alerts.items():
            alerts.add_metric([str(chain), event], count)
        for name, count in status.detector_failures.items():
            detectors.add_metric([str(chain), name], count)
        if status.pending is not None:
            for outcome, number in msgspec.structs.asdict(status.pending).items():
                if isinstance(number, int):
                    pending.add_metric([str(chain), outcome], number)
    counts = next((status.notifications for status in statuses.values()), None)  # shared by all chains
    for outcome, number in msgspec.structs.asdict(counts).items() if counts is not None else ():
        sent.add_metric([outcome], number)
    yield from (alerts, detectors, pending, sent)


def _of_providers(statuses: dict[int, EngineStatus], bot: Bot) -> Iterator[Metric]:
    labels = ["chain", "provider"]
    usable = GaugeMetricFamily("chainwatch_provider_usable", "1 where it is asked.", labels=labels)
    latency = GaugeMetricFamily("chainwatch_provider_latency_seconds", "Moving average of its answers.", labels=labels)
    head = GaugeMetricFamily("chainwatch_provider_head", "The newest block it told.", labels=labels)
    calls = CounterMetricFamily("chainwatch_provider_calls", "Calls made.", labels=[*labels, "method"])
    errors = CounterMetricFamily("chainwatch_provider_errors", "Calls without an answer.", labels=labels)
    for chain in statuses:
        for provider in bot.pool(chain).providers:
            status, names = provider.status(), [str(chain), provider.name]
            usable.add_metric(names, float(status.usable))
            latency.add_metric(names, status.latency_ms / 1e3)
            errors.add_metric(names, status.errors)
            if status.head is not None:
                head.add_metric(names, status.head)
            for method, count in provider.calls.items():
                calls.add_metric([*names, method], count)
    yield from (usable, latency, head, calls, errors)


def exposition(bot: Bot) -> bytes:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Statuses(bot))
    return generate_latest(registry)
