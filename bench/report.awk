# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# usage: awk -F, -v topic=TOPIC -f report.awk RESULTS.csv
# One topic as a Markdown table: a row a case, a column an implementation, median time of one call and the distance of the quartiles.
function text(ns,   unit) {
    unit = "ns"
    if (ns >= 999.5) { ns /= 1000; unit = "us" }
    if (ns >= 999.5) { ns /= 1000; unit = "ms" }
    if (ns >= 999.5) { ns /= 1000; unit = "s" }
    return sprintf((ns < 9.995 ? "%.2f %s" : (ns < 99.95 ? "%.1f %s" : "%.0f %s")), ns, unit)
}
$1 != topic || $3 == "cycle" { next }
{
    row = $2 SUBSEP $5
    if (!(row in known_row)) { known_row[row] = 1; rows[++n_rows] = row }
    if (!($3 in known)) { known[$3] = 1; columns[++n_columns] = $3 }
    ns[row, $3] = $6
    iqr[row, $3] = $7
}
END {
    if (n_rows == 0) { exit }
    printf "| case | n |"
    for (c = 1; c <= n_columns; c++) { printf " %s |", columns[c] }
    printf " pkern / sequential |\n| --- | ---: |"
    for (c = 0; c <= n_columns; c++) { printf " ---: |" }
    printf "\n"
    for (r = 1; r <= n_rows; r++) {
        split(rows[r], parts, SUBSEP)
        printf "| %s | %s |", parts[1], parts[2]
        for (c = 1; c <= n_columns; c++) {
            t = ns[rows[r], columns[c]]
            printf " %s |", (t == "" ? "-" : sprintf("%s (%.0f %%)", text(t), 100 * iqr[rows[r], columns[c]] / t))
        }
        s = ns[rows[r], "sequential"]
        p = ns[rows[r], "pkern"]
        printf " %s |\n", ((s > 0 && p > 0) ? sprintf("%.2fx as fast", s / p) : "-")
    }
}
