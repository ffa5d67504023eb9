# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# sizes.sh DIST SCRATCH: bytes of code, data and zeroed data that each product adds to a program.
dist=$1
scratch=$2
mkdir -p "$scratch"
row() { # COMPILER PRODUCT OPTIONS...
    compiler=$1 product=$2
    shift 2
    echo "#include \"$product.h\"" > "$scratch/size_$compiler.c"
    $compiler "-I$dist" -DPKERN_IMPLEMENTATION "$@" -c "$scratch/size_$compiler.c" -o "$scratch/size_$compiler.o" || exit 1
    size "$scratch/size_$compiler.o" | awk -v name="$product.h" -v how="$compiler $*" \
        'NR == 2 { printf "%-14s %-30s %8d %8d %8d\n", name, how, $1, $2, $3 }'
}
rows() { # COMPILER
    for product in pkern pkern_pool pkern_simd; do
        row $1 $product -O2
        row $1 $product -Os
    done
    row $1 pkern -O2 -DPKERN_NO_HDC
}
printf '%-14s %-30s %8s %8s %8s\n' product compiler code data zeroed
rows gcc > "$scratch/sizes_gcc" & # both at once: they take a while
gcc_job=$!
clang_rows=0
if command -v clang > /dev/null; then rows clang > "$scratch/sizes_clang" || clang_rows=1; fi
wait $gcc_job || exit 1
cat "$scratch/sizes_gcc"
[ ! -e "$scratch/sizes_clang" ] || cat "$scratch/sizes_clang"
exit $clang_rows
