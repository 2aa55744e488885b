"""A Sentry and an OpenTelemetry receiver on this machine, which keep what their real clients send."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receivers:
    """Takes Sentry envelopes and OTLP over HTTP, from any process. A context manager.

    Attributes:
        events: Sentry's, as they were sent.
        spans: Of traces: ``name``, ``attributes``, ``events`` (attributes of each).
        metrics: Names of metrics that came.
        raw: All that came, as text, whatever it was.
    """

    def __init__(self):
        """Listen."""
        self.events: list[dict[str, Any]] = []
        self.spans: list[dict[str, Any]] = []
        self.metrics: set[str] = set()
        self.raw: list[str] = []
        receivers = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receivers._take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    @property
    def dsn(self) -> str:
        """Sentry's address of this receiver."""
        return f"http://key@{self.address}/1"

    @property
    def otlp(self) -> str:
        """OpenTelemetry's endpoint here."""
        return f"http://{self.address}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()

    def _take(self, path: str, body: bytes) -> None:
        self.raw.append(body.decode(errors="replace"))
        if path.endswith("/envelope/"):
            self.events += [item for kind, item in _items(body) if kind == "event"]
        elif path.endswith("/v1/traces"):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    self.spans += [_span(span) for span in scope.spans]
        elif path.endswith("/v1/metrics"):
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics |= {metric.name for metric in scope.metrics}


def _items(envelope: bytes):
    """The items of an envelope: its header's line, then a header and a payload each."""
    rest = envelope.partition(b"\n")[2]
    while rest.strip():
        head, _, rest = rest.partition(b"\n")
        header = json.loads(head)
        length = header.get("length", rest.find(b"\n"))
        yield header["type"], json.loads(rest[:length])
        rest = rest[length:].removeprefix(b"\n")


def _span(span: Any) -> dict[str, Any]:
    return {
        "name": span.name,
        "attributes": _plain(span.attributes),
        "events": [_plain(event.attributes) for event in span.events],
    }


def _plain(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value") or "", None) for a in attributes}
