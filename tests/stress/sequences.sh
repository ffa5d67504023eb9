# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# sequences.sh PROGRAM COUNT SEED: COUNT random sequences of calls, half of them on all CPUs and half on one; then a twentieth
# on all and on one CPU each under the address sanitizer and the thread sanitizer (PROGRAM_asan, PROGRAM_tsan).
program=$1
half=$(($2 / 2))
few=$(($2 / 20))
seed=$3
one_cpu="taskset -c 0"
command -v taskset > /dev/null || { one_cpu=; echo "skipped: no taskset, so one CPU is all CPUs"; }
export ASAN_OPTIONS="detect_stack_use_after_return=1" TSAN_OPTIONS="halt_on_error=1"
failed=0
run() {
    "$@" || { echo "failed: $*"; failed=$((failed + 1)); }
}
run "$program" --seed "$seed" --count "$half"
run $one_cpu "$program" --seed $((seed + 1)) --count "$half"
for sanitizer in asan tsan; do
    run "${program}_$sanitizer" --seed $((seed + 2)) --count "$few"
    run $one_cpu "${program}_$sanitizer" --seed $((seed + 3)) --count "$few"
done
[ $failed = 0 ]
