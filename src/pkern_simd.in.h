/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern_simd: the kernels of pkern alone, each for every instruction set, chosen at run time.

   Do this:
       #define PKERN_SIMD_IMPLEMENTATION
       #include "pkern_simd.h"
   in exactly one C or C++ file, and plainly #include "pkern_simd.h" wherever else it is used. It
   may stand beside pkern_pool.h and pkern.h, in any order; PKERN_IMPLEMENTATION stands for the
   code of all of them. No -m flag is needed: each kernel carries its own target.

   Options: PKERN_SIMD_IMPLEMENTATION, PKERN_STATIC (all functions static in this file, with the
   code), PKERN_DEBUG (1 checks the library's own assumptions while it runs). They have to be the
   same in every file of a program. In the environment PKERN_ISA=scalar|popcnt|avx2|avx512|neon forces an
   instruction set.

   Threads: the kernels run on the calling thread and may be called from any number of them. */

/* Public headers. */
#include "base/base.h"
#include "simd/simd.h"

/* The code. */
#if defined(PKERN_SIMD_IMPLEMENTATION) || defined(PKERN_IMPLEMENTATION) || defined(PKERN_STATIC)
#include "simd/cpu.c"
#include "simd/bits_scalar.c"
#include "simd/bits_popcnt.c"
#include "simd/bits_avx2.c"
#include "simd/bits_avx512.c"
#include "simd/bits_avx512_vpopcnt.c"
#include "simd/bits_neon.c"
#include "simd/majority_scalar.c"
#include "simd/majority_avx2.c"
#include "simd/majority_avx512.c"
#include "simd/majority_neon.c"
#include "simd/counters_scalar.c"
#include "simd/counters_avx2.c"
#include "simd/counters_avx512.c"
#include "simd/levels_scalar.c"
#include "simd/levels_avx2.c"
#include "simd/levels_avx512.c"
#include "simd/levels_neon.c"
#include "simd/terms_scalar.c"
#include "simd/terms_avx2.c"
#include "simd/terms_avx512.c"
#include "simd/terms_neon.c"
#include "simd/tile_scalar.c"
#include "simd/tile_popcnt.c"
#include "simd/tile_avx2.c"
#include "simd/tile_avx512.c"
#include "simd/tile_avx512_vpopcnt.c"
#include "simd/tile_neon.c"
#include "simd/weights_scalar.c"
#include "simd/weights_avx2.c"
#include "simd/weights_avx512.c"
#include "simd/weights_neon.c"
#include "simd/float_scalar.c"
#include "simd/float_avx2.c"
#include "simd/float_avx512.c"
#include "simd/float_neon.c"
#include "simd/integer_scalar.c"
#include "simd/integer_avx2.c"
#include "simd/integer_avx512.c"
#include "simd/integer_vnni.c"
#include "simd/integer_neon.c"
#include "simd/dispatch.c"
#include "simd/rotate.c"
#endif
