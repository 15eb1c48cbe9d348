#!/usr/bin/env bash
# Runs one fuzz program for a time.
#
#   tests/fuzz/run.sh READER BUILD SECONDS
#
# What it finds on the way stays in BUILD/fuzz/READER/corpus and is the start of the next run; an input that crashes,
# hangs or takes too much memory is left in BUILD/fuzz/READER and fails the test.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")"

(($# == 3)) || { echo "usage: run.sh READER BUILD SECONDS" >&2; exit 2; }
reader=$1 program=$2/fuzz_$1 work=$2/fuzz/$1 seconds=$3
if [[ ! -x $program ]]; then
    echo "skipped: $program is not built (make fuzz builds it; needs clang++-16)"
    exit 77
fi
mkdir -p "$work/corpus"
options=(-max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -artifact_prefix="$work/")
[[ ! -f $reader.dict ]] || options+=(-dict="$reader.dict")
[[ ! -f $reader.options ]] || mapfile -t -O "${#options[@]}" options < <(grep '^-' "$reader.options")
seeds=()
[[ ! -d corpus/$reader ]] || seeds=("corpus/$reader")

export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
log=$work/log
if ! "$program" "${options[@]}" "$work/corpus" "${seeds[@]}" >"$log" 2>&1; then
    tail -n 60 "$log"
    exit 1
fi
grep -E '^stat::(number_of_executed_units|average_exec_per_sec|new_units_added|peak_rss_mb)' "$log"
