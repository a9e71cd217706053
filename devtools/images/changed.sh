#!/usr/bin/env bash
# What a changed line ships: builds each image from a copy of this checkout, changes one line of a service, builds it
# again and adds up the layers that the first build has not. devtools/images/changed.sh [NAME...]
#
#   LINE=...   file that gets the line, below this checkout; each image's own service unless given
#   LIMIT=...  bytes; above it this ends with 1
# PREFIX, BASE_IMAGE, BUILDER_FLAGS as for build.sh; by buildah and podman.
set -euo pipefail
cd "$(dirname "$0")/../.."
names=("$@"); [ ${#names[@]} -gt 0 ] || names=(backbone extraction parser structuring studies ray)
limit=${LIMIT:-5000000}
export PREFIX=${PREFIX:-journalclip} BUILDER=buildah
declare -A own=([backbone]=intake [extraction]=extraction [parser]=extraction [structuring]=structuring [studies]=extraction [ray]=inference)
copy=$(mktemp -d "${TMPDIR:-/tmp}/journalclip-changed-XXXXXX")
cleanup() {
  rm -rf "$copy"
  for name in "${names[@]}"; do podman rmi --ignore "$PREFIX/$name:before" "$PREFIX/$name:after" > /dev/null 2>&1 || true; done
}
trap cleanup EXIT
git ls-files -z | tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory="$copy"
worst=0
for name in "${names[@]}"; do
  line=${LINE:-services/${own[$name]}/journalclip_${own[$name]}/__init__.py}
  TAG=before "$copy/devtools/images/build.sh" "$name" >&2
  cp "$line" "$copy/.unchanged"
  echo "CHANGED_LINE = $RANDOM" >> "$copy/$line"
  TAG=after "$copy/devtools/images/build.sh" "$name" >&2
  cp "$copy/.unchanged" "$copy/$line"
  for tag in before after; do
    podman image inspect --format '{{range .RootFS.Layers}}{{println .}}{{end}}' "$PREFIX/$name:$tag" | grep . > "$copy/.$tag.layers"
  done
  podman history --format json "$PREFIX/$name:after" > "$copy/.history"
  new=$(python3 - "$copy" <<'PY'
import json, pathlib, sys

folder = pathlib.Path(sys.argv[1])
before, after = (folder.joinpath(f".{tag}.layers").read_text().split() for tag in ("before", "after"))
sizes = [each["size"] for each in reversed(json.loads(folder.joinpath(".history").read_text())) if each["size"]]
if len(sizes) != len(after):
    sys.exit(f"{len(after)} layers and {len(sizes)} sizes")
print(sum(size for digest, size in zip(after, sizes, strict=True) if digest not in before), sum(sizes))
PY
)
  echo "$name: a line in $line: ${new% *} bytes of new layers, of ${new#* }"
  [ "${new% *}" -le "$worst" ] || worst=${new% *}
done
[ "$worst" -le "$limit" ] || { echo "more than $limit bytes" >&2; exit 1; }
