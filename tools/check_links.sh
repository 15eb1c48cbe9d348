#!/usr/bin/env bash
# Fails if a program or library links, directly or through others, what dwubit must run without: torch, CUDA, MKL, Python
# and Arrow (a build with -DDWUBIT_PARQUET=ON has that on purpose and is not checked).
#
#   tools/check_links.sh FILE...      programs or shared libraries
set -euo pipefail
export LC_ALL=C

# Heavy frameworks at the start of a library's file name.
unwanted='lib(torch|c10|caffe2|cuda|cudart|cublas|cusolver|cudnn|nccl|nvrtc|mkl|python|mpi|arrow|parquet)'

(($#)) || { echo "usage: check_links.sh FILE..." >&2; exit 2; }
failed=0
for file in "$@"; do
    [[ -f $file ]] || { echo "check_links: $file is not there: build first" >&2; exit 1; }
    listing=$(ldd "$file") || { echo "check_links: ldd cannot read $file" >&2; exit 1; }
    if found=$(grep -E "^[[:space:]]*$unwanted" <<<"$listing"); then
        printf '%s links what it must run without:\n%s\n' "$file" "$found"
        failed=1
    fi
    if missing=$(grep 'not found' <<<"$listing"); then
        printf '%s needs libraries that the loader does not find:\n%s\n' "$file" "$missing"
        failed=1
    fi
    echo "check_links: $file loads $(grep -c '=>' <<<"$listing") libraries"
done
exit "$failed"
