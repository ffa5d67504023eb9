#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
#
# usage: sh bench/plot.sh RESULTS.csv PREFIX
#
# Draws PREFIX_<topic>.svg and .png with gnuplot: bars for each topic, a map for never_slower.
set -eu
csv=$1 prefix=$2
here=$(dirname "$0")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# One row a case, one column an implementation; value is "time" (ns a call) or "speedup" (over the sequential loop).
pivot() {
    awk -F, -v topic="$1" -v value="$2" -v cases="$3" '
    $1 != topic || $3 == "cycle" || $3 == "sequential again" || $2 !~ cases { next }
    {
        row = $2 SUBSEP $5
        if (!(row in known_row)) { known_row[row] = ++n_rows; rows[n_rows] = row }
        if (!($3 in known)) { known[$3] = 1; columns[++n_columns] = $3 }
        ns[row, $3] = $6
    }
    END {
        printf "case"
        for (c = 1; c <= n_columns; c++) {
            if (value == "time" || columns[c] != "sequential") { printf ",%s", columns[c] }
        }
        printf "\n"
        for (r = 1; r <= n_rows; r++) {
            split(rows[r], parts, SUBSEP)
            name = parts[1]
            gsub("_", " ", name)
            printf "%s", (value == "time" ? name : name " (" parts[2] ")")
            for (c = 1; c <= n_columns; c++) {
                if (value == "speedup" && columns[c] == "sequential") { continue }
                t = ns[rows[r], columns[c]]
                printf ",%s", (t == "" ? "NaN" : value == "time" ? t : ns[rows[r], "sequential"] / t)
            }
            printf "\n"
        }
    }' "$csv"
}

# bars TOPIC CASES VALUE TITLE NAME: CASES is a pattern of the rows to draw
bars() {
    pivot "$1" "$3" "$2" > "$scratch/bars.csv"
    [ "$(wc -l < "$scratch/bars.csv")" -gt 1 ] || return 0
    columns=$(head -1 "$scratch/bars.csv" | awk -F, '{ print NF }')
    for format in svg png; do
        gnuplot -e "data='$scratch/bars.csv'; output_file='${prefix}_$5.$format'; format='$format'; value='$3'; title_text='$4'; columns=$columns" \
            "$here/bars.gp"
    done
    echo "${prefix}_$5.svg"
}

# x, y, value and the names of the rows; 100 ns are allowed, so above 1.05 is what the limit forbids
map() {
    awk -F, -v names="$scratch/names.csv" '
    $1 != "never_slower" { next }
    {
        if (!($2 in known)) { known[$2] = ++n; print $2 > names }
        ns[$2, $5, $3] = $6
        if (!(($2, $5) in seen)) { seen[$2, $5] = 1; point[++p] = $2 SUBSEP $5 }
    }
    END {
        for (i = 1; i <= p; i++) {
            split(point[i], k, SUBSEP)
            s = ns[k[1], k[2], "sequential"]
            t = ns[k[1], k[2], "pkern"]
            d = t - s
            printf "%s,%d,%.4g\n", k[2], known[k[1]], (d > 100 ? (t - 100) / s : (d < -100 ? t / s : 1))
        }
    }' "$csv" > "$scratch/map.csv"
    [ -s "$scratch/map.csv" ] || return 0
    tics=$(awk '{ gsub("_", " "); printf "%s\"%s\" %d", (NR > 1 ? ", " : ""), $0, NR }' "$scratch/names.csv")
    rows=$(wc -l < "$scratch/names.csv")
    for format in svg png; do
        gnuplot -e "data='$scratch/map.csv'; output_file='${prefix}_never_slower.$format'; format='$format'; rows=$rows" \
            -e "set ytics ($tics)" "$here/map.gp"
    done
    echo "${prefix}_never_slower.svg"
}

bars hdc '^(bind|similarity|bundle)' speedup 'Batch operations on 2048 bits: speed-up over the sequential loop' hdc_batch
bars hdc '^(nearest|top)' speedup 'Exact search in 2048 bits: speed-up over the sequential loop' hdc_search
bars sum '.' speedup 'Sum of squares: speed-up over the sequential kernel' sum
bars latency '.' time 'Scheduler: time of one call' latency
bars fork '^(fib|broadcast)' time 'Forks: time of one call' fork
bars fork '^tree' speedup 'Sum over a binary tree: speed-up over the sequential function' fork_tree
bars uneven '.' speedup 'Uneven work: speed-up over the sequential code' uneven
map
