# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# compile_time.sh DIST SCRATCH COMPILERS: what including a product costs in processor time: the declarations at most
# 50 ms above an empty file (the least of 3 means of 10), the implementation at most 15 s at -O2 (on a shared machine
# a second and a third try may show that).
dist=$1
scratch=$2
compilers=$3
failed=0
mkdir -p "$scratch"

# milliseconds REPEATS COMMAND...: processor time of the commands together
milliseconds() {
    repeats=$1
    shift
    (
        while [ "$repeats" -gt 0 ]; do
            "$@" || exit 1
            repeats=$((repeats - 1))
        done
        times
    ) | awk 'NR == 2 { gsub(/[ms]/, " "); printf "%d\n", ($1 * 60 + $2 + $3 * 60 + $4) * 1000 }'
}

# mean_of_ten COMMAND...: the least of three
mean_of_ten() {
    least=
    for round in 1 2 3; do
        now=$(milliseconds 10 "$@") || return 1
        [ -n "$now" ] || return 1
        if [ -z "$least" ] || [ "$now" -lt "$least" ]; then least=$now; fi
    done
    echo $((least / 10))
}

bound() { # WHAT VALUE LIMIT
    verdict=ok
    if [ -z "$2" ]; then
        echo "$1: does not compile"
        failed=1
        return
    fi
    [ "$2" -le "$3" ] || { verdict="TOO MUCH, at most $3 ms"; failed=1; }
    printf '%-50s %6d ms  %s\n' "$1" "$2" "$verdict"
}

echo 'int nothing;' > "$scratch/empty.c"
for compiler in $compilers; do
    empty=$(mean_of_ten "$compiler" -O2 -c "$scratch/empty.c" -o "$scratch/time.o")
    for product in pkern pkern_pool pkern_simd; do
        echo "#include \"$product.h\"" > "$scratch/$product.c"
        declarations=$(mean_of_ten "$compiler" -O2 "-I$dist" -c "$scratch/$product.c" -o "$scratch/time.o")
        bound "$compiler, declarations of $product.h" "${declarations:+$((declarations - empty))}" "${PKN_DECLARATIONS_MS:-50}"
        for try in 1 2 3; do
            code=$(milliseconds 1 "$compiler" -O2 "-I$dist" -DPKERN_IMPLEMENTATION -c "$scratch/$product.c" -o "$scratch/time.o")
            [ -n "$code" ] && [ "$code" -gt 15000 ] || break
        done
        bound "$compiler, implementation of $product.h at -O2" "$code" 15000
    done
done
exit $failed
