# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# The map of the never-slower check; plot.sh sets data, output_file, format, rows and the names of the rows.
set datafile separator ","
if (format eq "svg") {
    set terminal svg size 1000,160+20*rows font "sans,12" background "white"
} else {
    set terminal pngcairo size 1000,160+20*rows font "sans,10" background "white"
}
set output output_file
set title "Time of pkern on all threads / sequential time, 100 ns allowed (limit 1.05)"
set xlabel "n"
set logscale x 10
set xrange [0.5:2000000]
set yrange [rows + 0.6:0.4]
set palette defined (0.4 "#08519c", 0.7 "#6baed6", 1.0 "#f7f7f7", 1.05 "#fdd49e", 1.06 "#ef6548", 1.6 "#7f0000")
set cbrange [0.4:1.6]
set cblabel "ratio"
set format x "%g"
unset key
plot data using 1:2:3 with points pt 5 ps 2.2 lc palette
