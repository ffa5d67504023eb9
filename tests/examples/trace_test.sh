#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
#
# examples/trace writes its trace at exit. A second parser than the tests' own reads it: python3 or node, where one is there.
# Usage, from the project's root: sh tests/examples/trace_test.sh [program]
set -u

program=${1:-build/examples/trace}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "trace: FAILED: $1"
    exit 1
}

PKERN_NUM_THREADS=2 "$program" "$scratch/trace.json" > "$scratch/out" || fail "the program"
grep -q '^1024 leaves$' "$scratch/out" || fail "the output"
for name in loop job call thread_name; do
    grep -q "\"name\":\"$name\"" "$scratch/trace.json" || fail "no $name in the trace"
done
if "$program" "$scratch/nowhere/trace.json" > /dev/null 2> "$scratch/err"; then fail "a file that can't be written is not told"; fi
grep -q 'nowhere/trace.json: input or output failed' "$scratch/err" || fail "the message: $(cat "$scratch/err")"

if command -v python3 > /dev/null; then
    python3 -c 'import json, sys
events = json.load(open(sys.argv[1]))
assert sum(e["name"] == "job" for e in events) == 5
assert all(e["ph"] in "MXi" and (e["ph"] == "M" or e["ts"] >= 0) and (e["ph"] != "X" or e["dur"] >= 0) for e in events)' \
        "$scratch/trace.json" || fail "python3 does not read it"
elif command -v node > /dev/null; then
    node -e 'const e = JSON.parse(require("fs").readFileSync(process.argv[1]));
if (e.filter(x => x.name === "job").length !== 5) process.exit(1)' "$scratch/trace.json" || fail "node does not read it"
else
    echo "trace: skipped: neither python3 nor node is here to read the file"
fi
echo "trace: the file that examples/trace leaves at exit is in order"
