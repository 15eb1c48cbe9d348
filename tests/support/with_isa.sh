#!/usr/bin/env bash
# with_isa.sh LEVEL PROGRAM [ARGS...]: runs a test program with DWUBIT_ISA=LEVEL; exit 77 (skipped) where the processor
# lacks the level.
set -euo pipefail
level=$1
shift
flags=" $(grep -m 1 '^flags' /proc/cpuinfo || true) "
case $level in
    avx2) needed="avx2 fma f16c" ;;
    avx512*) needed="avx512f avx512bw avx512dq avx512vl" ;;
    *) needed="" ;;
esac
for flag in $needed; do
    [[ $flags == *" $flag "* ]] || { echo "skipped: this processor lacks $flag"; exit 77; }
done
DWUBIT_ISA=$level exec "$@"
