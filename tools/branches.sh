# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# branches.sh MISSED WAIVERS: the files named in WAIVERS have every branch covered or waived in writing. MISSED is what coverage.sh wrote:
# lines "file:line:branch: text". WAIVERS has blocks: a line "file FILE" that names a file to check; for a branch of it that no test has to
# take "branches N TEXT", where TEXT is the source line and N how many of its branches, with the reason indented below it. Fails where a branch
# is neither, where a waiver has no reason, and where its line is no longer in the file.
missed=$1
waivers=$2
awk -v missed="$missed" '
function problem(what) { print what; bad++ }
/^#/ || /^$/ { next }
/^file / { file = $2; checked[file] = 1; next }
/^branches [0-9]+ / {
    if (waiver != "" && !has_reason) problem("no reason: " waiver)
    count = $2
    text = $0
    sub(/^branches [0-9]+ /, "", text)
    waiver = file ": " text
    waived[waiver] = count
    has_reason = 0
    found = 0
    while ((getline line < ("src/" file)) > 0) if (index(line, text)) found = 1
    close("src/" file)
    if (!found) problem("no such line any more: " waiver)
    next
}
/^ / { has_reason = 1; next }
{ problem("what is this line: " $0) }
END {
    if (waiver != "" && !has_reason) problem("no reason: " waiver)
    while ((getline line < missed) > 0) {
        file = line
        sub(/:.*/, "", file)
        if (!(file in checked)) continue
        text = line
        sub(/^[^:]*:[0-9]*:[0-9]*: /, "", text)
        if (waived[file ": " text]-- > 0) { n_waived++; continue }
        problem("not covered and not waived: " line)
    }
    for (file in checked) n_files++
    printf "%d files: %d missed branches waived, %d problems\n", n_files, n_waived, bad
    exit bad != 0
}' "$waivers"
