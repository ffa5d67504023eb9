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
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
run=0 skipped=0
for isa in $sets; do
    case $isa in
    popcnt) has popcnt ;;
    avx2) has avx2 popcnt ;;
    avx512) has avx512f avx512bw avx512vl ;;
    esac || { echo "==== PKERN_ISA=$isa skipped: this CPU does not have it"; skipped=$((skipped + 1)); continue; }
    run=$((run + 1))
    { PKERN_ISA=$isa sh "$(dirname "$0")/run.sh" "$@" || echo "$isa" >> "$logs/failed"; } > "$logs/$isa" 2>&1 &
    [ $((run % 2)) = 0 ] && wait # two at a time
done
wait
for isa in $sets; do
    [ -e "$logs/$isa" ] && echo "==== PKERN_ISA=$isa" && cat "$logs/$isa"
done
failed=$(cat "$logs/failed" 2> /dev/null | wc -l)
echo "instruction sets: $run run, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
