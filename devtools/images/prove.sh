#!/usr/bin/env bash
# Starts the built images as the chart does and prints what is in them: devtools/images/prove.sh [NAME...]
#
#   PREFIX=journalclip   TAG=0.1.0   as for devtools/images/build.sh
#   RUNNER=podman        or docker; the first of the two that is installed
#   RUNNER_FLAGS=...     further flags of `run`, e.g. --cgroups=disabled where there are no control groups to write
#
# Each runs without network as user 10001, on a read-only root, with no capability and no way to more rights. The exit
# status is 1 where one of them could write its root, is root, lacks its own modules, or holds what it must not:
# torch in a slim image, a client of Kafka or S3 or a shell in the parser's.
set -euo pipefail
cd "$(dirname "$0")/../.."
names=("$@"); [ ${#names[@]} -gt 0 ] || names=(backbone extraction parser structuring studies ray kafka minio postgres)
tag=${TAG:-$(sed -n 's/^appVersion: *//p' charts/journalclip/Chart.yaml)}
runner=${RUNNER:-$(command -v podman || command -v docker || true)}
[ -n "$runner" ] || { echo "no image can be started: neither podman nor docker is on PATH"; exit 1; }
failed=0
printf '%-12s %9s %9s %11s %s\n' image size packages user outcome
for name in "${names[@]}"; do
  image=${PREFIX:-journalclip}/$name:$tag
  if ! size=$("$runner" image inspect --format '{{.Size}}' "$image" 2>/dev/null); then
    printf '%-12s %s\n' "$name" "not built: make images NAMES=$name"; failed=1; continue
  fi
  # shellcheck disable=SC2086  # RUNNER_FLAGS are words
  if said=$("$runner" run --rm --interactive ${RUNNER_FLAGS:-} --network none --read-only --cap-drop all --user 10001:10001 \
      --security-opt no-new-privileges --tmpfs /tmp --entrypoint python3 "$image" - "$name" < devtools/images/inside.py 2>&1); then
    outcome=good
  else
    outcome=bad failed=1
  fi
  printf '%-12s %6d MB %s %s\n' "$name" $((size / 1000000)) "$said" "$outcome"
done
exit $failed
