#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
#
# examples/episodic_memory: what it finds on the text it comes with, the same at any number of threads, and bad input.
# Usage, from the project's root: sh tests/examples/episodic_memory_test.sh [program]
set -u

program=${1:-build/examples/episodic_memory}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "episodic_memory: FAILED: $1"
    exit 1
}

PKERN_NUM_THREADS=1 "$program" > "$scratch/one" || fail "the program"
PKERN_NUM_THREADS=3 "$program" > "$scratch/three" || fail "the program with 3 threads"
cmp -s "$scratch/one" "$scratch/three" || fail "1 and 3 threads differ"
found=$(sed -n 's/^Each line asked for by its second half.*: \([0-9]*\) of 60 found\.$/\1/p' "$scratch/one")
[ "${found:-0}" -ge 45 ] || fail "$found of 60 lines found"
grep -q '^Consolidation merges [1-9][0-9]* and forgets [1-9]' "$scratch/one" || fail "consolidation"

"$program" examples/data/udhr/eng.txt 'rihgt to educatoin' > "$scratch/cue" || fail "a cue"
grep -A3 '^Recall by content' "$scratch/cue" | grep -q 'right to education' || fail "the cue is not found"
"$program" --help | grep -q '^usage:' || fail "--help"

# One line on stderr, nothing on stdout, exit 2.
refused() { # MESSAGE ARGUMENTS...
    message=$1
    shift
    "$program" "$@" > "$scratch/out" 2> "$scratch/err"
    [ $? = 2 ] || fail "$*: not exit 2"
    [ ! -s "$scratch/out" ] || fail "$*: output"
    [ "$(wc -l < "$scratch/err")" = 1 ] && grep -q "$message" "$scratch/err" || fail "$*: $(cat "$scratch/err")"
}
: > "$scratch/empty"
head -c 5000 /dev/zero | tr '\0' x > "$scratch/long"
refused 'No such file' "$scratch/nowhere"
refused 'directory' "$scratch"
refused 'no line of 8 letters' "$scratch/empty"
refused 'longer than' "$scratch/long"
refused 'no such option' --wrong
refused 'too many' a b c
refused 'at least 3 letters' examples/data/udhr/eng.txt ab
echo "episodic_memory: all is in order"
