# One file for every image; ARG SERVICE picks what is installed (a group `image-<SERVICE>` of pyproject.toml).
#
#   base ─┬─> deps, own ─┬─> service   SERVICE=backbone | extraction | structuring | studies: one process, no compiler, no pip
#         │          ├─> parser    SERVICE=parser: the PDF library and nothing that reaches a server
#         │          └─> ray       SERVICE=ray: torch (CUDA), Ray, MLflow; training, promotion, serving, MLflow's server, audit
#         ├─> kafka                a one-node broker for trying out
#         ├─> postgres             a one-node database server for trying out
#         └─> minio                a one-node object store for trying out
#
# Every image runs as user 10001 on a read-only root file system; what it writes goes to /tmp and to the work folder,
# which the chart mounts. `make images` builds them with buildah or docker; docs/operations/images.md says more.
ARG BASE_IMAGE=debian:bookworm-20250520-slim

FROM ${BASE_IMAGE} AS base
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/* \
 && groupadd --gid 10001 journalclip \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin journalclip
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp

FROM base AS deps
# Only for a build behind a proxy that signs for the registries: the path of its authorities, mounted into the build.
ARG SSL_CERT_FILE=""
ARG SERVICE
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv && python3 -m venv /opt/uv \
 && PIP_CERT="${SSL_CERT_FILE}" /opt/uv/bin/pip install --quiet --no-cache-dir uv==0.13.9
# The cache by its place: HOME is /tmp here, and a cache there would be a layer of the build, 6 GB of it with torch.
ENV UV_PROJECT_ENVIRONMENT=/opt/journalclip UV_PYTHON=/usr/bin/python3 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 \
    UV_CACHE_DIR=/root/.cache/uv
WORKDIR /src
# First what the lock names, in a layer that a change of our own code does not touch.
COPY pyproject.toml uv.lock ./
COPY shared/platform/pyproject.toml shared/platform/
COPY shared/sources/pyproject.toml shared/sources/
COPY shared/modeling/pyproject.toml shared/modeling/
COPY shared/evaluation/pyproject.toml shared/evaluation/
COPY shared/synthetic/pyproject.toml shared/synthetic/
COPY shared/client/pyproject.toml shared/client/
COPY services/intake/pyproject.toml services/intake/
COPY services/catalogue/pyproject.toml services/catalogue/
COPY services/extraction/pyproject.toml services/extraction/
COPY services/structuring/pyproject.toml services/structuring/
COPY services/freezing/pyproject.toml services/freezing/
COPY services/training/pyproject.toml services/training/
COPY services/promotion/pyproject.toml services/promotion/
COPY services/inference/pyproject.toml services/inference/
COPY pipelines/pyproject.toml pipelines/
COPY devtools/pyproject.toml devtools/
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv sync --frozen --no-install-workspace --only-group "image-${SERVICE:?pass --build-arg SERVICE=...}"
RUN rm -f /opt/journalclip/.lock /opt/journalclip/.gitignore

FROM deps AS own
ARG SERVICE
ARG SSL_CERT_FILE=""
# Then our own packages, whose files alone go into layers of their own: a changed line ships one of them, and no dependency
# again. What all services share, what reads and structures, and the rest are a layer each. Compiled bytecode names its
# source by hash, and no file says when it was made, so that a layer whose sources are the same is the same.
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    touch /before && UV_COMPILE_BYTECODE=0 /opt/uv/bin/uv sync --frozen --no-editable --only-group "image-${SERVICE}" \
 && rm -f /opt/journalclip/.lock /opt/journalclip/.gitignore && mkdir /own && cd / \
 && find opt/journalclip -cnewer /before ! -type d -print0 | tar --create --null --files-from=- | tar --extract --directory=/own \
 && /usr/bin/python3 -m compileall -q --invalidation-mode unchecked-hash -s /own /own/opt/journalclip/lib \
 && find /own -name uv_cache.json -delete && find /own -name RECORD -exec sed -i "/uv_cache.json/d" {} + \
 && mkdir -p /parts/shared /parts/reading /parts/rest && cd /own \
 && take() { find opt -regextype egrep ! -type d -regex ".*/site-packages/$2" -print0 \
      | tar --create --null --files-from=- --remove-files | tar --extract --directory="/parts/$1"; } \
 && take shared "journalclip_(shared|sources|modeling|evaluation|synthetic)[-/].*" \
 && take reading "journalclip_(extraction|structuring)[-/].*" \
 && tar --create opt | tar --extract --directory=/parts/rest \
 && find /parts -exec touch --no-dereference --date=@0 {} +

FROM base AS python
# Title, version and revision are labels that the build gives (devtools/images/build.sh): they change with each commit.
LABEL org.opencontainers.image.licenses="AGPL-3.0-or-later" \
      org.opencontainers.image.description="journalclip; contains PyMuPDF (AGPL-3.0) where it reads PDFs" \
      org.cyclonedx.sbom="/opt/journalclip/sbom.cdx.json"
COPY --from=deps /opt/journalclip /opt/journalclip
COPY LICENSE /usr/share/doc/journalclip/LICENSE
ENV PATH=/opt/journalclip/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /tmp

FROM python AS service
ARG SERVICE
COPY --from=own /parts/shared/ /
COPY --from=own /parts/reading/ /
COPY --from=own /parts/rest/ /
# The bill of materials, in each image of what is installed in that image.
RUN --mount=type=bind,from=own,source=/src/devtools/images,target=/mnt \
    python /mnt/sbom.py --name "journalclip-${SERVICE}" > /opt/journalclip/sbom.cdx.json
USER 10001:10001
ENTRYPOINT ["python", "-m"]

FROM python AS parser
ARG SERVICE
COPY --from=own /parts/shared/ /
COPY --from=own /parts/reading/ /
COPY --from=own /parts/rest/ /
RUN --mount=type=bind,from=own,source=/src/devtools/images,target=/mnt \
    python /mnt/sbom.py --name "journalclip-${SERVICE}" > /opt/journalclip/sbom.cdx.json
# A parser needs no shell, no package manager and no set-user-id program; a way out of it should find none either.
RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
 && rm -rf /usr/bin/apt* /usr/bin/dpkg* /usr/bin/perl* /usr/lib/apt /usr/sbin /sbin/* \
 && rm -f /bin/sh /bin/bash /bin/dash /usr/bin/sh /usr/bin/bash /usr/bin/dash
USER 10001:10001
ENTRYPOINT ["python", "-I", "-m", "journalclip_extraction.parser"]

FROM python AS ray
# The KubeRay operator starts Ray by bash and asks for its health by wget.
RUN apt-get update && apt-get install --yes --no-install-recommends wget procps \
 && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/*
ARG SERVICE
COPY --from=own /parts/shared/ /
COPY --from=own /parts/reading/ /
COPY --from=own /parts/rest/ /
RUN --mount=type=bind,from=own,source=/src/devtools/images,target=/mnt \
    python /mnt/sbom.py --name "journalclip-${SERVICE}" > /opt/journalclip/sbom.cdx.json
USER 10001:10001
# Ray reports nothing to anybody, and MLflow and transformers look for nothing on the way.
ENV RAY_USAGE_STATS_ENABLED=0 MLFLOW_DISABLE_TELEMETRY=true HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
ENTRYPOINT ["python", "-m"]

FROM base AS kafka
RUN mkdir -p /usr/share/man/man1 && apt-get update \
 && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/*
COPY build/servers/kafka /opt/kafka/libs
COPY charts/images/kafka.sh /usr/local/bin/kafka
LABEL org.opencontainers.image.title="journalclip-kafka" org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
ENTRYPOINT ["kafka"]

FROM base AS postgres
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-15 \
 && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/* /var/lib/postgresql
COPY charts/images/postgres.sh /usr/local/bin/run-postgres
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
LABEL org.opencontainers.image.title="journalclip-postgres" org.opencontainers.image.licenses="PostgreSQL"
USER 10001:10001
ENTRYPOINT ["run-postgres"]

FROM base AS minio
COPY build/servers/minio /usr/local/bin/minio
LABEL org.opencontainers.image.title="journalclip-minio" org.opencontainers.image.licenses="AGPL-3.0-or-later"
USER 10001:10001
ENTRYPOINT ["minio"]
