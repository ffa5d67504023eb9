# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# run.sh RUNS SECONDS PROGRAM...: RUNS executions shared by the programs, each for at most SECONDS. What they find new goes to
# build/fuzz/corpus, an input that fails to build/fuzz/NAME-crash-*. Prints a line a program.
runs=$1
seconds=$2
shift 2
failed=0
for program; do
    name=$(basename "$program")
    corpus=tests/fuzz/corpus/${name#fuzz_}
    found=build/fuzz/corpus/${name#fuzz_}
    mkdir -p "$found"
    if "$program" -runs=$((runs / $#)) -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$name-" "$found" $([ -d "$corpus" ] && echo "$corpus") > "build/fuzz/$name.log" 2>&1; then
        echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log") executions," \
            "$(sed -n 's/.*cov: \([0-9]*\) .*/\1/p' "build/fuzz/$name.log" | tail -1) edges, no failure"
    else
        tail -60 "build/fuzz/$name.log"
        echo "$name: FAILED"
        failed=1
    fi
done
exit $failed
