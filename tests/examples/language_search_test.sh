#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
#
# What examples/language_search promises on its command line: exit statuses, one clear line on stderr, nothing half written.
# Usage, from the project's root: sh tests/examples/language_search_test.sh [program]
set -u

program=${1:-build/examples/language_search}
texts=examples/data/udhr
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
n_failed=0
n_passed=0

passed() {
    n_passed=$((n_passed + 1))
}

failed() {
    n_failed=$((n_failed + 1))
    echo "FAILED: $1"
    sed 's/^/    stdout: /' "$scratch/out" | head -5
    sed 's/^/    stderr: /' "$scratch/err" | head -5
}

run() {
    "$program" "$@" >"$scratch/out" 2>"$scratch/err"
    status=$?
}

# refuses NAME PATTERN ARGUMENTS...: exit status 2, nothing on stdout, one line on stderr that matches PATTERN.
refuses() {
    name=$1
    pattern=$2
    shift 2
    run "$@"
    if [ $status -eq 2 ] && [ ! -s "$scratch/out" ] && [ "$(wc -l <"$scratch/err")" -eq 1 ] &&
        grep -q "^language_search: .*$pattern" "$scratch/err"; then passed; else failed "$name (status $status)"; fi
}

# answers NAME PATTERN ARGUMENTS...: exit status 0, nothing on stderr, PATTERN on stdout.
answers() {
    name=$1
    pattern=$2
    shift 2
    run "$@"
    if [ $status -eq 0 ] && [ ! -s "$scratch/err" ] && grep -q "$pattern" "$scratch/out"; then passed; else
        failed "$name (status $status)"
    fi
}

holds() {
    name=$1
    shift
    if "$@"; then passed; else failed "$name"; fi
}

tab=$(printf '\t')
mkdir "$scratch/few" "$scratch/nothing" "$scratch/folders" "$scratch/folders/deu" "$scratch/hollow" "$scratch/hollow/deu"
cp $texts/eng.txt $texts/fra.txt $texts/ell_monotonic.txt "$scratch/few"
cp $texts/deu_1996.txt "$scratch/folders/deu/a.txt"
cp $texts/ltz.txt "$scratch/folders/ltz.txt"
sed -n '30,60p' $texts/deu_1996.txt >"$scratch/folders/deu/b.txt"
printf 'All human beings are born free\n\nTous les hommes naissent libres et égaux\nόλοι οι άνθρωποι\n' >"$scratch/lines.txt"
: >"$scratch/empty.txt"
printf '1 2 3\n \n' >"$scratch/numbers.txt"
printf 'good\nbad \377 byte\n' >"$scratch/latin.txt"
printf 'good\n\nlong \355\240\200 surrogate\n' >"$scratch/surrogate.txt"
printf 'cut off \342\202' >"$scratch/cut.txt"
tr '\n' ' ' <$texts/fra.txt | tr '.' ',' >"$scratch/long.txt"
printf 'no newline at the end' >"$scratch/unended.txt"

# Options.
answers "help" "usage: language_search" --help
refuses "an unknown option" "--fast: there is no such option" --fast
refuses "a missing value" "--threads: its value is missing" --threads
refuses "threads that are no number" "--threads two: must be a whole number" --threads two
refuses "no threads" "--threads 0: must be a whole number" --threads 0
refuses "a negative number of threads" "--threads -1: must be a whole number" --threads -1
refuses "top that is too large" "--top 99999999999999999999: must be" --search "$scratch/lines.txt" --top 99999999999999999999 free
refuses "a word without an option" "what should be done" hello
refuses "--train alone" "needs --train and --classify" --train "$scratch/few"
refuses "--classify alone" "needs --train and --classify" --classify "$scratch/lines.txt"
refuses "--classify without a file" "names no file" --train "$scratch/few" --classify
refuses "--search without a text" "one text to search for" --search "$scratch/lines.txt"
refuses "--demo with --search" "alone" --demo --search "$scratch/lines.txt" free

# Files.
refuses "a missing file" "missing.txt: No such file" --train "$scratch/few" --classify "$scratch/missing.txt"
refuses "an empty file" "empty.txt: the file is empty" --train "$scratch/few" --classify "$scratch/empty.txt"
refuses "a file without letters" "numbers.txt: there are no letters" --train "$scratch/few" --classify "$scratch/numbers.txt"
refuses "a folder as file" "is a directory" --train "$scratch/few" --classify "$scratch/few"
refuses "a byte that is not UTF-8" "latin.txt: line 2, byte 5: not valid UTF-8" --search "$scratch/latin.txt" bad
refuses "a surrogate" "surrogate.txt: line 3, byte 6: not valid UTF-8" --search "$scratch/surrogate.txt" bad
refuses "a character cut off" "cut.txt: line 1, byte 9: not valid UTF-8" --search "$scratch/cut.txt" bad
refuses "a missing folder" "gone: No such file" --train "$scratch/gone" --classify "$scratch/lines.txt"
refuses "a folder with nothing in it" "nothing: nothing in it" --train "$scratch/nothing" --classify "$scratch/lines.txt"
refuses "a label's folder with nothing in it" "deu: nothing in it" --train "$scratch/hollow" --classify "$scratch/lines.txt"
refuses "the demo without its texts" "nothing in it" --data "$scratch/nothing"
refuses "a text without letters" "no letters" --search "$scratch/lines.txt" 123
refuses "an empty text" "empty" --search "$scratch/lines.txt" ""

# Output: the old file stays when the new one can't be written.
echo old >"$scratch/old.tsv"
refuses "output into a file as folder" "can't" --search "$scratch/lines.txt" --output "$scratch/old.tsv/x" free
refuses "output onto a folder" "can't write" --search "$scratch/lines.txt" --output "$scratch/few" free
holds "no temporary file is left" test ! -e "$scratch/few.tmp"
refuses "bad input with output" "not valid UTF-8" --search "$scratch/latin.txt" --output "$scratch/old.tsv" bad
holds "the old output is still there" grep -q old "$scratch/old.tsv"
holds "no temporary file beside it" test ! -e "$scratch/old.tsv.tmp"
if [ -w /dev/full ]; then
    "$program" --search "$scratch/lines.txt" free >/dev/full 2>"$scratch/err"
    status=$?
    : >"$scratch/out"
    holds "a full standard output" test $status -eq 2
fi

# Classify.
answers "English" "lines.txt:1${tab}eng${tab}0\\.[5-9]" --train "$scratch/few" --classify "$scratch/lines.txt"
holds "French" grep -q "lines.txt:3${tab}fra${tab}" "$scratch/out"
holds "Greek" grep -q "lines.txt:4${tab}ell_monotonic${tab}" "$scratch/out"
holds "one line for each line with letters" test "$(wc -l <"$scratch/out")" -eq 3
cp "$scratch/out" "$scratch/expected"
answers "one thread" eng --threads 1 --train "$scratch/few" --classify "$scratch/lines.txt"
holds "the same on one thread" cmp -s "$scratch/out" "$scratch/expected"
answers "three threads" eng --threads 3 --train "$scratch/few" --classify "$scratch/lines.txt"
holds "the same on three threads" cmp -s "$scratch/out" "$scratch/expected"
answers "folders as labels" "unended.txt:1${tab}" --train "$scratch/folders" --classify "$scratch/unended.txt"
run --train "$scratch/few" --output "$scratch/deep/er/answers.tsv" --classify "$scratch/lines.txt"
holds "output goes to a file in new folders" cmp -s "$scratch/deep/er/answers.tsv" "$scratch/expected"

# Search.
answers "a passage with errors" "eng.txt:21${tab}No one shall be subjected" --search $texts/eng.txt --top 3 "No one shal be sujected to tortur"
holds "as many passages as asked for" test "$(wc -l <"$scratch/out")" -eq 3
answers "another script" "ell_monotonic.txt:" --search $texts/ell_monotonic.txt --top 1 "ελευθερία σκέψης"
answers "more passages than there are" "unended.txt:1${tab}no newline" --search "$scratch/unended.txt" --top 50 newline
answers "a long line and a long text" "long.txt:1${tab}" --search "$scratch/long.txt" --top 1 "$(cat "$scratch/long.txt")"
answers "a long line's language" "long.txt:1${tab}fra${tab}" --train "$scratch/few" --classify "$scratch/long.txt"

# The demo.
run --data "$scratch/few" --output "$scratch/page.html"
holds "a small demo" test $status -eq 0 -a ! -s "$scratch/err" -a -s "$scratch/page.html"
mkdir "$scratch/same"
for name in a b c d; do cp $texts/eng.txt "$scratch/same/$name.txt"; done
run --data "$scratch/same" --output "$scratch/same.html"
holds "a demo that can't tell is a failure" test $status -eq 1
run --demo --output "$scratch/page.html"
holds "the demo reaches its accuracy" test $status -eq 0
holds "it compares the bits" grep -q "the same bits on 1 thread and on" "$scratch/out"
holds "its page has pictures" grep -q "<svg" "$scratch/page.html"
holds "no progress bar where no one looks" test ! -s "$scratch/err"

echo "language_search: $n_passed checks passed, $n_failed failed"
[ $n_failed -eq 0 ]
