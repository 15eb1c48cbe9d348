#!/usr/bin/env bash
# clang-tidy 16 over every source of a configured build; .clang-tidy names the checks. Any finding fails.
#
#   tools/run_tidy.sh BUILD [JOBS]
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

build=${1:?usage: run_tidy.sh BUILD [JOBS]}
jobs=${2:-$(nproc)}
command -v clang-tidy-16 >/dev/null || { echo "run_tidy: needs clang-tidy-16 (Debian: clang-tidy-16)" >&2; exit 1; }
[[ -f $build/compile_commands.json ]] || { echo "run_tidy: $build is not configured" >&2; exit 1; }

# Without the tests, whose macros hide more than the checks find, and without what clang cannot read: g++'s omp.h, Arrow's
# headers, which are there for `make parquet` only, and those of libtorch 1.13 as C++20, which all of the lab includes.
files=$(git ls-files --cached --others --exclude-standard -- 'src/*.cpp' 'apps/*.cpp' | grep -v '_test\.cpp$' |
    grep -v '^src/lab/' | sort -u | xargs grep -LE '<(omp\.h|arrow/)')
# What this build leaves out (the chart library where it is not fetched) has no flags to be read with.
files=$(for file in $files; do if grep -qF "/$file\"" "$build/compile_commands.json"; then echo "$file"; fi; done)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! xargs -r -n 1 -P "$jobs" clang-tidy-16 --quiet -p "$build" \
    --extra-arg=-Wno-unknown-warning-option <<<"$files" >"$log" 2>/dev/null; then
    grep -vE '^\s*$' "$log" || echo "run_tidy: clang-tidy failed without a message"
    exit 1
fi
echo "run_tidy: $(wc -l <<<"$files") files"
