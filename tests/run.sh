#!/usr/bin/env bash
# The test session without what is marked slow (`make slow`): the quick tests on both cores; then those that own a server, a browser or
# the Ray cluster, file by file on both cores; then the coverage gates. Called by `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE  # as in the Makefile, for callers of this script alone
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false MLFLOW_DISABLE_TELEMETRY=true RAY_USAGE_STATS_ENABLED=0
alone="ray or servers or browser"
# Kafka, MinIO and the fault proxy are built once, beside the quick tests, where this machine has the tools for it; where
# it has not, what was left out is said, and the modules that only a real server exercises leave the gate.
.venv/bin/python -m journalclip_devtools.servers.build & building=$!
.venv/bin/coverage erase
.venv/bin/python -m pytest -q -n 2 --cov --cov-report= --durations=40 --durations-min=4 -m "not ($alone or cluster or chaos or slow)"
real=''; wait "$building" || real='--omit=*/bus/kafka.py,*/artifacts/s3.py,*/artifacts/uploads.py'
.venv/bin/python -m pytest -q -n 2 --dist loadfile --cov --cov-append --cov-report= --durations=40 --durations-min=4 -m "($alone) and not (chaos or slow)" || [ $? -eq 5 ]  # 5: none of them is here yet
.venv/bin/coverage report --skip-covered --include='shared/platform/journalclip_shared/*' $real --fail-under=95
.venv/bin/coverage report --include='*/handler.py' --fail-under=95
