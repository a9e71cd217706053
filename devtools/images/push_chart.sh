#!/usr/bin/env bash
# Packs the chart and pushes it as an OCI artifact: devtools/images/push_chart.sh
#
#   REGISTRY=...      required: registry.example.org/charts; the chart is oci://REGISTRY/journalclip
#   HELM=helm         3.21 or 4
#   VERSION=...       of the chart and the application; what Chart.yaml says unless given
#   COSIGN_KEY=...    as for push.sh
#   RECORD=...        where the package goes; build/release unless given
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${REGISTRY:-}" ] || { echo "REGISTRY is not set: make chart-push REGISTRY=registry.example.org/charts" >&2; exit 2; }
record=${RECORD:-build/release} helm=${HELM:-helm}
mkdir -p "$record"
said=$("$helm" package charts/journalclip --destination "$record" ${VERSION:+--version "$VERSION" --app-version "$VERSION"})
package=${said##*saved it to: }
pushed=$("$helm" push "$package" "oci://$REGISTRY" 2>&1)
echo "$pushed"
digest=$(sed -n 's/^Digest: *//p' <<< "$pushed")
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "the registry told no digest of the chart" >&2; exit 1; }
echo "$digest" > "$record/chart.digest"
if [ -n "${COSIGN_KEY:-}" ]; then
  key=(--key "$COSIGN_KEY"); [ "$COSIGN_KEY" != keyless ] || key=()
  cosign sign --yes "${key[@]}" "$REGISTRY/journalclip@$digest"
fi
