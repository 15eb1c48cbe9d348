#!/usr/bin/env bash
# Fails where a C++ file is not as clang-format 14 writes it. Another version formats differently, so it is refused.
#
#   tools/check_format.sh            check all
#   tools/check_format.sh --fix      rewrite
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

program=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $program ]] || [[ $("$program" --version) != *"version 14."* ]]; then
    echo "check_format: needs clang-format 14 (Debian: clang-format-14)" >&2
    exit 1
fi
files=$(git ls-files --cached --others --exclude-standard -- '*.cpp' '*.h' '*.cu' '*.cuh' | sort -u)
[[ -n $files ]] || { echo "check_format: no files"; exit 1; }
if [[ ${1-} == --fix ]]; then
    xargs -r "$program" -i <<<"$files"
elif ! xargs -r "$program" --dry-run -Werror <<<"$files"; then
    echo "check_format: tools/check_format.sh --fix mends these"
    exit 1
fi
echo "check_format: $(wc -l <<<"$files") files"
