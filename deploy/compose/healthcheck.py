"""The image's health check: the service is ready, or the statistics tell their figures."""

import os
import urllib.request

if "BMT_METRICS_PORT" in os.environ:
    URL = f"http://127.0.0.1:{os.environ['BMT_METRICS_PORT']}/metrics"
else:
    URL = f"http://127.0.0.1:{os.environ['BMT_PORT']}/readyz"

urllib.request.urlopen(URL, timeout=4).close()  # noqa: S310 - our own address
