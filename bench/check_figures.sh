#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
#
# usage: sh bench/check_figures.sh RESULTS.csv
#
# Reads the CSV of a run and prints each figure that the project promises, its target and whether it is met.
# Exit status: 0 all met, 1 some missed, 2 no such file.
set -u
csv=${1:?usage: check_figures.sh RESULTS.csv}
[ -r "$csv" ] || { echo "check_figures: cannot read $csv" >&2; exit 2; }

awk -F, '
BEGIN { peers["libgomp"]; peers["Rayon"]; peers["oneTBB"] }
$1 == "topic" { next }
{ ns[$1, $2, $3, $5] = $6 }
$1 == "uneven" && $3 == "sequential" { uneven[++n_uneven] = $2 SUBSEP $5 }
$1 == "never_slower" && !(($2, $5) in seen) { seen[$2, $5] = 1; point[++n_points] = $2 SUBSEP $5 }

function have(topic, name, size, who) {
    return ((topic, name, who, size) in ns)
}
# op is ">=" or "<=" or "<"
function figure(what, value, op, target, unit,   met) {
    met = op == ">=" ? value >= target : op == "<=" ? value <= target : value < target
    printf "%-62s %8.2f %-3s target %s %.4g %s: %s\n", what, value, unit, op, target, unit, met ? "met" : "MISSED"
    if (!met) { missed++ }
    total++
}
function absent(what) {
    printf "%-62s %8s     not measured in this run\n", what, "-"
    unknown++
}
function speedup(what, topic, name, size, slow, fast, target) {
    if (have(topic, name, size, slow) && have(topic, name, size, fast)) {
        figure(what, ns[topic, name, slow, size] / ns[topic, name, fast, size], ">=", target, "x")
    } else {
        absent(what)
    }
}
function ratio(what, topic, name, size, who, base, target) {
    if (have(topic, name, size, who) && have(topic, name, size, base)) {
        figure(what, ns[topic, name, who, size] / ns[topic, name, base, size], "<=", target, "x")
    } else {
        absent(what)
    }
}
# the better of generic and typed joins, over the best peer
function fastest(row,   parts, t, best, peer) {
    split(row, parts, SUBSEP)
    t = ns["uneven", parts[1], "pkern", parts[2]]
    if (have("uneven", parts[1], parts[2], "pkern typed") && ns["uneven", parts[1], "pkern typed", parts[2]] < t) {
        t = ns["uneven", parts[1], "pkern typed", parts[2]]
    }
    best = 0
    for (peer in peers) {
        if (have("uneven", parts[1], parts[2], peer) && (best == 0 || ns["uneven", parts[1], peer, parts[2]] < best)) {
            best = ns["uneven", parts[1], peer, parts[2]]
        }
    }
    if (best > 0) {
        figure("uneven: " parts[1] ", over the fastest peer", t / best, "<=", 1.02, "x") # 2 % are noise
    } else { absent("uneven: " parts[1] ", over the fastest peer") }
}
function limits(mode,   i, key, parts, seq, again, pkern, limit, bad, noisy, count, worst, text) {
    for (i = 1; i <= n_points; i++) {
        split(point[i], parts, SUBSEP)
        if (parts[1] !~ ":" mode "$") { continue }
        seq = ns["never_slower", parts[1], "sequential", parts[2]]
        again = ns["never_slower", parts[1], "sequential again", parts[2]]
        pkern = ns["never_slower", parts[1], "pkern", parts[2]]
        limit = 1.10 * seq + 100
        count++
        if (pkern > limit && (again > limit || seq > 1.10 * again + 100)) {
            noisy++
            text = text sprintf("    not decided for noise: %s, n = %s: %g ns, sequential %g and %g ns\n", parts[1], parts[2], pkern, seq, again)
        } else if (pkern > limit) {
            bad++
            text = text sprintf("    too slow: %s, n = %s: %g ns, sequential %g ns, limit %g ns\n", parts[1], parts[2], pkern, seq, limit)
        }
    }
    if (count == 0) { absent("never slower, " mode); return }
    figure("never slower, " mode ": points of " count " above 1.10x + 100 ns", bad + 0, "<=", 0, "")
    if (noisy > 0) { figure("never slower, " mode ": points not decided for noise", noisy, "<=", 0, "") }
    printf "%s", text
}
END {
    speedup("batch_bind(1000), pool hot, over the sequential loop", "hdc", "bind", 1000, "sequential", "pkern", 1.65)
    if (have("hdc", "bind", 1000, "libgomp")) {
        figure("batch_bind(1000), pool hot, time by time of libgomp", ns["hdc", "bind", "pkern", 1000] / ns["hdc", "bind", "libgomp", 1000], "<", 1, "x")
    } else { absent("batch_bind(1000), pool hot, time by time of libgomp") }
    speedup("nearest 100 x 1000, all threads over pkern on 1 thread", "hdc", "nearest_1000", 100, "pkern 1 thread", "pkern", 1.85)
    if (have("hdc", "nearest_1000", 100, "pkern 1 thread")) {
        pair = ns["hdc", "nearest_1000", "pkern 1 thread", 100] / 100000
        figure("nearest 100 x 1000, a pair on 1 thread", pair, "<=", 2.7, "ns")
        if (ns["hdc", "nearest_1000", "cycle", 100] > 0) {
            figure("nearest 100 x 1000, a pair on 1 thread", pair / ns["hdc", "nearest_1000", "cycle", 100], "<=", 7.9, "cyc")
        }
    } else { absent("nearest 100 x 1000, a pair on 1 thread") }
    if (have("hdc", "bundle", 10, "pkern 1 thread")) {
        figure("bundle(10), a set on 1 thread", ns["hdc", "bundle", "pkern 1 thread", 10] / 10, "<=", 60, "ns")
    } else { absent("bundle(10), a set on 1 thread") }
    fib = have("fork", "fib_25_generic", 121392, "pkern") ? "fib_25" : "fib_35" # in a quick run it is smaller
    n = fib == "fib_25" ? 121392 : 14930351
    ratio("generic join, " fib ", helper busy, over plain calls", "fork", fib "_generic", n, "pkern", "sequential", 1.2)
    if (have("fork", fib "_generic", n, "Rayon")) {
        plain = ns["fork", fib "_generic", "sequential", n]
        figure("generic join, " fib ", helper busy, cost by Rayon'"'"'s", (ns["fork", fib "_generic", "pkern", n] - plain) / (ns["fork", fib "_generic", "Rayon", n] - plain), "<=", 0.35, "x")
    } else { absent("generic join, helper busy, cost by Rayon'"'"'s") }
    ratio("typed join task, " fib ", 1 thread over plain function, gcc", "fork", fib "_gcc", n, "pkern 1 thread", "sequential", 1.3)
    ratio("typed join task, " fib ", 1 thread over plain function, clang", "fork", fib "_clang", n, "pkern 1 thread", "sequential", 1.3)
    ratio("tree of 2^10 nodes, typed, over sequential", "fork", "tree_10", 1023, "pkern typed", "sequential", 1.15)
    ratio("tree of 2^10 nodes, typed, over sequential by calls", "fork", "tree_10", 1023, "pkern typed", "sequential by calls", 1.15)
    speedup("tree of 2^20 nodes, typed, speed-up", "fork", "tree_20", 1048575, "sequential", "pkern typed", 1.6)
    speedup("tree of 2^24 nodes, typed, speed-up", "fork", "tree_24", 16777215, "sequential", "pkern typed", 1.8)
    for (n = 1; n <= 256 && !have("fork", "broadcast", n, "pkern"); n++) { }
    ratio("empty broadcast, over libgomp'"'"'s parallel region", "fork", "broadcast", n, "pkern", "libgomp", 0.6)
    if (n_uneven == 0) { absent("uneven work, over the fastest peer") }
    for (i = 1; i <= n_uneven; i++) { fastest(uneven[i]) }
    limits("hot")
    limits("cold")
    printf "\n%d figures: %d met, %d missed, %d not measured\n", total + unknown, total - missed, missed, unknown
    exit missed > 0
}' "$csv"
