# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# run_isa.sh PROGRAM...: runs the test programs once per instruction set, PKERN_ISA forced to it.
has() {
    for flag; do grep -qwi "$flag" /proc/cpuinfo || return 1; done
}
case $(uname -m) in
x86_64) sets='scalar popcnt avx2 avx512' ;;
aarch64) sets='scalar neon' ;;
*) sets=scalar ;;
esac
run=0 skipped=0 failed=0
for isa in $sets; do
    case $isa in
    popcnt) has popcnt ;;
    avx2) has avx2 popcnt ;;
    avx512) has avx512f avx512bw avx512vl ;;
    esac || { echo "==== PKERN_ISA=$isa skipped: this CPU does not have it"; skipped=$((skipped + 1)); continue; }
    echo "==== PKERN_ISA=$isa"
    run=$((run + 1))
    PKERN_ISA=$isa sh "$(dirname "$0")/run.sh" "$@" || failed=$((failed + 1))
done
echo "instruction sets: $run run, $failed failed, $skipped skipped"
[ $failed = 0 ]
