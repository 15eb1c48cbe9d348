#!/usr/bin/env bash
# Calibrates and quantizes layers of the reference shape; README.md has the rules. One line per step, then their sums.
#
#   bench/lab/run.sh BUILD [DEVICE] [METHOD[:RECIPE]...]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
device=${2:-cuda}
methods=("${@:3}")
((${#methods[@]})) || methods=(gptq)
shape=(--layers 3 --hidden 4096 --intermediate 14336 --heads 32 --kv-heads 8)
sequences=64
length=2048
work=$(mktemp -d "${TMPDIR:-/tmp}/bench_lab.XXXXXX")
trap 'rm -rf "$work"' EXIT

tools/make_random_model.py "$work/model" "${shape[@]}"

# The figures of one run's JSON object; its seconds for 50 layers are kept in $work/<step>.seconds.
report() {
    python3 -c '
import json, pathlib, sys
title, layers, file = sys.argv[1:]
result = json.load(sys.stdin)
if "error" in result:
    sys.exit(result["error"]["message"])
seconds = result["seconds"] / int(layers)
pathlib.Path(file).write_text(str(50 * seconds))
parts = [f"{title}: {seconds:.2f} s per layer, {50 * seconds / 60:.1f} min for 50"]
if result.get("device_peak_bytes"):
    parts.append("peak {:.2f} GiB on the device".format(result["device_peak_bytes"] / 2**30))
if result.get("gflops"):
    parts.append("{:.1f} TFLOP/s".format(result["gflops"] / 1e3))
if result.get("mean_relative_proxy") is not None:
    parts.append("mean relative proxy {:.4f}".format(result["mean_relative_proxy"]))
print(", ".join(parts))' "$2" "${shape[1]}" "$work/$1.seconds"
}

"$build/dwubit" calibrate "$work/model" --data data/orlik/calibration.jsonl --sequences "$sequences" --length "$length" \
    --device "$device" -o "$work/hessians" --json | report calibrate "calibrate $sequences x $length"
for method in "${methods[@]}"; do
    recipe=()
    if [[ $method == *:* ]]; then recipe=(--recipe "${method#*:}"); fi
    "$build/dwubit" quantize "$work/model" --method "${method%%:*}" "${recipe[@]}" --hessians "$work/hessians" \
        --device "$device" -o "$work/$method" --json | report "$method" "$method"
    rm -rf "${work:?}/$method"
done
for method in "${methods[@]}"; do
    python3 -c '
import pathlib, sys
minutes = sum(float(pathlib.Path(file).read_text()) for file in sys.argv[2:]) / 60
print(f"calibrate + {sys.argv[1]}: {minutes:.1f} min for 50 layers")' "$method" "$work"/{calibrate,"$method"}.seconds
done
