/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern: parallel work in C from one header.

   Do this:
       #define PKERN_IMPLEMENTATION
       #include "pkern.h"
   in exactly one C or C++ file, and plainly #include "pkern.h" wherever else it is used.
   Build with -O2 -pthread; nothing else is needed.

   Example, squares of a million numbers on all cores:

       #define PKERN_IMPLEMENTATION
       #include "pkern.h"
       #include <stdio.h>

       static int square(size_t begin, size_t end, void *ctx) {
           double *x = (double *)ctx;
           for (size_t i = begin; i < end; i++) x[i] = (double)i * (double)i;
           return 0;
       }

       int main(void) {
           static double x[1000000];
           pkern_status status = pkern_par_for(0, 0, 1000000, 0, square, x);
           if (status) return 1;
           printf("%.0f\n", x[999]);
           return 0;
       }

   Options, defined before the include and the same in every file of a program:
       PKERN_IMPLEMENTATION   this file holds the code
       PKERN_STATIC           all functions are static in this file, with the code; for a library
                              that must not collide with another copy of pkern
       PKERN_NO_THREADS       everything runs on the calling thread; needs no pthreads
       PKERN_NO_HDC           leaves the hypervectors out
       PKERN_NO_POSIX_FILES   files are read instead of mapped, and saved without waiting for the disk
       PKERN_NUM_THREADS      the number of threads where neither config nor environment names one;
                              0, the default, is the CPUs that this process may use
       PKERN_DEBUG            1 checks the library's own assumptions while it runs

   Threads: every function may be called from any thread at any time unless its comment says
   otherwise. A pool argument of 0 is the pool of the task that is running, else the global one.

   Errors: functions return a pkern_status, 0 for success. Nothing prints, aborts or sets errno.
   PKERN_EINVAL and PKERN_EOVERFLOW mean that nothing was done. */

/* Public headers, one a layer; a layer only uses those above it. */
#include "base/base.h"
#include "pool/pool.h"
#include "pool/fork.h"
#include "pool/observe.h"
#include "simd/simd.h"
#include "par/par.h"
#include "par/flow.h"
#ifndef PKERN_NO_HDC
#include "hdc/hdc.h"
#include "hdc/accumulator.h"
#include "hdc/codebook.h"
#include "hdc/operations.h"
#include "hdc/compare.h"
#include "hdc/bipolar.h"
#include "hdc/exact_search.h"
#include "hdc/store.h"
#include "hdc/item_memory.h"
#include "hdc/cluster.h"
#include "hdc/mih.h"
#include "hdc/classifier.h"
#include "hdc/encode.h"
#include "hdc/sdm.h"
#include "hdc/resonator.h"
#include "hdc/episodes.h"
#endif

/* The code. */
#if defined(PKERN_IMPLEMENTATION) || defined(PKERN_STATIC)
#include "pool/cancel.c"
#include "pool/join.c"
#include "pool/join_context.c"
#include "pool/scope.c"
#include "pool/spawn.c"
#include "pool/broadcast.c"
#include "pool/yield.c"
#include "pool/loop.c"
#include "pool/blocking.c"
#include "pool/trace.c"
#include "pool/pool.c"
#include "pool/stats.c"
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
#include "par/for.c"
#include "par/map.c"
#include "par/chunks.c"
#include "par/reduce.c"
#include "par/select.c"
#include "par/par_select.c"
#include "par/top_k.c"
#include "par/blocks.c"
#include "par/walk.c"
#include "par/split.c"
#include "par/from.c"
#include "par/locals.c"
#ifndef PKERN_NO_HDC
#include "hdc/hdc_random.c"
#include "hdc/bind.c"
#include "hdc/permute.c"
#include "hdc/bundle.c"
#include "hdc/similarity.c"
#include "hdc/accumulator.c"
#include "hdc/codebook.c"
#include "hdc/multibind.c"
#include "hdc/bundle_with.c"
#include "hdc/noise.c"
#include "hdc/permutation.c"
#include "hdc/compare.c"
#include "hdc/statistics.c"
#include "hdc/nearest.c"
#include "hdc/bipolar.c"
#include "hdc/bipolar_search.c"
#include "hdc/distance_matrix.c"
#include "hdc/top_k_where.c"
#include "hdc/range.c"
#include "hdc/store.c"
#include "hdc/store_search.c"
#include "hdc/store_file.c"
#include "hdc/item_memory.c"
#include "hdc/item_memory_file.c"
#include "hdc/k_majority.c"
#include "hdc/ivf.c"
#include "hdc/mih.c"
#include "hdc/classifier.c"
#include "hdc/classifier_retrain.c"
#include "hdc/classifier_knn.c"
#include "hdc/classifier_file.c"
#include "hdc/encode_records.c"
#include "hdc/encode_ngrams.c"
#include "hdc/encode_stream.c"
#include "hdc/sdm.c"
#include "hdc/sdm_read.c"
#include "hdc/sdm_file.c"
#include "hdc/resonator.c"
#include "hdc/episodes.c"
#include "hdc/consolidate.c"
#include "hdc/episodes_file.c"
#include "hdc/encode_sets.c"
#include "hdc/encode_shapes.c"
#include "hdc/encode_bits.c"
#endif
#endif
