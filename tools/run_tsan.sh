#!/usr/bin/env bash
# Runs a command with address space randomisation off where the kernel allows it: with more random bits than GCC 12's
# ThreadSanitizer knows, its programs stop at start with "unexpected memory mapping".
set -euo pipefail

if setarch "$(uname -m)" -R true 2>/dev/null; then
    exec setarch "$(uname -m)" -R "$@"
fi
exec "$@"
