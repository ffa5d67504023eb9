# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# fences_test.sh FOLDER: the instructions that carry the memory orders are in the code that compilers make, for x86-64 and 64-bit Arm; R08 of
# docs/reliability.md. A compiler that is not there is counted as skipped.
folder=$1
mkdir -p "$folder" || exit 1
failed=0
checked=0
skipped=0

expect() { # FILE FUNCTION PATTERN
    checked=$((checked + 1))
    sed -n "/^$2:/,/[^a-z]ret\$/p" "$1" | grep -Eq "$3" || { echo "$1: $2 has no $3"; failed=$((failed + 1)); }
}

for compiler in gcc clang aarch64-linux-gnu-gcc "clang --target=aarch64-linux-gnu"; do
    command -v "${compiler%% *}" > /dev/null || { skipped=$((skipped + 1)); continue; }
    file=$folder/fences_$(echo "$compiler" | tr -c 'a-z0-9\n' _).s
    case $compiler in
    *aarch64*) flags="-mno-outline-atomics" ;;
    *) [ "$(uname -m)" = x86_64 ] || { skipped=$((skipped + 1)); continue; }; flags= ;;
    esac
    for standard in c99 c17; do
        if ! $compiler -std=$standard -O2 $flags -Isrc -S tests/dist/fences.c -o "$file" 2> "$file.log"; then
            # no headers of libc for that machine
            grep -q "file not found" "$file.log" && { skipped=$((skipped + 1)); continue; }
            cat "$file.log"
            exit 1
        fi
        case $compiler in
        *aarch64*)
            expect "$file" load_acquire 'ldap?r'
            expect "$file" store_release 'stlr'
            for update in exchange fetch_add cas; do
                expect "$file" ${update}_acq_rel 'ldaxr|swpal|ldaddal|casal'
                expect "$file" ${update}_acq_rel 'stlxr|swpal|ldaddal|casal'
            done
            expect "$file" fence_seq_cst 'dmb[[:space:]]+ish$'
            ;;
        *)
            expect "$file" exchange_acq_rel 'xchg'
            expect "$file" fetch_add_acq_rel 'lock[[:space:]]+xadd'
            expect "$file" cas_acq_rel 'lock[[:space:]]+cmpxchg'
            expect "$file" fence_seq_cst 'lock|mfence'
            ;;
        esac
    done
done
echo "$checked instructions looked for, $failed missing, $skipped compilers skipped"
[ $failed = 0 ] && [ $checked -gt 0 ]
