#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
#
# What examples/hdc_classify promises on its command line: accuracies, models that survive a file, exit statuses, one clear line on stderr.
# Usage, from the project's root: sh tests/examples/hdc_classify_test.sh [program]
set -u

program=${1:-build/examples/hdc_classify}
digits=examples/data/digits.csv
texts=examples/data/udhr
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
n_failed=0
n_passed=0
n_skipped=0

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
        grep -q "^hdc_classify: .*$pattern" "$scratch/err"; then passed; else failed "$name (status $status)"; fi
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

# reaches NAME PERCENT ARGUMENTS...: as answers, with at least this accuracy.
reaches() {
    name=$1
    percent=$2
    shift 2
    answers "$name" '"accuracy":' "$@" --json
    accuracy=$(sed -n 's/.*"accuracy":\([0-9.]*\).*/\1/p' "$scratch/out")
    if awk "BEGIN { exit !(${accuracy:-0} * 100 >= $percent) }"; then passed; else failed "$name: accuracy $accuracy"; fi
}

holds() {
    name=$1
    shift
    if "$@"; then passed; else failed "$name"; fi
}

# json NAME FILE: each line of it is JSON.
json() {
    if ! command -v python3 >/dev/null 2>&1; then
        n_skipped=$((n_skipped + 1))
    elif python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$2" 2>>"$scratch/err"; then
        passed
    else failed "$1"; fi
}

head -1200 $digits >"$scratch/first.csv"
tail -597 $digits >"$scratch/last.csv"

# How good it is: a third is held out. One-shot and retrained, binary and integer.
reaches "one look, binary" 90 --train $digits --holdout 33 --epochs 0 --prototypes binary
reaches "one look, integer" 91 --train $digits --holdout 33 --epochs 0 --prototypes integer
reaches "retrained, binary" 94 --train $digits --holdout 33 --prototypes binary
reaches "retrained, integer" 95 --train $digits --holdout 33 --prototypes integer
json "a test's JSON" "$scratch/out"
cp "$scratch/out" "$scratch/two"
reaches "adapt" 93 --train $digits --holdout 33 --rule adapt
reaches "online" 93 --train $digits --holdout 33 --rule online
reaches "records" 85 --train $digits --holdout 33 --encoder records
reaches "other people's digits" 91 --train "$scratch/first.csv" --test "$scratch/last.csv"
reaches "neighbours" 97 --train $digits --holdout 33 --neighbours 3 --save "$scratch/neighbours"
reaches "neighbours of other people's digits" 94 --train "$scratch/first.csv" --test "$scratch/last.csv" --neighbours 3
reaches "another seed and size" 92 --train $digits --holdout 33 --seed 7 --dimension 1024 --threads 3

# The same for any number of threads.
steady() {
    sed 's/"[a-z]*_s":[0-9.]*,*//g; s/"threads":[0-9]*//' "$1"
}
run --train $digits --holdout 33 --json --threads 1
holds "one thread learns the same" test "$(steady "$scratch/out")" = "$(steady "$scratch/two")"

# Train, save, load, test, predict.
head -1200 $digits >"$scratch/train.csv"
tail -597 $digits >"$scratch/test.csv"
answers "training and testing" "accuracy [89][0-9]" --train "$scratch/train.csv" --test "$scratch/test.csv" --save "$scratch/model"
grep accuracy "$scratch/out" >"$scratch/expected"
answers "a loaded model" "accuracy" --load "$scratch/model" --test "$scratch/test.csv"
grep accuracy "$scratch/out" >"$scratch/again"
holds "a loaded model knows the same" cmp -s "$scratch/expected" "$scratch/again"
answers "the confusion matrix" "true . predicted      0" --load "$scratch/model" --test "$scratch/test.csv"
cut -d, -f1-64 "$scratch/test.csv" | head -20 >"$scratch/unlabeled.csv"
answers "predicting rows without labels" "unlabeled.csv:1	[0-9]	0\\." --load "$scratch/model" --predict "$scratch/unlabeled.csv"
holds "a line each" test "$(wc -l <"$scratch/out")" -eq 20
cp "$scratch/out" "$scratch/expected"
head -20 "$scratch/test.csv" >"$scratch/labeled.csv"
answers "predicting rows with labels" "labeled.csv:20	" --load "$scratch/model" --predict "$scratch/labeled.csv"
holds "labels change nothing" test "$(cut -f2- "$scratch/out")" = "$(cut -f2- "$scratch/expected")"
answers "predictions as JSON" '"class":"' --load "$scratch/model" --predict "$scratch/unlabeled.csv" --json
json "predictions' JSON" "$scratch/out"
answers "records in a file" accuracy --train "$scratch/train.csv" --test "$scratch/test.csv" --encoder records --save "$scratch/records"
grep accuracy "$scratch/out" >"$scratch/expected"
answers "records from a file" accuracy --load "$scratch/records" --test "$scratch/test.csv"
grep accuracy "$scratch/out" >"$scratch/again"
holds "loaded records know the same" cmp -s "$scratch/expected" "$scratch/again"

# Neighbours.
answers "neighbours from a file" accuracy --load "$scratch/neighbours" --test "$scratch/last.csv" --json
grep -o '"right":[0-9]*' "$scratch/out" >"$scratch/expected"
answers "another number of them, the same here" '"neighbours":3' --load "$scratch/neighbours" --neighbours 3 --test "$scratch/last.csv" --json
holds "neighbours survive a file" test "$(grep -o '"right":[0-9]*' "$scratch/out")" = "$(cat "$scratch/expected")"
answers "their share of the votes" "unlabeled.csv:1	[0-9]	1.0000	2.0000" --load "$scratch/neighbours" --neighbours 1 --predict "$scratch/unlabeled.csv"
answers "more neighbours than examples" accuracy --train "$scratch/train.csv" --test "$scratch/test.csv" --neighbours 100000 --encoder records
refuses "neighbours in a file without examples" "keeps prototypes, no examples" --load "$scratch/model" --neighbours 3 --test "$scratch/test.csv"
refuses "neighbours that are retrained" "goes without --epochs" --train "$scratch/train.csv" --neighbours 3 --epochs 5 --holdout 10
refuses "no neighbours" "must be a whole number from 1" --train "$scratch/train.csv" --neighbours 0 --holdout 10

# A model's file.
refuses "a model of an older program" "old_model.hdc: is of an older hdc_classify" --load tests/examples/old_model.hdc --test "$scratch/test.csv"
head -c 1000 "$scratch/model" >"$scratch/cut"
refuses "a model cut off" "cut: " --load "$scratch/cut" --test "$scratch/test.csv"
refuses "a file that is no model" "test.csv: data is not of the expected format" --load "$scratch/test.csv" --test "$scratch/test.csv"
refuses "a missing model" "gone: " --load "$scratch/gone" --test "$scratch/test.csv"
cp "$scratch/model" "$scratch/changed"
printf 'x' | dd of="$scratch/changed" bs=1 seek=5000 conv=notrunc 2>/dev/null
refuses "a damaged model" "changed: " --load "$scratch/changed" --test "$scratch/test.csv"
mkdir "$scratch/folder"
refuses "a model onto a folder" "folder: " --train "$scratch/train.csv" --save "$scratch/folder"

# Tables of all kinds.
seq 1 40 | awk '{ print ($1 % 2 ? "odd" : "even") ";" $1 % 2 + $1 / 1000 ";" 3 - $1 % 2 ";7" }' >"$scratch/words.csv"
answers "semicolons, label first" "odd" --train "$scratch/words.csv" --test "$scratch/words.csv" --epochs 0
{
    echo 'label,"a b",b,c'
    tr ';' ',' <"$scratch/words.csv"
} >"$scratch/header.csv"
answers "a header" "40 of 40" --train "$scratch/header.csv" --test "$scratch/header.csv"
sed 's/,/ , /g; s/$/\r/' "$scratch/header.csv" >"$scratch/dos.csv"
answers "line ends of DOS, blanks" "40 of 40" --train "$scratch/dos.csv" --test "$scratch/header.csv"
{
    printf '\357\273\277'
    cat "$scratch/header.csv"
    echo
    echo
} >"$scratch/mark.csv"
answers "a byte order mark, empty lines" "40 of 40" --train "$scratch/header.csv" --test "$scratch/mark.csv"
awk -F';' '{ print $2, $3, $4, "\"" $1 "\"" }' "$scratch/words.csv" >"$scratch/blanks.csv"
answers "blanks between, quotes, label last" "40 of 40" --train "$scratch/blanks.csv" --test "$scratch/header.csv"
awk -F';' '{ print ($1 == "odd") "," $2 "," $3 }' "$scratch/words.csv" >"$scratch/first.csv"
answers "--label first" "40 of 40" --train "$scratch/first.csv" --test "$scratch/first.csv" --label first

# Bad rows.
bad() {
    sed "$2" "$scratch/header.csv" >"$scratch/bad.csv"
    refuses "$1" "bad.csv: row $3" --train "$scratch/bad.csv" --holdout 50
    answers "$1, skipped" "skipped 1 bad rows" --train "$scratch/bad.csv" --holdout 50 --skip-bad
    refuses "$1 in a test" "bad.csv: row $3" --train "$scratch/header.csv" --test "$scratch/bad.csv"
}
bad "a missing column" '5s/,7$//' '5: 3 columns, not 4'
bad "a column too many" '6s/$/,7/' '6: 5 columns, not 4'
bad "a word for a number" '7s/,7$/,seven/' '7: column 4: "seven" is not a finite number'
bad "nothing for a number" '8s/,7$/,/' '8: column 4: nothing in it'
bad "a number that isn't" '9s/,7$/,nan/' '9: column 4: "nan"'
bad "an infinite number" '10s/,7$/,1e99/' '10: column 4: "1e99"'
bad "no label" '11s/^[a-z]*,/,/' '11: the label is empty'
sed '12s/^[a-z]*/new/' "$scratch/header.csv" >"$scratch/unseen.csv"
refuses "a label that was not learned" 'unseen.csv: row 12: the label "new" was not in' --train "$scratch/header.csv" --test "$scratch/unseen.csv"
answers "the same, skipped" "skipped 1 bad" --train "$scratch/header.csv" --test "$scratch/unseen.csv" --skip-bad
refuses "rows of another width" "labeled.csv: row 1: 65 columns; the model has 3 fields" --train "$scratch/header.csv" --test "$scratch/labeled.csv"
: >"$scratch/empty.csv"
refuses "an empty table" "the file is empty" --train "$scratch/empty.csv"
echo 'a,b' >"$scratch/short.csv"
refuses "a table of words" "short.csv: row 1" --train "$scratch/short.csv"
printf 'a\nb\n' >"$scratch/column.csv"
refuses "one column" "column.csv: row 1" --train "$scratch/column.csv"
grep -v even "$scratch/header.csv" >"$scratch/one.csv"
refuses "one class" "all examples are of one class" --train "$scratch/one.csv"
printf '1,2,a\n1,2,b\n' >"$scratch/same.csv"
refuses "fields that never change" "all rows are the same" --train "$scratch/same.csv"

# Pictures: 3 x 2 pixels, 20 of them, 0 bright above and 1 bright below.
idx() {
    printf '\000\000\010\003\000\000\000\024\000\000\000\002\000\000\000\003' >"$scratch/$1-images-idx3-ubyte"
    printf '\000\000\010\001\000\000\000\024' >"$scratch/$1-labels-idx1-ubyte"
    for i in 1 2 3 4 5; do
        printf '\370\360\354\001\002\002\003\005\000\374\361\371' >>"$scratch/$1-images-idx3-ubyte"
        printf '\340\361\372\004\001\000\001\007\002\370\364\351' >>"$scratch/$1-images-idx3-ubyte"
        printf '\000\001\000\001' >>"$scratch/$1-labels-idx1-ubyte"
    done
}
idx a
answers "pictures" "20 of 20" --train "$scratch/a-images-idx3-ubyte" --test "$scratch/a-images-idx3-ubyte" --save "$scratch/pictures"
cp "$scratch/a-images-idx3-ubyte" "$scratch/plain"
refuses "pictures without labels" "plain: which file has its labels" --train "$scratch/plain"
answers "labels named" "20 of 20" --load "$scratch/pictures" --test "$scratch/plain" --labels "$scratch/a-labels-idx1-ubyte"
answers "predicting pictures" "plain:2	1	" --load "$scratch/pictures" --predict "$scratch/plain"
refuses "labels as pictures" "holds labels" --train "$scratch/a-labels-idx1-ubyte" --labels "$scratch/a-labels-idx1-ubyte"
refuses "pictures as labels" "holds pictures" --train "$scratch/plain" --labels "$scratch/plain"
head -c 100 "$scratch/plain" >"$scratch/cut-images-idx3-ubyte"
refuses "pictures cut off" "84 bytes behind the IDX header, which promises 20 items of 6" --train "$scratch/cut-images-idx3-ubyte" --labels "$scratch/a-labels-idx1-ubyte"
head -c 9 "$scratch/plain" >"$scratch/head"
refuses "a header cut off" "header is cut off" --train "$scratch/head" --labels "$scratch/a-labels-idx1-ubyte"
printf '\000\000\015\001\000\000\000\000' >"$scratch/floats"
refuses "other elements" "type 0x0d" --train "$scratch/floats" --labels "$scratch/a-labels-idx1-ubyte"
printf '\000\000\010\003\377\377\377\377\377\377\377\377\377\377\377\377' >"$scratch/huge"
refuses "sizes beyond everything" "0 bytes behind" --train "$scratch/huge" --labels "$scratch/a-labels-idx1-ubyte"
head -c 18 "$scratch/a-labels-idx1-ubyte" >"$scratch/few"
refuses "too few labels" "few: 10 bytes behind" --train "$scratch/plain" --labels "$scratch/few"
printf '\000\000\010\001\000\000\000\024\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\007' >"$scratch/seven"
refuses "a picture's label that was not learned" "row 20: the label \"7\" was not" --load "$scratch/pictures" --test "$scratch/plain" --labels "$scratch/seven"
refuses "pictures of another size" "the model has 64 fields" --load "$scratch/model" --predict "$scratch/plain"

# Texts.
mkdir "$scratch/learn" "$scratch/ask" "$scratch/learn/eng" "$scratch/hollow"
for name in deu_1996 fra ita spa; do
    head -80 $texts/$name.txt >"$scratch/learn/$name.txt"
    tail -20 $texts/$name.txt >"$scratch/ask/$name.txt"
done
head -80 $texts/eng.txt >"$scratch/learn/eng/a"
tail -20 $texts/eng.txt >"$scratch/ask/eng.txt"
reaches "languages by neighbours" 94 --train "$scratch/learn" --test "$scratch/ask" --lines --neighbours 5
reaches "languages" 96 --train "$scratch/learn" --test "$scratch/ask" --lines --epochs 0 --save "$scratch/languages"
answers "whole files" "5 of 5" --load "$scratch/languages" --test "$scratch/ask"
answers "the languages of a file's lines" "ita.txt:2	ita" --load "$scratch/languages" --predict "$scratch/ask/ita.txt" --lines
answers "a file's language" "fra.txt	fra" --load "$scratch/languages" --predict "$scratch/ask/fra.txt"
printf 'a' >"$scratch/tiny.txt"
answers "a text shorter than an n-gram" "tiny.txt	" --load "$scratch/languages" --predict "$scratch/tiny.txt"
printf 'caf\351 \342\202 \377\000x\n' >"$scratch/broken.txt"
answers "bytes that are not UTF-8" "broken.txt	" --load "$scratch/languages" --predict "$scratch/broken.txt"
mkdir "$scratch/gaps"
cp "$scratch/ask/fra.txt" "$scratch/gaps"
: >"$scratch/gaps/ita.txt"
refuses "an empty text" "ita.txt: row 1: the file is empty" --load "$scratch/languages" --test "$scratch/gaps"
answers "an empty text, skipped" "skipped 1 bad" --load "$scratch/languages" --test "$scratch/gaps" --skip-bad
cp $texts/por_PT.txt "$scratch/ask/por_PT.txt"
refuses "a language that was not learned" 'por_PT.txt: row 1: the label "por_PT" was not' --load "$scratch/languages" --test "$scratch/ask"
refuses "a folder with nothing in it" "no texts in it" --train "$scratch/hollow"
refuses "texts for a model of numbers" "is for numbers" --load "$scratch/model" --predict "$scratch/learn"
refuses "a missing file" "gone: No such file" --train "$scratch/gone"
refuses "ngrams of numbers" "is for texts" --train "$scratch/train.csv" --encoder ngrams
refuses "records of texts" "is for numbers" --train "$scratch/learn" --encoder records

# Options.
answers "help" "usage: hdc_classify" --help
refuses "nothing" "needs --train or --load"
refuses "both" "needs --train or --load" --train a --load b
refuses "a model for nothing" "what for" --load a
refuses "two tests" "one of them" --train a --test b --holdout 5
refuses "an unknown option" "no such option" --fast
refuses "a missing value" "value is missing" --train
refuses "a strange dimension" "multiple of 64" --train $digits --dimension 100
refuses "no threads" "--threads 0" --train $digits --threads 0
refuses "an unknown encoder" "no such choice" --train $digits --encoder deep
refuses "all held out" "must be a whole number" --train $digits --holdout 100
if [ -w /dev/full ]; then
    "$program" --train "$scratch/header.csv" >/dev/full 2>"$scratch/err"
    status=$?
    : >"$scratch/out"
    holds "a full standard output" test $status -eq 2
fi

echo "hdc_classify: $n_passed checks passed, $n_failed failed, $n_skipped skipped"
[ $n_failed -eq 0 ]
