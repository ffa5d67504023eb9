# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# coverage.sh FOLDER: line and branch coverage of src/, merged from the test programs that ran in FOLDER. A line or
# branch counts as covered if any program took it. Fails if a layer has less than PKN_COVERAGE % (95) of its lines.
# Code for instruction sets that this machine does not have is not compiled here and so not counted.
folder=$1
for data in "$folder"/*.gcda; do
    [ -f "$data" ] || { echo "no coverage data in $folder" >&2; exit 1; }
    gcov --branch-probabilities --stdout "$data" 2> /dev/null
done > "$folder/all.gcov"
awk -F: -v missed="$folder/missed_lines" -v missed_branches="$folder/missed_branches" -v least="${PKN_COVERAGE:-95}" '
$3 == "Source" || $0 ~ /^ *-: *0:Source:/ {
    source = $4 ? $4 : $NF
    inside = source ~ /(^|\/)src\//
    sub(/.*src\//, "", source)
    next
}
!inside { next }
/^branch/ {
    split($0, word, /  */)
    key = source ":" line ":" word[2]
    if (!(key in branch)) { branch[key] = 0; branches[source]++ }
    if ($0 !~ /never executed|taken 0%/ && !branch[key]) { branch[key] = 1; taken[source]++ }
    next
}
/^ *[-#=0-9*]+:/ {
    count = $1
    line = $2 + 0
    gsub(/[ *]/, "", count)
    if (count == "-" || line == 0) next
    key = source ":" line
    if (!(key in text)) {
        text[key] = $0
        sub(/^[^:]*:[^:]*:[ ]*/, "", text[key])
    }
    if (!(key in seen)) { seen[key] = 0; lines[source]++ }
    if (count !~ /^[#=]/ && !seen[key]) { seen[key] = 1; hit[source]++ }
}
END {
    for (source in lines) {
        layer = source
        sub(/\/.*/, "", layer)
        layer_lines[layer] += lines[source]
        layer_hit[layer] += hit[source]
        layer_branches[layer] += branches[source]
        layer_taken[layer] += taken[source]
        printf "%-32s %5d of %5d lines %6.1f %%   %5d of %5d branches\n", source, hit[source], lines[source],
               100 * hit[source] / lines[source], taken[source], branches[source] | "sort"
    }
    close("sort")
    for (layer in layer_lines) {
        part = 100 * layer_hit[layer] / layer_lines[layer]
        few = part < least ? "   TOO LITTLE" : ""
        bad += few != ""
        printf "layer %-26s %5d of %5d lines %6.1f %%   %5d of %5d branches%s\n", layer, layer_hit[layer], layer_lines[layer],
               part, layer_taken[layer], layer_branches[layer], few | "sort"
    }
    close("sort")
    for (key in seen) if (!seen[key]) print key > missed
    printf "" > missed_branches
    for (key in branch) if (!branch[key]) {
        place = key
        sub(/:[0-9]*$/, "", place)
        print key ": " text[place] > missed_branches
    }
    exit bad != 0
}' "$folder/all.gcov"
status=$?
[ -f "$folder/missed_lines" ] && sort -t: -k1,1 -k2,2n "$folder/missed_lines" -o "$folder/missed_lines" && echo "missed lines: $folder/missed_lines"
exit $status
