#!/usr/bin/env bash
# Writes the chart library that the HTML reports embed: Vega, Vega-Lite and Vega-Embed as one JavaScript file of 0.9 MB,
# .cache/charts/vega-bundle.js. The Python package vl-convert-python makes it, fetched from PyPI on first use (33 MB) into a
# virtual environment that is removed again.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

package=vl-convert-python==1.9.0.post1
vega_lite=6.4
sha256=3425bd951a44d478d0505c6b5d1e8d57656b6e9a4da7bfe88a718ce61d76e572
bundle=.cache/charts/vega-bundle.js

fits() { [[ -f $1 ]] && echo "$sha256  $1" | sha256sum --check --status; }
fail() {
    echo "get_charts.sh: $1" >&2
    exit 1
}

fits "$bundle" && exit 0
command -v python3 >/dev/null || fail "python3 is needed (Debian: python3 python3-venv)"
mkdir -p "$(dirname -- "$bundle")"
work=$(mktemp -d "$(dirname -- "$bundle")/get.XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv" >"$work/log" 2>&1 ||
    fail "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: "$package" >"$work/log" 2>&1 ||
    fail "pip cannot install $package (no network?): $(tail -n 1 "$work/log")"
"$work/venv/bin/python" - "$vega_lite" "$work/bundle.js" <<'PYTHON'
import pathlib
import sys
import vl_convert
pathlib.Path(sys.argv[2]).write_text(vl_convert.javascript_bundle(vl_version=sys.argv[1]), encoding="utf-8")
PYTHON
fits "$work/bundle.js" || fail "$package made another file than expected: SHA-256 $(sha256sum <"$work/bundle.js")"
mv -f "$work/bundle.js" "$bundle"
