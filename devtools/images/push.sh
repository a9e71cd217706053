#!/usr/bin/env bash
# Builds the images on a base of a known digest, pushes them and records what was pushed: devtools/images/push.sh [NAME...]
#
#   REGISTRY=...        required: registry.example.org/journalclip; images are REGISTRY/journalclip/NAME:TAG
#   TAG, BASE_IMAGE, BUILDER, BUILDER_FLAGS   as for build.sh; the base is resolved to a digest, or nothing is pushed
#   PLATFORMS=...       for docker: linux/amd64,linux/arm64 of images that need no GPU; `ray` is linux/amd64
#   COSIGN_KEY=...      a key of cosign, or `keyless` where the runner has an identity: signs each digest and attests its SBOM
#   RECORD=...          where images.json and the SBOMs go; build/release unless given
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${REGISTRY:-}" ] || { echo "REGISTRY is not set: make images-push REGISTRY=registry.example.org/journalclip" >&2; exit 2; }
names=("$@"); [ ${#names[@]} -gt 0 ] || names=(backbone extraction parser structuring studies ray kafka minio postgres)
tag=${TAG:-$(sed -n 's/^appVersion: *//p' charts/journalclip/Chart.yaml)}
record=${RECORD:-build/release}
builder=${BUILDER:-$(command -v buildah || command -v docker || true)}
base=$(devtools/images/base.sh)
[ -z "${COSIGN_KEY:-}" ] || command -v cosign > /dev/null || { echo "COSIGN_KEY is set, and there is no cosign" >&2; exit 1; }
mkdir -p "$record"
echo "the base of all images is $base"

signed() { # image@digest, bill of materials
  local key=(--key "${COSIGN_KEY:-}")
  [ "${COSIGN_KEY:-}" != keyless ] || key=()
  cosign sign --yes "${key[@]}" "$1"
  [ ! -s "$2" ] || cosign attest --yes "${key[@]}" --type cyclonedx --predicate "$2" "$1"
}

: > "$record/images.jsonl"
for name in "${names[@]}"; do
  image=$REGISTRY/journalclip/$name
  digest=$record/$name.digest bill=$record/$name.cdx.json
  case $(basename "$builder") in
    buildah)
      BASE_IMAGE=$base PREFIX=$REGISTRY/journalclip TAG=$tag BUILDER=$builder devtools/images/build.sh "$name"
      "$builder" push --digestfile "$digest" "$image:$tag" "docker://$image:$tag" ;;
    *)
      platforms=${PLATFORMS:-linux/amd64}
      [ "$name" != ray ] || platforms=linux/amd64  # torch with CUDA
      BASE_IMAGE=$base PREFIX=$REGISTRY/journalclip TAG=$tag BUILDER=$builder \
        BUILDER_FLAGS="${BUILDER_FLAGS:-} --platform $platforms --push --metadata-file $record/$name.metadata.json" \
        devtools/images/build.sh "$name"
      python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["containerimage.digest"], end="")' \
        "$record/$name.metadata.json" > "$digest" ;;
  esac
  pinned=$image@$(cat "$digest")
  [[ $pinned =~ @sha256:[0-9a-f]{64}$ ]] || { echo "$name was pushed without a digest: $pinned" >&2; exit 1; }
  case $name in
    kafka | minio | postgres) : > "$bill" ;;  # servers of others, which bring no list of ours
    *) devtools/images/bill.sh "$builder" "$image:$tag" > "$bill" ;;
  esac
  [ -z "${COSIGN_KEY:-}" ] || signed "$pinned" "$bill"
  printf '{"name": "%s", "image": "%s:%s", "digest": "%s", "base": "%s", "signed": %s}\n' \
    "$name" "$image" "$tag" "$(cat "$digest")" "$base" "$([ -n "${COSIGN_KEY:-}" ] && echo true || echo false)" >> "$record/images.jsonl"
  echo "pushed $pinned"
done
