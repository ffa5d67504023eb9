# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# docs_check.sh DIST SCRATCH FILE.md...: runs the examples in the documents as a reader would.
#
# The examples of a document run in order in one scratch folder that holds nothing but the products:
#   ```c      a block with "int main" is written to the file that its first line names (/* name.c */), else to
#             example.c, compiled with -std=c99 -O2 -Wall -Wextra -Werror -pthread, and run
#   ```sh run a block with the word "run" behind the language is run with sh -e
#   ```text   where it is the next block, with at most one line between them, it must be what the block before printed
# Other blocks are left alone. Their number is printed, so that a check of nothing is seen. Documents run two at a time.
dist=$1
scratch=$2
shift 2
if [ $# -gt 1 ]; then
    rm -rf "$scratch"
    mkdir -p "$scratch"
    printf '%s\n' "$@" | xargs -P 2 -n 1 sh "$0" "$dist" "$scratch" > "$scratch/log"
    status=$?
    grep -v '^documents: ' "$scratch/log"
    sed -n 's/^documents: //p' "$scratch/log" |
        awk '{ run += $1; compared += $4; failed += $7 }
             END { print "documents: " run " examples run, " compared " outputs compared, " failed " failures" }'
    exit $status
fi
run=0
compared=0
failed=0

complain() {
    echo "$1"
    failed=$((failed + 1))
}

for document; do
    [ -f "$document" ] || continue
    folder=$scratch/$(echo "$document" | tr / _)
    rm -rf "$folder"
    mkdir -p "$folder/blocks" "$folder/here"
    cp "$dist"/pkern*.h "$folder/here/"
    awk -v folder="$folder/blocks" '
    /^```/ && !inside {
        inside = 1
        info = substr($0, 4)
        file = sprintf("%s/%03d", folder, ++count)
        printf "%d|%d|%s\n", NR, between, info > (file ".info")
        printf "" > file
        next
    }
    /^```/ { inside = 0; between = 0; close(file); next }
    inside { print > file; next }
    NF { between++ }' "$document"
    output=
    for info in "$folder"/blocks/*.info; do
        [ -f "$info" ] || continue
        block=${info%.info}
        IFS='|' read -r line between language < "$info"
        here="$document:$line"
        last=$output
        output=
        case $language in
        c | C)
            grep -q 'int main' "$block" || continue
            name=$(sed -n '1s|^/\* *\([a-z_0-9]*\)\.c.*|\1|p' "$block")
            name=${name:-example}
            cp "$block" "$folder/here/$name.c"
            run=$((run + 1))
            (cd "$folder/here" && ${CC:-cc} -std=c99 -O2 -Wall -Wextra -Werror "$name.c" -o "$name" -pthread) ||
                { complain "$here: the example does not compile"; continue; }
            (cd "$folder/here" && "./$name") > "$block.output" 2>&1 ||
                { complain "$here: the example fails"; cat "$block.output"; continue; }
            output=$block.output
            ;;
        'sh run'*)
            run=$((run + 1))
            (cd "$folder/here" && sh -e) < "$block" > "$block.output" 2>&1 ||
                { complain "$here: the commands fail"; cat "$block.output"; continue; }
            output=$block.output
            ;;
        text*)
            [ -n "$last" ] && [ "$between" -le 1 ] || continue
            compared=$((compared + 1))
            diff "$block" "$last" > "$block.diff" ||
                { complain "$here: the block before prints something else (< document, > run):"; cat "$block.diff"; }
            ;;
        esac
    done
done
echo "documents: $run examples run, $compared outputs compared, $failed failures"
[ $failed = 0 ]
