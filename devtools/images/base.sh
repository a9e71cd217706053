#!/usr/bin/env bash
# Prints the base image with its digest, `name@sha256:...`: devtools/images/base.sh [NAME]
#
# A tag may name another image tomorrow, so a release names what it stands on by digest, and is not made without. NAME is
# BASE_IMAGE, or the Dockerfile's own default. A name that has a digest is printed as it is; else the registry is asked by
# the first of skopeo, crane and docker that is installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=${1:-${BASE_IMAGE:-$(sed -n 's/^ARG BASE_IMAGE=//p' Dockerfile)}}
case $name in *@sha256:*) echo "$name"; exit 0 ;; esac
digest=""
if command -v skopeo > /dev/null; then
  digest=$(skopeo inspect --format '{{.Digest}}' "docker://$name" || true)
elif command -v crane > /dev/null; then
  digest=$(crane digest "$name" || true)
elif command -v docker > /dev/null; then
  digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$name" || true)
fi
if [[ ! $digest =~ ^sha256:[0-9a-f]{64}$ ]]; then
  echo "the digest of $name is not known: install skopeo, crane or docker, or give BASE_IMAGE=name@sha256:..." >&2
  exit 1
fi
echo "$name@$digest"
