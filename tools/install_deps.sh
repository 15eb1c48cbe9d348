#!/usr/bin/env bash
# Installs the Debian packages that dwubit is built, tested and linted with.
#
#   tools/install_deps.sh [build] [test] [lint]      no argument: all three groups
#
# Nothing happens when all are there. Otherwise it needs root or sudo, runs `apt-get update` once and installs without
# questions. Where it cannot, it prints the command to run and exits 1.
set -euo pipefail
export LC_ALL=C

declare -A group=(
    [build]="g++ make cmake ninja-build ccache pkg-config libdnnl-dev libopenblas-pthread-dev nlohmann-json3-dev
             libcli11-dev libfmt-dev libspdlog-dev zlib1g-dev libzstd-dev libpcre2-dev libutf8proc-dev libyaml-cpp-dev
             libtomlplusplus-dev libsqlite3-dev libtorch-dev libopenblas0-pthread python3 python3-venv"
    # clang-16 builds the fuzz programs: clang-14 cannot compile libstdc++ 12's <ranges>.
    [test]="libgtest-dev libbenchmark-dev clang-16 libclang-rt-16-dev llvm-16 python3 binutils universal-ctags git chromium"
    [lint]="clang-format-14 clang-tidy-16 python3 universal-ctags git"
)

(($#)) || set -- build test lint
wanted=()
for name in "$@"; do
    if [[ -z ${group[$name]-} ]]; then
        echo "install_deps.sh: no group '$name'; there are: build test lint" >&2
        exit 2
    fi
    # shellcheck disable=SC2206 # a list of words
    wanted+=(${group[$name]})
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install_deps.sh: not a Debian system; nothing installed. dwubit needs the equivalents of: ${wanted[*]}"
    exit 0
fi

present=" $(dpkg-query -W -f='${Package}:${db:Status-Status} ' "${wanted[@]}" 2>/dev/null || true) "
missing=()
for package in "${wanted[@]}"; do
    [[ $present == *" $package:installed "* || " ${missing[*]-} " == *" $package "* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if [[ $(id -u) == 0 ]]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo)
elif command -v sudo >/dev/null && [[ -t 0 ]]; then
    as_root=(sudo)
else
    echo "install_deps.sh: packages are missing and this user may not install them. As root:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
fi

echo "Installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
if ! "${apt[@]}" update >"$log" 2>&1 ||
    ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log" >&2
    echo "install_deps.sh: apt-get failed (no network, or no such package in this Debian's archive). Needed:" >&2
    echo "  apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
