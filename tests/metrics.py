"""The page of `/metrics`, as Prometheus reads it."""

from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from tests.http.raw import ask
from threadline.testing import Threadline

Metrics = dict[str, float]
"""Values by name and labels: `threadline_sockets`, `threadline_memory_bytes{process=0}`."""


def metrics_at(url: str) -> Metrics:
    """The values at the URL of a page."""
    answer = ask(url, "GET", urlsplit(url).path)
    assert answer.status == 200, answer
    assert answer.headers["content-type"].startswith("text/plain; version=")
    metrics: Metrics = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in metrics, f"{key} is there twice"
            metrics[key] = sample.value
    return metrics


def metrics_of(server: Threadline) -> Metrics:
    """The values of a server in this process, which was made with `metrics_address="0"`."""
    page = server._server.metrics
    assert page is not None
    return metrics_at(page.url)
