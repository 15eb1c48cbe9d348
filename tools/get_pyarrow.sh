#!/usr/bin/env bash
# Prints the folder of the Python package pyarrow, which holds Apache Arrow C++: libraries and headers. It is fetched from
# PyPI on first use, into a virtual environment of its own: .cache/parquet, 170 MB.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

package=pyarrow==26.0.1
venv=.cache/parquet
stamp=$venv/installed.txt

if [[ "$(cat "$stamp" 2>/dev/null)" != "$package" ]]; then
    command -v python3 >/dev/null || { echo "get_pyarrow.sh: python3 is needed (Debian: python3 python3-venv)" >&2; exit 1; }
    if [[ ! -x $venv/bin/pip ]] && ! python3 -m venv "$venv"; then
        echo "get_pyarrow.sh: python3 cannot make a virtual environment (Debian: apt-get install python3-venv)" >&2
        exit 1
    fi
    if ! "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: "$package" >&2; then
        echo "get_pyarrow.sh: pip cannot install $package (no network?)" >&2
        exit 1
    fi
    echo "$package" >"$stamp"
fi

folders=("$PWD/$venv"/lib/python3.*/site-packages/pyarrow)
[[ -d ${folders[0]} ]] || { echo "get_pyarrow.sh: $venv holds no pyarrow; remove that folder and try again" >&2; exit 1; }
echo "${folders[0]}"
