# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# Clustered bars; plot.sh sets data, output_file, format, value (speedup or time), columns and title_text.
set datafile separator ","
set datafile missing "NaN"
if (format eq "svg") {
    set terminal svg size 1100,480 font "sans,12" background "white"
} else {
    set terminal pngcairo size 1100,480 font "sans,10" background "white"
}
set output output_file
set title title_text
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set key outside right top
set xtics rotate by -30 nomirror
set grid ytics lc "#dddddd"
set linetype 1 lc "#888888"
set linetype 2 lc "#9ecae1"
set linetype 3 lc "#08519c"
set linetype 4 lc "#e6550d"
set linetype 5 lc "#31a354"
set linetype 6 lc "#a1d99b"
set linetype 7 lc "#756bb1"
set linetype 8 lc "#c994c7"
set linetype 9 lc "#636363"
if (value eq "speedup") {
    set logscale y 2
    set yrange [0.03125:8]
    set ylabel "times as fast as sequential (log, cut at 1/32)"
    set arrow from graph 0, first 1 to graph 1, first 1 nohead lc "#000000" lw 1 front
} else {
    set logscale y 10
    set ylabel "ns a call (log)"
}
plot for [i = 2:columns] data using i:xtic(1) title columnheader(i) lt (i - 1)
