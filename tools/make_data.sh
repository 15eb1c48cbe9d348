#!/usr/bin/env bash
# Fills data/orlik with Polish text from Debian packages (tools/orlik-data/fetch_orlik_data.py), unless it is there.
#
# The folder appears whole or not at all. Exit 1 and two lines where it cannot be fetched; tests that need the text are
# then skipped and say so.
set -euo pipefail
export LC_ALL=C
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

recorded=$PWD/tools/orlik-data/expected.sha256
target=data/orlik

state() { # of the folder $1: recorded, other, incomplete
    local name
    while read -r _ name; do
        [[ -s $1/$name ]] || { echo incomplete; return; }
    done <"$recorded"
    if (cd "$1" && sha256sum --check --status "$recorded"); then echo recorded; else echo other; fi
}

cannot() {
    echo "$target is not there: $1" >&2
    echo "  Go on without it (tests that need it are skipped), or copy the folder from a machine that has it." >&2
    exit 1
}

found=$(state "$target")
if [[ $found == incomplete ]]; then
    for tool in python3 apt-get dpkg-deb; do
        command -v "$tool" >/dev/null || cannot "fetching it needs $tool (Debian 12: python3, apt)."
    done
    fresh=data/orlik.tmp-$$
    trap 'rm -rf "$fresh" "$fresh.log"' EXIT
    mkdir -p data
    echo "Fetching Polish text from the Debian archive into $target (about 40 MB of download)"
    if ! python3 tools/orlik-data/fetch_orlik_data.py "$fresh" >"$fresh.log" 2>&1; then
        cannot "$(tail -n 1 "$fresh.log" | cut -c 1-200)"
    fi
    rm -rf "$target"
    mv "$fresh" "$target"
    found=$(state "$target")
fi
case $found in
    recorded) echo "$target: as recorded" ;;
    other) echo "$target: complete, but not as recorded (other package versions); tests check ranges, not figures" ;;
    *) cannot "the fetched folder is incomplete." ;;
esac
