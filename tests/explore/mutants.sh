# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# mutants.sh BUILD [EXECUTIONS]: weakens each memory order that is more than relaxed, and drops each fence, one at a time, in the
# sources of the scheduler, and runs the scenarios on each. A mutant must fail, or be waived in mutants.txt with a reason. One binary
# holds them all: each place is a choice by number.
set -e
build=$1
executions=${2:-1000000}
here=$(dirname "$0")
mkdir -p "$build"
rm -rf "$build/mutants_in"
cp -r src "$build/mutants_in"
: > "$build/mutants.list"
count=0
for file in $(cd src && ls pool/*.h pool/*.c); do
    awk -v n="$count" -v file="$file" -v list="$build/mutants.list" '
    {
        text = $0
        out = ""
        while (match(text, /pkn_atomic_[a-z_]+_(acquire|release|acq_rel|seq_cst)_(u32|u64|size|ptr)\(|pkn_fence_seq_cst\(|pkn_fence_all_threads\(/)) {
            name = substr(text, RSTART, RLENGTH - 1)
            weak = name
            if (!sub(/_(acquire|release|acq_rel|seq_cst)_/, "_relaxed_", weak)) weak = name ~ /all/ ? "explore_no_barrier" : "explore_no_fence"
            out = out substr(text, 1, RSTART - 1) "EXPLORE_SITE(" ++n ", " name ", " weak ")("
            text = substr(text, RSTART + RLENGTH)
            original = $0
            sub(/^ +/, "", original)
            print n "|" file "|" name "|" original >> list
        }
        print out text
    }
    END { print n > (list ".count") }' "src/$file" > "$build/mutants.new"
    count=$(cat "$build/mutants.list.count")
    cp "$build/mutants.new" "$build/mutants_in/$file"
done
sh "$here/adapt.sh" "$build/mutants_in" "$here/shadow" "$build/mutants_src"
${CC:-cc} -std=gnu11 -g -O2 -fsanitize=thread -Wno-unused-value "-I$here" "-I$build/mutants_src" -c "$here/scenarios.c" -o "$build/mutants_scenarios.o"
${CC:-cc} "$build/main.o" "$build/litmus.o" "$build/planted.o" "$build/mutants_scenarios.o" -o "$build/explore_mutants"

killed=0
waived=0
survived=0
while IFS='|' read -r number file name original; do
    if "$build/explore_mutants" --mutant "$number" --executions "$executions" scenarios > "$build/mutant.log" 2>&1; then
        if grep -qF -- "$file: $original" "$here/mutants.txt"; then
            waived=$((waived + 1))
            verdict=waived
        else
            survived=$((survived + 1))
            verdict=SURVIVED
        fi
    else
        killed=$((killed + 1))
        verdict="killed by $(sed -n 's/^  \(.*[^ ]\)  *[0-9]*  of more .*FAILED$/\1/p' "$build/mutant.log" | head -1 | tr -s ' ')"
    fi
    echo "$number $file: $original: $verdict"
done < "$build/mutants.list"
echo "mutants: $count, $killed killed, $waived waived, $survived survived"
[ "$survived" = 0 ]
