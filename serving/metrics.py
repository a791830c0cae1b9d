"""What the service counts, for Prometheus. Labels are names of models: there are few of them, and they stay few."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SCORES = (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)


class Metrics:
    """All of them, in one registry.

    Args:
        registry: where they are published; a server gives the process's own, beside KServe's metrics.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        into = registry or CollectorRegistry()
        model = ("model",)

        def counter(name: str, about: str, labels: tuple[str, ...] = model) -> Counter:
            return Counter(f"unforeseen_{name}", about, labels, registry=into)

        def gauge(name: str, about: str, labels: tuple[str, ...] = model) -> Gauge:
            return Gauge(f"unforeseen_{name}", about, labels, registry=into)

        def histogram(name: str, about: str, buckets: tuple[float, ...], labels: tuple[str, ...] = model) -> Histogram:
            return Histogram(f"unforeseen_{name}", about, labels, registry=into, buckets=buckets)

        self.registry = into
        self.requests = counter("requests", "Requests that were answered")
        self.refused = counter("refused", "Requests that were refused", ("reason",))
        self.waiting = gauge("requests_under_way", "Requests that are being answered or wait for it", ())
        self.request_seconds = histogram("request_seconds", "From the decoded frames to the answer", SECONDS)
        self.request_bytes = counter("request_bytes", "Received, in requests to score", ("protocol",))
        self.response_bytes = counter("response_bytes", "Sent, in answers to them", ("protocol",))
        self.frames = counter("frames", "Frames that were scored, context included")
        self.scores = histogram("score", "Anomaly scores of frames out of warm-up", SCORES)
        self.alarms = counter("alarms", "Frames at or over the threshold")
        self.events = counter("events", "Events that were announced")
        self.streams = gauge("streams", "Streams whose state is kept", ())
        self.stream_bytes = gauge("stream_bytes", "Of the states of all streams", ())
        self.evicted = counter("streams_evicted", "States that left for lack of memory or of news", ("reason",))
        self.gaps = counter("streams_restarted", "Streams that began anew: a gap, or a new detector")
        self.batch = histogram("batch_frames", "Frames that went through the network together", (1, 2, 4, 8, 16), ())
        self.queue_seconds = histogram("queue_seconds", "That a frame waited for the network", SECONDS, ())
        self.step_seconds = histogram("step_seconds", "That the network took for a batch", SECONDS, ())
        self.cold_starts = counter("cold_starts", "Detectors that were loaded and compiled")
        self.load_seconds = histogram("load_seconds", "That loading and compiling a detector took", SECONDS)
        self.detector_bytes = gauge("detector_bytes", "Of all detectors in memory", ())
        self.detectors_evicted = counter("detectors_evicted", "Detectors that left for lack of memory")
        self.version = gauge("detector_info", "1 for the version of the detector in use", ("model", "version"))
        self.refused_versions = counter(
            "refused_versions", "New versions that could not be loaded; the old one goes on"
        )
