# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# sizes.sh DIST SCRATCH: bytes of code, data and zeroed data that each product adds to a program.
dist=$1
scratch=$2
mkdir -p "$scratch"
row() { # PRODUCT OPTIONS...
    product=$1
    shift
    echo "#include \"$product.h\"" > "$scratch/size.c"
    $compiler "-I$dist" -DPKERN_IMPLEMENTATION "$@" -c "$scratch/size.c" -o "$scratch/size.o" || exit 1
    size "$scratch/size.o" | awk -v name="$product.h" -v how="$compiler $*" \
        'NR == 2 { printf "%-14s %-30s %8d %8d %8d\n", name, how, $1, $2, $3 }'
}
printf '%-14s %-30s %8s %8s %8s\n' product compiler code data zeroed
for compiler in gcc clang; do
    command -v $compiler > /dev/null || continue
    for product in pkern pkern_pool pkern_simd; do
        row $product -O2
        row $product -Os
    done
    row pkern -O2 -DPKERN_NO_HDC
done
