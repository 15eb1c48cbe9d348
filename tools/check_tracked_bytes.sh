#!/usr/bin/env bash
# Fails if the tracked files are larger than the limit in all, so that the tree stays light to clone and to carry along.
#
#   tools/check_tracked_bytes.sh [ROOT [LIMIT_BYTES]]
set -euo pipefail
export LC_ALL=C

root=${1:-$(dirname -- "${BASH_SOURCE[0]}")/..}
limit=${2:-$((56 << 20))}
cd "$root"
if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    echo "check_tracked_bytes: not a git checkout, nothing to measure"
    exit 77 # ctest: skipped
fi

sizes=$(git ls-files -z | xargs -0 -r stat -c '%s %n' -- 2>/dev/null | sort -rn || true)
total=$(awk '{sum += $1} END {printf "%d", sum}' <<<"$sizes")
echo "check_tracked_bytes: $total bytes tracked, at most $limit"
if ((total > limit)); then
    echo "The largest:"
    head -n 8 <<<"$sizes"
    exit 1
fi
