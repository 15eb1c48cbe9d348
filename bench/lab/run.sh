#!/usr/bin/env bash
# Calibrates and quantizes one layer of the reference shape; README.md has the rules. One line per step.
#
#   bench/lab/run.sh BUILD [DEVICE] [METHOD...]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
device=${2:-cuda}
methods=("${@:3}")
((${#methods[@]})) || methods=(gptq)
work=$(mktemp -d "${TMPDIR:-/tmp}/bench_lab.XXXXXX")
trap 'rm -rf "$work"' EXIT

tools/make_random_model.py "$work/model" --layers 1 --hidden 4096 --intermediate 14336 --heads 32 --kv-heads 8

# The figures of one run's JSON object
report() {
    python3 -c '
import json, sys
result = json.load(sys.stdin)
if "error" in result:
    sys.exit(result["error"]["message"])
seconds = result["seconds"]
peak = result.get("device_peak_bytes")
parts = [f"{sys.argv[1]}: {seconds:.1f} s per layer, {seconds * 50 / 60:.1f} min for 50"]
if peak:
    parts.append(f"peak {peak / 2**30:.2f} GiB on the device")
if result.get("gflops"):
    parts.append("{:.1f} TFLOP/s".format(result["gflops"] / 1e3))
if result.get("mean_relative_proxy") is not None:
    parts.append("mean relative proxy {:.4f}".format(result["mean_relative_proxy"]))
print(", ".join(parts))' "$1"
}

"$build/dwubit" calibrate "$work/model" --data data/orlik/calibration.jsonl --sequences 64 --length 2048 \
    --device "$device" -o "$work/hessians" --json | report "calibrate 64 x 2048"
for method in "${methods[@]}"; do
    "$build/dwubit" quantize "$work/model" --method "$method" --hessians "$work/hessians" --device "$device" \
        -o "$work/$method" --json | report "$method"
done
