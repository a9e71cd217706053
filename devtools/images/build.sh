#!/usr/bin/env bash
# Builds the images of the Dockerfile with buildah or docker: devtools/images/build.sh [NAME...]
#
#   PREFIX=journalclip   before every name: journalclip/extraction; with a registry in front, what `push` would need
#   TAG=0.1.0            the chart's application version unless given
#   BASE_IMAGE=...       what all of them start from; unless given, the Dockerfile's own default
#   BUILDER=buildah      or docker; the first of the two that is installed
#   BUILDER_FLAGS=...    further flags, e.g. --isolation=chroot where containers may not be nested
#
# Behind a proxy that signs for the registries, SSL_CERT_FILE names its authorities; they are mounted for the build only.
set -euo pipefail
cd "$(dirname "$0")/../.."
names=("$@"); [ ${#names[@]} -gt 0 ] || names=(backbone extraction parser structuring studies ray kafka minio postgres)
tag=${TAG:-$(sed -n 's/^appVersion: *//p' charts/journalclip/Chart.yaml)}
builder=${BUILDER:-$(command -v buildah || command -v docker || true)}
[ -n "$builder" ] || { echo "no image can be built: neither buildah nor docker is on PATH"; exit 1; }

flags=(--label "org.opencontainers.image.version=$tag"
       --label "org.opencontainers.image.revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)")
[ -z "${BASE_IMAGE:-}" ] || flags+=(--build-arg "BASE_IMAGE=$BASE_IMAGE")
case $(basename "$builder") in
  buildah) build=("$builder" bud --layers --format docker)
    if [ -n "${SSL_CERT_FILE:-}" ]; then
      flags+=(--build-arg "SSL_CERT_FILE=/run/authorities.crt" --volume "$SSL_CERT_FILE:/run/authorities.crt:ro")
    fi ;;
  *) build=("$builder" build) ;;
esac

for name in "${names[@]}"; do
  case $name in
    backbone | extraction | structuring | studies) target=service ;;
    parser | ray | kafka | minio | postgres) target=$name ;;
    *) echo "there is no image called $name"; exit 2 ;;
  esac
  case $name in kafka | minio) .venv/bin/python -m journalclip_devtools.servers.stage build/servers "$name" ;; esac
  started=$SECONDS
  echo "building ${PREFIX:-journalclip}/$name:$tag"
  # shellcheck disable=SC2086  # BUILDER_FLAGS are words
  "${build[@]}" "${flags[@]}" ${BUILDER_FLAGS:-} --build-arg "SERVICE=$name" --label "org.opencontainers.image.title=journalclip-$name" \
    --target "$target" \
    --tag "${PREFIX:-journalclip}/$name:$tag" --file Dockerfile .
  echo "built ${PREFIX:-journalclip}/$name:$tag in $((SECONDS - started)) s"
done
