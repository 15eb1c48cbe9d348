#!/usr/bin/env bash
# Runs the reference libraries (tests/oracle/*.py) and so writes the golden files below tests/golden again.
#
#   tools/make_oracle.sh [SCRIPT.py...]      no argument: every script of tests/oracle
#
# The libraries live in a virtual environment, .cache/oracle, made from tests/oracle/requirements.txt on first use (some
# GB of download, torch above all). Tests never need it: they compare with the files that are committed.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

venv=.cache/oracle
requirements=tests/oracle/requirements.txt
stamp=$venv/installed.txt

if ! cmp -s "$requirements" "$stamp"; then
    command -v python3 >/dev/null || { echo "make oracle: python3 is needed (Debian: python3 python3-venv)" >&2; exit 1; }
    if [[ ! -x $venv/bin/pip ]] && ! python3 -m venv "$venv"; then
        echo "make oracle: python3 cannot make a virtual environment (Debian: apt-get install python3-venv)" >&2
        exit 1
    fi
    if ! "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"; then
        echo "make oracle: pip cannot install $requirements (no network?). The committed golden files stay as they are." >&2
        exit 1
    fi
    cp "$requirements" "$stamp"
fi

(($#)) || set -- tests/oracle/*.py
for script in "$@"; do
    # A name with a leading underscore is a module that scripts share.
    [[ $(basename "$script") != _* ]] || continue
    [[ -f $script ]] || { echo "make oracle: no $script" >&2; exit 1; }
    echo "== $script"
    HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false "$venv/bin/python" "$script"
done
git status --short -- tests/golden
