"""Writes rules.yaml, the Prometheus operator's form of `deploy/prometheus/rules`.

`python deploy/kubernetes/monitoring/rules.py`, after a change of the rules; a test compares them.
"""

from pathlib import Path
from typing import Final

import yaml

FILE: Final = Path(__file__).parent / "rules.yaml"
RULES: Final = Path(__file__).parents[2] / "prometheus" / "rules"
HEADER: Final = "# Written by rules.py from deploy/prometheus/rules: change them there.\n"


def text() -> str:
    """The file's text."""
    files = [RULES / "recording.yml", RULES / "alerts.yml"]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "bmt", "labels": {"app.kubernetes.io/part-of": "bmt"}},
        "spec": {
            "groups": [
                group for file in files for group in yaml.safe_load(file.read_text())["groups"]
            ]
        },
    }
    return HEADER + yaml.safe_dump(rule, sort_keys=False, width=120)


if __name__ == "__main__":
    FILE.write_text(text())
