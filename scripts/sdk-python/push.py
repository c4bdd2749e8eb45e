#!/usr/bin/env python3
"""Pushes spans, metrics and log lines with OpenTelemetry's own SDK, over gRPC and over HTTP.

    python3 -m venv /tmp/sdk && /tmp/sdk/bin/pip install -r requirements.txt
    /tmp/sdk/bin/python push.py --grpc http://127.0.0.1:4317 --http http://127.0.0.1:4318

For each protocol there is a service of its own (sdk-grpc, sdk-http). Prints a JSON object with the ids of what was
sent, by protocol; exits with 1 if anything was not accepted.
"""

import argparse
import json
import logging
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode


def exporters(protocol, endpoint):
    if protocol == "grpc":
        return [make(endpoint=endpoint, insecure=True) for make in (GrpcSpans, GrpcMetrics, GrpcLogs)]
    signals = {"traces": HttpSpans, "metrics": HttpMetrics, "logs": HttpLogs}
    return [make(endpoint=f"{endpoint}/v1/{signal}") for signal, make in signals.items()]


class Push:
    """One service that reports by one protocol."""

    def __init__(self, protocol, endpoint):
        self.service = f"sdk-{protocol}"
        resource = Resource.create(
            {
                "service.name": self.service,
                "service.namespace": "acceptance",
                "service.instance.id": f"{self.service}-1",
                "deployment.environment.name": "test",
            }
        )
        spans, metrics, logs = exporters(protocol, endpoint)
        self.traces = TracerProvider(resource=resource)
        self.traces.add_span_processor(BatchSpanProcessor(spans))
        reader = PeriodicExportingMetricReader(metrics, export_interval_millis=3_600_000)
        self.metrics = MeterProvider(resource=resource, metric_readers=[reader])
        self.logs = LoggerProvider(resource=resource)
        self.logs.add_log_record_processor(BatchLogRecordProcessor(logs))
        self.logger = logging.getLogger(self.service)
        self.logger.propagate = False
        self.logger.setLevel(logging.INFO)
        self.logger.addHandler(LoggingHandler(logger_provider=self.logs))

    def work(self):
        """Two traces: an order with its charge, and a receipt that points back to it by a link."""
        tracer = self.traces.get_tracer("acceptance", "1.0")
        with tracer.start_as_current_span("order", kind=SpanKind.SERVER, attributes={"order.items": 3}) as order:
            self.logger.info("order received by %s", self.service)
            with tracer.start_as_current_span("charge", kind=SpanKind.CLIENT) as charge:
                charge.add_event("card declined", {"reason": "insufficient funds"})
                charge.set_status(Status(StatusCode.ERROR, "card declined"))
                self.logger.error("card declined by %s", self.service, extra={"card": "visa"})
        link = Link(order.get_span_context(), {"why": "receipt"})
        with tracer.start_as_current_span("receipt", kind=SpanKind.PRODUCER, links=[link]) as receipt:
            pass
        self.measure()
        ids = {"order": order, "charge": charge, "receipt": receipt}
        return {name: self.ids(span) for name, span in ids.items()} | {"service": self.service}

    @staticmethod
    def ids(span):
        context = span.get_span_context()
        return {
            "trace_id": trace.format_trace_id(context.trace_id),
            "span_id": trace.format_span_id(context.span_id),
        }

    def measure(self):
        """A counter at 7, a histogram of 0.03, 0.3 and 3 seconds, a gauge that goes up and down and ends at 2."""
        meter = self.metrics.get_meter("acceptance")
        meter.create_counter("acceptance.orders", unit="{order}", description="Orders.").add(7, {"status": "paid"})
        histogram = meter.create_histogram(
            "acceptance.order.duration",
            unit="s",
            description="How long orders took.",
            explicit_bucket_boundaries_advisory=[0.1, 1.0],
        )
        for seconds in (0.03, 0.3, 3.0):
            histogram.record(seconds)
        open_orders = meter.create_up_down_counter("acceptance.orders.open", description="Open orders.")
        open_orders.add(5)
        open_orders.add(-3)

    def flush(self):
        """Sends everything; whether all of it was accepted."""
        return all([self.traces.force_flush(), self.metrics.force_flush(), self.logs.force_flush()])

    def shutdown(self):
        self.traces.shutdown()
        self.metrics.shutdown()
        self.logs.shutdown()


class Failures(logging.Handler):
    """Exporters tell of refusals in Python's log alone."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record):
        self.count += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grpc", metavar="URL", help="OTLP over gRPC, e.g. http://127.0.0.1:4317")
    parser.add_argument("--http", metavar="URL", help="OTLP over HTTP, e.g. http://127.0.0.1:4318")
    args = parser.parse_args()
    failures = Failures()
    logging.basicConfig(stream=sys.stderr)
    logging.getLogger("opentelemetry").addHandler(failures)
    sent = {}
    accepted = True
    for protocol, endpoint in (("grpc", args.grpc), ("http", args.http)):
        if endpoint:
            push = Push(protocol, endpoint.rstrip("/"))
            sent[protocol] = push.work()
            accepted = push.flush() and accepted
            push.shutdown()
    print(json.dumps(sent))
    return 0 if sent and accepted and failures.count == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
