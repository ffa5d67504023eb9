# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# generator_test.sh GENERATOR SCRATCH: proves on a small tree that the generator does what it says, and that every
# rule, its own and those of tools/rules.sh, is reported when it is broken.
generator=$1
scratch=$2
rules=$(dirname "$0")/../../tools/rules.sh
checks=0
failed=0

spdx() { printf '/* SPDX-License-Identifier: MIT */\n/* SPDX-FileCopyrightText: The pkern authors */\n'; }

piece() { # FILE BODY: a piece with its guard
    guard=PKN_$(echo "$1" | tr 'a-z/.' 'A-Z__')
    mkdir -p "$tree/src/$(dirname "$1")"
    { spdx; printf '#ifndef %s\n#define %s\n%b#endif\n' "$guard" "$guard" "$2"; } > "$tree/src/$1"
}

spine() { # NAME BODY
    { spdx; printf '%b' "$2"; } > "$tree/src/$1.in.h"
}

fresh() { # a tree that breaks no rule
    tree=$scratch/tree
    rm -rf "$tree"
    mkdir -p "$tree/src" "$tree/out"
    piece base/bits.h 'static int pkn_bits;\n'
    piece pool/pool.h '#include "base/bits.h"\nint pkern_pool_use(void);\n'
    piece pool/pool.c '#include "pool/pool.h"\nint pkern_pool_use(void) { return pkn_bits; }\n'
    piece simd/simd.h '#include "base/bits.h"\n'
    piece hdc/hdc.h '#include "pool/pool.h"\nint pkern_hdc_use(void);\n'
    piece hdc/hdc.c '#include "hdc/hdc.h"\nint pkern_hdc_use(void) { return 1; }\n'
    spine pkern_pool '#include "pool/pool.h"\n#ifdef PKERN_IMPLEMENTATION\n#include "pool/pool.c"\n#endif\n'
    spine pkern_simd '#include "simd/simd.h"\n'
    spine pkern '/*\n   #include "pkern.h"\n*/\n#include "pool/pool.h"\n#include "simd/simd.h"\n#ifndef PKERN_NO_HDC\n#include "hdc/hdc.h"\n#endif
#ifdef PKERN_IMPLEMENTATION\n#include "pool/pool.c"\n#ifndef PKERN_NO_HDC\n#include "hdc/hdc.c"\n#endif\n#endif\n'
}

check() { # WHAT RESULT
    checks=$((checks + 1))
    [ "$2" = 0 ] && return
    failed=$((failed + 1))
    echo "generator test failed: $1"
}

refused() { # TEXT: the generator says it and writes nothing
    "$generator" "$tree/src" "$tree/out" 2> "$tree/errors" && status=accepted || status=refused
    grep -q "$1" "$tree/errors" && [ $status = refused ] && [ -z "$(ls "$tree/out")" ]
    check "refuses: $1 ($(head -3 "$tree/errors"))" $?
    fresh
}

broken() { # TEXT: tools/rules.sh says it
    sh "$rules" "$tree" > "$tree/errors" 2>&1 && status=accepted || status=refused
    grep -q "$1" "$tree/errors" && [ $status = refused ]
    check "rules.sh finds: $1 ($(head -3 "$tree/errors"))" $?
    fresh
}

# What it makes.
fresh
"$generator" "$tree/src" "$tree/out"
check 'a good tree is accepted' $?
[ "$(grep -c 'static int pkn_bits;' "$tree/out/pkern.h")" = 1 ]
check 'each file stands in a product once' $?
head -1 "$tree/out/pkern.h" | grep -q 'GENERATED from src/pkern.in.h'
check 'the first line says where to edit' $?
grep -q '^/\* ==== src/pool/pool.h ==== \*/$' "$tree/out/pkern.h"
check 'a banner stands before a piece' $?
mkdir "$tree/again"
"$generator" "$tree/src" "$tree/again"
diff -r "$tree/out" "$tree/again" > /dev/null
check 'the same sources give the same bytes' $?
(cd "$tree/src" && cc -fsyntax-only -I. pkern.in.h && cc -fsyntax-only -DPKERN_IMPLEMENTATION ../out/pkern.h) 2> "$tree/errors"
check 'spine and product compile' $?
piece base/bits.h 'static int pkn_bytes;\n#define pkn_bits pkn_bytes\n'
"$generator" "$tree/src" "$tree/again"
[ "$(grep 'define PKERN_SOURCE_ID' "$tree/out/pkern_simd.h")" != "$(grep 'define PKERN_SOURCE_ID' "$tree/again/pkern_simd.h")" ]
check 'another source gives another PKERN_SOURCE_ID' $?
[ "$(grep -h 'define PKERN_SOURCE_ID' "$tree"/again/*.h | sort -u | wc -l)" = 1 ]
check 'the products share their PKERN_SOURCE_ID' $?
{ sed '/^#if defined(PKERN_SOURCE_ID)/,/^#endif/!d' "$tree/again/pkern.h"; } | cat "$tree/out/pkern_pool.h" - > "$tree/skew.h"
cc -fsyntax-only "$tree/skew.h" 2>&1 | grep -q 'different versions'
check 'two versions in one unit are an error' $?

# What it refuses.
fresh
piece base/bits.h '#include "pool/pool.h"\n'
refused 'bits.h:5: layer base must not use layer pool'
piece simd/simd.h '#include "pool/pool.h"\n'
refused 'layer simd must not use layer pool'
piece pool/pool.h '#include "hdc/hdc.h"\n'
refused 'layer pool must not use layer hdc'
piece pool/bits.h '\n'
spine pkern_pool '#include "base/bits.h"\n#include "pool/bits.h"\n'
refused 'base/bits.h has the same base name'
sed -i 's/PKN_POOL_POOL_H/PKN_POOL_H/' "$tree/src/pool/pool.h"
refused 'pool.h:1: the first directives have to be its guard, PKN_POOL_POOL_H'
spdx > "$tree/src/base/bits.h"
refused 'bits.h:1: the first directives'
piece pool/pool.h '#ifdef X\n#include "base/bits.h"\n#endif\n'
refused 'pool.h:6: a quoted include must stand right inside'
piece pool/pool.h '#include "base/bots.h"\n'
refused 'pool.h:5: there is no file'
piece base/bits.h '\tint x;\n'
refused 'bits.h:5: tab'
piece base/bits.h 'int x;\r\n'
refused 'bits.h:5: carriage return'
piece base/bits.h '/* \303\251 */\n'
refused 'bits.h:5: byte outside'
sed -i 1d "$tree/src/base/bits.h"
refused 'SPDX'
piece base/bits.h '#if 1\n'
refused '#if without #endif'
piece base/bits.h '#endif\n#endif\n'
refused '#endif without #if'
piece pool/lost.c 'int x;\n'
refused 'lost.c:1: no spine includes this file'
spine pkern_pool '#include "pool/pool.h"\n'
refused 'pool.c:1: missing in pkern_pool.in.h'
piece other/other.h '\n'
spine pkern_simd '#include "simd/simd.h"\n#include "other/other.h"\n'
refused 'other is no known layer'
piece base/late.h '\n'
piece hdc/hdc.h '#include "base/late.h"\n'
piece pool/pool.c '#include "base/late.h"\n'
refused 'base/late.h stands inside #ifndef PKERN_NO_HDC'

# The rules beside the generator.
sh "$rules" "$tree" > "$tree/errors" 2>&1
check "rules.sh accepts a good tree ($(head -3 "$tree/errors"))" $?
piece pool/pool.c 'int x(int *p) { return __atomic_load_n(p, 0); }\n'
broken 'pool.c:5: .*base'
piece pool/pool.c 'void *x(void) { return malloc(1); }\n'
broken 'pool.c:5: .*base'
piece pool/pool.c 'int x(void) { return pthread_create(0, 0, 0, 0); }\n'
broken 'pool.c:5: .*base'
piece pool/pool.c 'long x(void) { return syscall(1); }\n'
broken 'pool.c:5: .*base'
piece pool/pool.c '#include <stdatomic.h>\n'
broken 'pool.c:5: .*base'
piece pool/pool.c '/* malloc(1) and pthread_create(2)\n   syscall(3) */\nint x; /* free(0) */\n'
sh "$rules" "$tree" > "$tree/errors" 2>&1
check "rules.sh leaves comments alone ($(head -3 "$tree/errors"))" $?
fresh
piece pool/pool.c "/* TO""DO: finish */\n"
broken 'pool.c:5: .*unfinished'
piece hdc/hdc.h 'int pkern_hdc_use(pkern_unknown x);\n'
broken 'hdc/hdc.h does not compile by itself'
sed -i 1d "$tree/src/pkern.in.h"
broken 'pkern.in.h:1: .*SPDX'

echo "generator and rules: $((checks - failed)) of $checks checks passed"
[ $failed = 0 ]
