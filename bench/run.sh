#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
#
# usage: sh bench/run.sh [quick]
#
# Builds the peers that can be built, runs every bench, checks the figures, draws the plots. The full run writes
# bench/results/<machine>.{md,csv} and plots; quick (under 2 minutes) writes the same into build/bench/quick/.
#
#   BENCH_MACHINE=NAME   name of the result files instead of CPU model and number of CPUs
#   BENCH_WAIT=SECONDS   how long a full run waits for other programs to leave the CPUs (default 60)
#   BENCH_ONLY=TEXT      only the cases whose topic/case contains TEXT
#   BENCH_STRICT=1       a missed figure makes the exit status 3
#
# Exit status: 1 if a bench can't be built, crashes, or an implementation gives a wrong result.
set -u
cd "$(dirname "$0")/.." || exit 1

quick=
[ "${1:-}" = quick ] && quick=--quick
peers=build/bench/peers
BENCH_PEERS=$PWD/$peers
export BENCH_PEERS
unset OMP_WAIT_POLICY GOMP_SPINCOUNT OMP_NUM_THREADS RAYON_NUM_THREADS 2> /dev/null
mkdir -p $peers

# ---- peers: peer FILE SOURCE COMMAND...; rebuilt where the source is newer; a failure means one column less

peer() {
    file=$1 source=$2
    shift 2
    if [ -e "$peers/$file.so" ] && [ ! "$source" -nt "$peers/$file.so" ] && [ ! bench/peers/peer.h -nt "$peers/$file.so" ]; then
        return
    fi
    rm -f "$peers/$file.so"
    if ! "$@" > "$peers/$file.log" 2>&1; then
        rm -f "$peers/$file.so"
        echo "peer $file: not built ($(grep -m1 -i -E 'error|not found' "$peers/$file.log" || tail -1 "$peers/$file.log"))"
    fi
}

build_rayon() {
    rm -rf build/bench/rayon
    mkdir -p build/bench && cp -r bench/peers/rayon build/bench/rayon || return 1
    (cd build/bench/rayon && cargo build --release --offline) || return 1
    cp build/bench/rayon/target/release/libpeer_rayon.so $peers/rayon.so
}

shared="-O2 -fPIC -shared"
native=-march=native
echo 'int main(void) { return 0; }' | gcc $native -x c - -o $peers/try 2> /dev/null || native=
peer plain bench/peers/peer_plain.c "${CC:-cc}" -O3 $native -fPIC -shared bench/peers/peer_plain.c -o $peers/plain.so
peer gomp bench/peers/peer_gomp.c gcc $shared -fopenmp bench/peers/peer_gomp.c -o $peers/gomp.so
peer tbb bench/peers/peer_tbb.cpp g++ $shared bench/peers/peer_tbb.cpp -ltbb -o $peers/tbb.so
peer faiss bench/peers/peer_faiss.cpp g++ $shared -fopenmp bench/peers/peer_faiss.cpp -lfaiss -lopenblas -o $peers/faiss.so
peer rayon bench/peers/rayon/src/lib.rs build_rayon

# ---- benches

programs=
for source in bench/bench_*.c; do
    programs="$programs build/bench/$(basename "$source" .c)"
done
make -s $programs || exit 1

machine=${BENCH_MACHINE:-$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2> /dev/null | head -1 | tr 'A-Z' 'a-z' |
    sed 's/([^)]*)//g; s/[^a-z0-9]\{1,\}/-/g; s/^-//; s/-$//')-$(nproc)cpu}
out=bench/results
[ -n "$quick" ] && out=build/bench/quick
mkdir -p $out
csv=$out/$machine.csv
report=$out/$machine.md
log=build/bench/log.txt

ticks() { # of CPU time that all programs used so far, and that the host took away
    awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat 2> /dev/null || echo 0
}

busy() { # CPUs that other programs use, in percent of one, over a second
    before=$(ticks)
    sleep 1
    echo $((($(ticks) - before) * 100 / $(getconf CLK_TCK)))
}
waited=0
while others=$(busy) && [ "$others" -gt 15 ]; do
    if [ -n "$quick" ] || [ $waited -ge "${BENCH_WAIT:-60}" ]; then
        break
    fi
    waited=$((waited + 1))
done
if [ "$others" -gt 15 ]; then
    echo "Other programs use $others % of a CPU: the figures will be noisy."
fi

echo "topic,case,implementation,threads,size,median_ns,iqr_ns" > $csv
: > $log
failed=0
ticks_before=$(ticks)
seconds_before=$(date +%s)
times > build/bench/times_before
for program in $programs; do
    echo
    echo "== $(basename "$program")"
    { "$program" $quick --csv=$csv ${BENCH_ONLY:+"--only=$BENCH_ONLY"}; echo $? > build/bench/status; } 2>&1 | tee -a $log
    if [ "$(cat build/bench/status)" != 0 ]; then
        echo "$program FAILED with status $(cat build/bench/status)"
        failed=1
    fi
done

# What other programs used meanwhile: all CPU time less that of the programs above, in percent of one CPU.
times > build/bench/times_after
own=$(cat build/bench/times_before build/bench/times_after | tr "ms" "  " | awk '
    { t = 60 * ($1 + $3) + $2 + $4; sum += NR > 2 ? t : -t } END { printf "%d", sum * 100 }')
others=$((($(ticks) - ticks_before) * 100 / $(getconf CLK_TCK) - own))
others=$((others / ($(date +%s) - seconds_before + 1)))
noise=
[ $others -gt 10 ] && noise="Other programs used $others % of a CPU during this run: its figures are noisy."

# ---- whole commands

commands=build/bench/commands.md
: > $commands
text=examples/data/udhr
if [ -z "$quick" ] && command -v hyperfine > /dev/null 2>&1 && [ -d $text ] &&
    make -s build/examples/language_search; then
    demo="build/examples/language_search --train $text --classify $text/*.txt"
    hyperfine --warmup 1 --min-runs 9 --style basic --export-markdown $commands \
        --command-name "language_search, 1 thread" "env PKERN_NUM_THREADS=1 $demo" \
        --command-name "language_search, all threads" "env PKERN_NUM_THREADS=$(nproc) $demo" || echo "hyperfine: no comparison of whole commands"
fi

# ---- figures, plots, report

echo
figures=build/bench/figures.txt
sh bench/check_figures.sh $csv > $figures
missed=$?
cat $figures

plots=
if command -v gnuplot > /dev/null 2>&1; then
    plots=$(sh bench/plot.sh $csv $out/$machine)
else
    echo "plots: skipped, there is no gnuplot"
fi

{
    echo "# Results: $machine"
    echo
    grep -m1 '^machine:' $log
    [ -n "$noise" ] && printf '\n**%s**\n' "$noise"
    echo
    grep -m1 '^peers:' $log
    echo
    echo "Made by \`sh bench/run.sh${quick:+ quick}\`. Every row is one interleaved run in one process; times are medians of the samples of one"
    echo "call, quartiles are in [$machine.csv]($machine.csv). \"sequential again\" is the sequential loop a second time: how far it is from"
    echo "\"sequential\" is the noise; in brackets the distance of the quartiles. Peers call pkern's kernels, so they are compared as schedulers; FAISS brings its own search. \"inside\""
    echo "means that the caller is a thread of the pool already. The pool is hot."
    printf '\n## Figures\n\n```\n'
    cat $figures
    printf '```\n'
    for topic in hdc hdc_limit sum latency fork uneven wake simd; do
        grep -q "^$topic," $csv || continue
        printf '\n## %s\n\n' $topic
        awk -F, -v topic=$topic -f bench/report.awk $csv
    done
    if grep -q '^amount,' $csv; then
        printf '\n## What an idle pool takes\n\n| what | threads | amount |\n| --- | ---: | ---: |\n'
        awk -F, '$1 == "amount" { gsub("_", " ", $2); printf "| %s | %s | %s |\n", $2, $4, $6 }' $csv
    fi
    if grep ' points: ' $log > build/bench/points.txt; then
        printf '\n## never slower\n\n'
        cat build/bench/points.txt
    fi
    if [ -s $commands ]; then
        printf '\n## Whole commands (hyperfine)\n\n'
        cat $commands
    fi
    if [ -n "$plots" ]; then
        printf '\n## Plots\n'
        for plot in $plots; do
            printf '\n![%s](%s)\n' "$(basename "$plot" .svg)" "$(basename "$plot")"
        done
    fi
} > $report
echo
echo "wrote $report, $csv"
[ $failed = 0 ] || exit 1
[ $missed = 0 ] || [ "${BENCH_STRICT:-0}" != 1 ] || exit 3
exit 0
