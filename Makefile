# Every target does all its own set-up: uv comes into a virtual environment of its own where it is missing, then the
# locked packages are synced. The second call of any target finds that done.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
UV := $(shell command -v uv || echo .uv/bin/uv)
VENV := .venv/bin
PACKAGES := shared sources modeling evaluation synthetic catalogue intake extraction structuring freezing training promotion inference pipelines devtools
SERVICES := catalogue intake extraction structuring freezing training promotion inference
SOURCES := $(addprefix shared/,platform sources modeling evaluation synthetic client) $(addprefix services/,$(SERVICES)) pipelines devtools
empty :=
space := $(empty) $(empty)
MYPYPATH := $(subst $(space),:,$(SOURCES))
WORKDIR ?= journalclip-demo
# Stray package folders of the machine must not change what is installed.
unexport PIP_FIND_LINKS
# Without compiled bytecode every start of torch, transformers and mlflow costs 15 seconds more.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## say what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "journalclip needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9'

.PHONY: sync
sync: $(filter .uv/bin/uv,$(UV)) ## install exactly what uv.lock says into .venv
	@$(UV) sync --quiet --locked --all-groups --python $(PYTHON)

.PHONY: demo
demo: sync ## synthetic journals (or PDFS=DIR) to a searchable, promoted model, in minutes on a CPU
	@$(VENV)/journalclip demo --workdir $(WORKDIR) $(if $(PDFS),--pdfs "$(PDFS)")

.PHONY: check
check: sync ## ruff and strict mypy over everything
	@$(VENV)/ruff check --quiet . && $(VENV)/ruff format --quiet --check . && echo "ruff: clean"
	@MYPYPATH=$(MYPYPATH) $(VENV)/mypy $(addprefix -p journalclip_,$(PACKAGES)) -p journalclip
	@$(VENV)/mypy $(wildcard $(addsuffix /tests,$(SOURCES))) tests

.PHONY: test
test: check ## lint, types, every test that this machine can run but the slow ones, and the coverage gates
	@tests/run.sh

.PHONY: figures-folds
figures-folds: sync ## answers about the labelled figures LABELS by classifiers that did not see them, to OUT (JSON lines)
	@$(VENV)/journalclip figures folds $(or $(LABELS),../shared/corpus/figures/figures.jsonl) --out $(or $(OUT),figures-answers.jsonl)

.PHONY: slow
slow: sync ## the tests that take more than ten seconds each, which make test leaves out: whole runs by the command, kills, tuning, layouts
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(VENV)/python -m pytest -q -m "slow and not (cluster or chaos)" --durations=20

.PHONY: mutants
mutants: sync ## one changed line at a time in the modules that matter most (or NAMES="gates splits"): do the tests notice? (an hour or two)
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(VENV)/python -m journalclip_devtools.mutants $(NAMES) --record $(or $(RECORD),mutants.jsonl)

.PHONY: chaos
chaos: sync ## every fault on real Kafka and MinIO: each fail point with 20 seeds, 500 runs of 100 steps (hours; goes on where it stopped)
	@JOURNALCLIP_CHAOS_RECORD=$(or $(RECORD),$(CURDIR)/journalclip-chaos/kills.jsonl) \
		JOURNALCLIP_CHAOS_SEEDS=$(or $(SEEDS),20) JOURNALCLIP_CHAOS_EVENTS=50000 JOURNALCLIP_CHAOS_EXAMPLES=500 \
		JOURNALCLIP_CHAOS_STEPS=100 JOURNALCLIP_CHAOS_STORM_S=600 JOURNALCLIP_CHAOS_STORMS=0,1,2 $(VENV)/pytest -q --timeout 14400 tests/chaos tests/servers
	@$(VENV)/pytest -q -m chaos services

.PHONY: gpu-check
gpu-check: sync ## steps, losses and recipes on the GPU that is there, into gpu-check.json (TINY=1: the script itself, on a CPU)
	@$(VENV)/python -m journalclip_devtools.gpu_check --out $(or $(OUT),gpu-check.json) $(if $(TINY),--tiny --device cpu)

.PHONY: recipes
recipes: sync ## count anew what a step of each changed GPU recipe needs, into docs/benchmarks/recipes.json (minutes)
	@$(VENV)/python -m journalclip_devtools.recipe_footprints $(NAMES)

.PHONY: headers
headers: sync ## plant identifiers in 500 headers and look for them in all that is stored (make test: in 100)
	@JOURNALCLIP_TEST_HEADERS=500 $(VENV)/pytest -q shared/sources/tests/studies/test_deidentify.py -k many_headers

.PHONY: up
up: sync ## all services against real servers on this machine, until Ctrl-C
	@$(VENV)/journalclip up --workdir $(WORKDIR)

.PHONY: studies-archive
studies-archive: sync ## 2,000 synthetic studies (or STUDIES=N) in mixed layouts: every file read or left out, in bounded memory
	@$(VENV)/python -m journalclip_devtools.benches.archive --studies $(or $(STUDIES),2000)

.PHONY: studies-text
studies-text: sync ## text planted in 60 series (corners, edges, over the brain, small, large): 0.95 of them must be left out
	@$(VENV)/python -m journalclip_devtools.benches.planted_text

.PHONY: studies-stream
studies-stream: sync ## 50 steps (or STEPS=N) of training on a manifest of 10,825 examinations, read from shards: peak memory at most 4 GiB
	@$(VENV)/python -m journalclip_devtools.benches.streaming --steps $(or $(STEPS),50) --most-gib 4

.PHONY: studies-brats
studies-brats: sync ## SeLIP's downstream protocol on phantom folders of BraTS's layout, pretrained against scratch (half an hour; SEEDS=N)
	@$(VENV)/python -m journalclip_devtools.benches.brats --folder $(or $(FOLDER),brats-phantoms) --seeds $(or $(SEEDS),5)

.PHONY: studies-receive
studies-receive: sync ## 40 studies (or STUDIES=N) by DCMTK's storescu and pynetdicom, one transfer broken off: each whole one once
	@$(VENV)/python -m journalclip_devtools.benches.receiving --studies $(or $(STUDIES),40)

.PHONY: growth
growth: sync ## CPU time of the catalogue's answers at 1k, 16k and 100k sources, on SQLite and PostgreSQL (minutes; SIZES="...")
	@$(VENV)/python -m journalclip_devtools.benches.growth --sizes $(or $(SIZES),1000 16000 100000) --out $(or $(OUT),growth.json)

.PHONY: million
million: sync ## peak memory of freezing a million made pairs, and of going on from them with 1 % more: at most 1 GiB (PAIRS=N, PRINTED=N)
	@$(VENV)/python -m journalclip_devtools.benches.million --pairs $(or $(PAIRS),1000000) --printed $(or $(PRINTED),20)

.PHONY: chart-files
chart-files: sync ## write the chart's schema, tables and dashboard anew from the settings they are generated from
	@$(VENV)/python -m journalclip_devtools.chart charts/journalclip

.PHONY: alerts
alerts: sync ## every alert, firing and silent, by promtool's rule tests; builds promtool and Helm once (Go, minutes)
	@$(VENV)/python -m journalclip_devtools.servers.tools helm4 promtool
	@$(VENV)/pytest -q tests/charts/test_alerts.py

.PHONY: charts
charts: sync ## the chart under Helm 3 and 4, and on a real control plane without containers; builds its tools once (Go, 20 min)
	@$(VENV)/python -m journalclip_devtools.servers.tools helm4 helm3 kubeconform actionlint promtool kwok kube skaffold
	@$(VENV)/python -m journalclip_devtools.servers.schemas
	@$(VENV)/pytest -q tests/charts --durations=10

.PHONY: images
images: sync ## build every image (or NAMES="backbone parser") with buildah or docker; see docs/operations/images.md
	@devtools/images/build.sh $(NAMES)

.PHONY: images-push
images-push: sync ## build every image (or NAMES=...) on a base of a known digest and push it to REGISTRY; COSIGN_KEY signs
	@REGISTRY=$(REGISTRY) devtools/images/push.sh $(NAMES)

.PHONY: chart-push
chart-push: ## package the chart and push it to oci://REGISTRY; COSIGN_KEY signs
	@REGISTRY=$(REGISTRY) devtools/images/push_chart.sh

.PHONY: images-prove
images-prove: ## start the images as the chart does (non-root, read-only, no capabilities) and print what is in them
	@devtools/images/prove.sh $(NAMES)

.PHONY: images-changed
images-changed: sync ## what a changed line ships of each image (or NAMES=...): new layers of a second build; ends badly above 5 MB
	@devtools/images/changed.sh $(NAMES)

.PHONY: node
node: sync ## the chart on the real one-node cluster of KUBECONFIG (LOAD, INSIDE: its commands; SLIM=1: without the image ray); see docs/operations/images.md
	@$(VENV)/python -m journalclip_devtools.node $(if $(SLIM),--slim) $(if $(LOAD),--load "$(LOAD)") $(if $(INSIDE),--inside "$(INSIDE)") $(addprefix --set ,$(SET))

.PHONY: images-chain
images-chain: sync ## from a dropped PDF to search across containers of all seven images, by podman; see docs/operations/images.md
	@$(VENV)/python -m journalclip_devtools.containers.container_chain $(if $(WORK),--workdir "$(WORK)") $(addprefix --set ,$(SET))
