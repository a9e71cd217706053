#!/usr/bin/env bash
# The test session: the quick tests on both cores, then those that own a server, a browser or the Ray cluster, one after
# another; then the coverage gates. Called by `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE  # as in the Makefile, for callers of this script alone
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false MLFLOW_DISABLE_TELEMETRY=true RAY_USAGE_STATS_ENABLED=0
alone="ray or servers or browser"
.venv/bin/coverage erase
.venv/bin/pytest -q -n 2 --cov --cov-report= -m "not ($alone)"
.venv/bin/pytest -q --cov --cov-append --cov-report= -m "$alone" || [ $? -eq 5 ]  # 5: none of them is here yet
.venv/bin/coverage report --skip-covered --include='shared/journalclip_shared/*' --fail-under=95
.venv/bin/coverage report --include='*/handler.py' --fail-under=95
