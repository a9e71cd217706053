#!/usr/bin/env bash
# Prints the bill of materials (CycloneDX) that an image carries: devtools/images/bill.sh BUILDER IMAGE
set -euo pipefail
path=/opt/journalclip/sbom.cdx.json
case $(basename "$1") in
  buildah)
    container=$("$1" from --pull=never "$2")
    trap "$1 rm $container > /dev/null" EXIT
    cat "$("$1" mount "$container")$path" ;;
  *)
    container=$("$1" create "$2")
    trap "$1 rm $container > /dev/null" EXIT
    "$1" cp "$container:$path" - | tar -xO ;;
esac
