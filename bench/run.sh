#!/usr/bin/env bash
# Runs every benchmark on models/orlik with the programs in the build folder given (default build/release) and prints
# one line each. docs/benchmarks.md explains them and keeps figures with the machine's name.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
model=models/orlik
heldout=data/orlik/heldout.jsonl

# minimum and median wall milliseconds of N runs of a command
time_command() {
    local runs=$1
    shift
    for ((i = 0; i < runs; i++)); do
        local start end
        start=$(date +%s%N)
        "$@" >/dev/null
        end=$(date +%s%N)
        echo $(((end - start) / 1000))
    done | sort -n | awk '{t[NR] = $1 / 1000} END {printf "min %.1f ms, median %.1f ms of %d runs\n", t[1], t[int((NR + 1) / 2)], NR}'
}

echo "cpu: $("$build/bench_prompt" "$model" -p 1 -r 1 | sed 's/.*"cpu":"\([^"]*\)".*/\1/'), $(nproc) cores"
echo "parallel regions: $("$build/bench_threads")"
"$build/dwubit" bench "$model" -d 0,1024 --kv f32,int8
echo "dwubit --version: $(time_command 30 "$build/dwubit" --version)"
for act in f32 bf16; do
    echo "prompt 512, $act: $("$build/bench_prompt" "$model" --act "$act" -p 512 -r 30)"
done
if [[ -f $heldout ]]; then
    echo "activations: $("$build/bench_act" "$model" --data "$heldout" --act bf16)"
    echo "perplexity over heldout.jsonl, f32: $(time_command 3 "$build/dwubit" perplexity "$model" --data "$heldout" --act f32)"
else
    echo "no $heldout: activations and perplexity are skipped (make data fetches it)"
fi
