# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# matrix.sh DIST SCRATCH: holds the products in DIST to what the README promises of them: compilers, language
# standards, optimization levels, options, orders of inclusion, exported names, compile times.
# Every check is a job; jobs run two at a time; the failed ones are printed with their output.
here=$(dirname "$0")
dist=$1
scratch=$2
strict='-Wall -Wextra -Wpedantic -pedantic-errors -Wconversion -Wshadow -Wundef -Werror'
rm -rf "$scratch"
mkdir -p "$scratch/jobs"
count=0
compilers=gcc
if command -v clang > /dev/null; then compilers='gcc clang'
else echo "clang is missing: its half of the matrix is skipped"; fi

# job LABEL COMMANDS: the commands see $out, a name of their own; any failure fails the job.
job() {
    count=$((count + 1))
    name=$scratch/jobs/$(printf %03d $count)
    { echo "# $1"; echo "set -e"; echo "out=$name.out"; echo "$2"; } > "$name.sh"
}

# The C++ compiler that belongs to a C compiler.
cxx() {
    case $1 in gcc) echo g++ ;; clang) echo clang++ ;; esac
}

# compile LANGUAGE COMPILER: "gcc -std=c11" and the like; C++ sources keep their .c names.
compile() {
    case $1 in
    *++*) echo "$(cxx "$2") -std=$1 $strict -I$dist -x c++" ;;
    *) echo "$2 -std=$1 $strict -I$dist -x c" ;;
    esac
}

exports='
exports() { # object: every exported name begins with pkern_
    names=$(nm -g --defined-only "$1" | sed "s/.* //" | grep -v "^pkern_" | grep -v -x -e main -e use_simd -e "library_[ab]" || true)
    [ -z "$names" ] || { echo "exported without pkern_: $names"; return 1; }
}'

# Declarations: each header alone, every language.
for compiler in $compilers; do
    for language in c99 gnu99 c11 c17 c++11 c++14 c++17 c++20; do
        for product in pkern pkern_pool pkern_simd; do
            job "$compiler $language, declarations of $product.h" \
                "printf '#include <stdio.h>\n#include \"$product.h\"\nint main(void) { return 0; }\n' |
                 $(compile $language $compiler) -fsyntax-only -"
        done
    done
done

# The implementation as a program that runs: a cover of language x level for both compilers.
program() { # COMPILER LANGUAGE LEVEL
    job "$1 $2 $3, a program with the implementation of pkern.h" "$exports
        $(compile "$2" "$1") $3 -DPKERN_IMPLEMENTATION -c $here/use_pkern.c -o \$out.o
        exports \$out.o
        $(case $2 in *++*) cxx "$1" ;; *) echo "$1" ;; esac) \$out.o -o \$out -pthread
        \$out"
}
for compiler in $compilers; do
    case $compiler in
    gcc) cover='c99:-O2 gnu99:-O0 c11:-O0 c17:-O3 c++11:-O1 c++17:-O0' ;;
    clang) cover='c99:-O3 gnu99:-O0 c11:-O1 c17:-O0 c++11:-O2 c++17:-O0' ;;
    esac
    for pair in $cover; do program $compiler "${pair%:*}" "${pair#*:}"; done
    for pair in pool:c99:-O2 pool:c++11:-O1 simd:c99:-O1 simd:c++17:-O2; do
        product=${pair%%:*} rest=${pair#*:}
        language=${rest%:*} level=${rest#*:}
        job "$compiler $language $level, a program on pkern_$product.h alone" "$exports
            mkdir -p \$out.include
            cp $dist/pkern_$product.h \$out.include/
            $(compile "$language" $compiler | sed "s|-I$dist|-I\$out.include|") $level \
                -DPKERN_$(echo "$product" | tr a-z A-Z)_IMPLEMENTATION -c $here/use_$product.c -o \$out.o
            exports \$out.o
            $(cxx $compiler) \$out.o -o \$out -pthread
            \$out"
    done
done

# Options.
for options in -DPKERN_NO_HDC -DPKERN_NO_THREADS -DPKERN_NO_FUTEX -DPKERN_DEBUG=1 '-DPKERN_NO_HDC -DPKERN_NO_THREADS'; do
    job "gcc c99 -O0 $options" "$exports
        $(compile c99 gcc) -O0 $options -DPKERN_IMPLEMENTATION -c $here/use_pkern.c -o \$out.o
        exports \$out.o
        gcc \$out.o -o \$out -pthread
        \$out"
done
job "PKERN_NO_HDC leaves no hypervector function, PKERN_NO_THREADS no thread" "
    printf '#include \"pkern.h\"\n' > \$out.c
    gcc -O1 -I$dist -DPKERN_IMPLEMENTATION -DPKERN_NO_HDC -DPKERN_NO_THREADS -c \$out.c -o \$out.o
    nm \$out.o > \$out.names
    ! grep -e pkern_hdc -e pthread_ \$out.names"

# Every order, each header more than once, first without and then with the implementation.
for order in 'pkern pkern_pool pkern_simd' 'pkern pkern_simd pkern_pool' 'pkern_pool pkern pkern_simd' \
    'pkern_pool pkern_simd pkern' 'pkern_simd pkern pkern_pool' 'pkern_simd pkern_pool pkern'; do
    lines=
    for product in $order $order; do lines="$lines#include \"$product.h\"\\n"; done
    declare="printf '$lines' > \$out.c; cat $here/use_pkern.c >> \$out.c"
    job "order $order, implementation defined on the command line" "$declare
        $(compile c99 gcc) -O0 -DPKERN_NO_HDC -DPKERN_IMPLEMENTATION \$out.c -o \$out -pthread
        \$out"
    job "order $order, as declarations and then with the implementation" "
        printf '$lines#define PKERN_IMPLEMENTATION\n$lines' > \$out.c; cat $here/use_pkern.c >> \$out.c
        $(compile c++11 gcc) -O0 -DPKERN_NO_HDC \$out.c -o \$out -pthread
        \$out"
done

# Several translation units.
job "implementation in C, program in C++, and the other way round" "
    printf '#define PKERN_IMPLEMENTATION\n#include \"pkern.h\"\n' > \$out.c
    $(compile c99 gcc) -O0 -c \$out.c -o \$out.c.o
    $(compile c++11 gcc) -O0 -c \$out.c -o \$out.cxx.o
    $(compile c++17 gcc) -O0 -c $here/use_pkern.c -o \$out.use_cxx.o
    $(compile c11 gcc) -O0 -c $here/use_pkern.c -o \$out.use_c.o
    g++ \$out.c.o \$out.use_cxx.o -o \$out -pthread; \$out
    g++ \$out.cxx.o \$out.use_c.o -o \$out -pthread; \$out"
for language in c99 c++11; do
    job "$language, pool implemented in one unit and simd in another" "
        $(compile $language gcc) -O0 -DWITH_SIMD -DPKERN_POOL_IMPLEMENTATION -c $here/use_pool.c -o \$out.pool.o
        $(compile $language gcc) -O0 -DWITH_POOL -DPKERN_SIMD_IMPLEMENTATION -c $here/use_simd.c -o \$out.simd.o
        g++ \$out.pool.o \$out.simd.o -o \$out -pthread
        \$out"
    job "$language, static twice in one program" "$exports
        $(compile $language gcc) -O0 -DLIBRARY=library_a -DWITH_MAIN -c $here/static_library.c -o \$out.a.o
        $(compile $language gcc) -O0 -DLIBRARY=library_b -c $here/static_library.c -o \$out.b.o
        ! nm -g --defined-only \$out.a.o | grep pkern_
        g++ \$out.a.o \$out.b.o -o \$out -pthread
        \$out"
done

# Checks that have to fail, so that those above are known to work.
job "a name without pkern_ is found" "$exports
    printf 'int stray(void);\nint stray(void) { return 0; }\n' > \$out.c
    gcc -c \$out.c -o \$out.o
    if exports \$out.o; then exit 1; fi"
job "the implementation in two units does not link" "
    printf '#define PKERN_IMPLEMENTATION\n#include \"pkern.h\"\n' > \$out.c
    gcc -O0 -I$dist -c \$out.c -o \$out.o
    gcc -O0 -I$dist -DPKERN_IMPLEMENTATION -c $here/use_pkern.c -o \$out.use.o
    if gcc \$out.o \$out.use.o -o \$out -pthread 2> \$out.text; then exit 1; fi
    grep 'multiple definition' \$out.text"
job "two versions in one unit are an error" "
    mkdir -p \$out.include
    sed 's/^\\(.*PKERN_SOURCE_ID.*0x\\)....\\(.*\\)/\\10000\\2/' $dist/pkern_pool.h > \$out.include/pkern_pool.h
    printf '#include \"pkern_pool.h\"\n#include \"pkern.h\"\n' > \$out.c
    if gcc -I\$out.include -I$dist -fsyntax-only \$out.c 2> \$out.text; then exit 1; fi
    grep 'different versions' \$out.text"

echo "$count jobs"
ls "$scratch"/jobs/*.sh | xargs -P 2 -n 1 sh -c 'sh "$0" > "$0.log" 2>&1 || mv "$0.log" "$0.failed"'
failed=0
for log in "$scratch"/jobs/*.failed; do
    [ -f "$log" ] || continue
    failed=$((failed + 1))
    sed -n '1s/^# /FAILED: /p' "${log%.failed}"
    head -20 "$log"
done
echo "compile matrix: $((count - failed)) of $count jobs passed"
sh "$here/compile_time.sh" "$dist" "$scratch" "$compilers" || failed=$((failed + 1))
[ $failed = 0 ]
