/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tables of the instruction sets, the choice between them, and the public functions that go
   through it. */
#ifndef PKN_SIMD_DISPATCH_C
#define PKN_SIMD_DISPATCH_C

#include "base/platform.h"
#include "simd/bits_avx2.c"
#include "simd/bits_avx512.c"
#include "simd/bits_avx512_vpopcnt.c"
#include "simd/bits_neon.c"
#include "simd/bits_popcnt.c"
#include "simd/bits_scalar.c"
#include "simd/counters_avx2.c"
#include "simd/counters_avx512.c"
#include "simd/counters_scalar.c"
#include "simd/cpu.c"
#include "simd/dispatch.h"
#include "simd/float_avx2.c"
#include "simd/float_avx512.c"
#include "simd/float_neon.c"
#include "simd/float_scalar.c"
#include "simd/integer_avx2.c"
#include "simd/integer_avx512.c"
#include "simd/integer_neon.c"
#include "simd/integer_scalar.c"
#include "simd/integer_vnni.c"
#include "simd/kernels.h"
#include "simd/levels_avx2.c"
#include "simd/levels_avx512.c"
#include "simd/levels_neon.c"
#include "simd/levels_scalar.c"
#include "simd/majority_avx2.c"
#include "simd/majority_avx512.c"
#include "simd/majority_neon.c"
#include "simd/majority_scalar.c"
#include "simd/simd.h"
#include "simd/terms_avx2.c"
#include "simd/terms_avx512.c"
#include "simd/terms_neon.c"
#include "simd/terms_scalar.c"
#include "simd/tile_avx2.c"
#include "simd/tile_avx512.c"
#include "simd/tile_avx512_vpopcnt.c"
#include "simd/tile_neon.c"
#include "simd/tile_popcnt.c"
#include "simd/tile_scalar.c"
#include "simd/weights_avx2.c"
#include "simd/weights_avx512.c"
#include "simd/weights_neon.c"
#include "simd/weights_scalar.c"

#define PKN_SIMD_USE_SCALAR(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_scalar,
#define PKN_SIMD_USE_POPCNT(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##popcnt,
#define PKN_SIMD_USE_AVX2(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##avx2,
#define PKN_SIMD_USE_AVX512(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##avx512,
#define PKN_SIMD_USE_AVX512_VPOPCNT(name, result, parameters, popcnt, avx2, avx512, \
                                    avx512_vpopcnt, neon) \
    pkn_##name##_##avx512_vpopcnt,
#define PKN_SIMD_USE_NEON(name, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, neon) \
    pkn_##name##_##neon,

#define PKN_SIMD_USE_VNNI_SCALAR(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                                 neon) \
    pkn_##name##_scalar,
#define PKN_SIMD_USE_VNNI_AVX2(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                               neon) \
    pkn_##name##_##avx2,
#define PKN_SIMD_USE_VNNI_AVX2_VNNI(name, result, parameters, avx2, avx2_vnni, avx512, \
                                    avx512_vnni, neon) \
    pkn_##name##_##avx2_vnni,
#define PKN_SIMD_USE_VNNI_AVX512(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                                 neon) \
    pkn_##name##_##avx512,
#define PKN_SIMD_USE_VNNI_AVX512_VNNI(name, result, parameters, avx2, avx2_vnni, avx512, \
                                      avx512_vnni, neon) \
    pkn_##name##_##avx512_vnni,
#define PKN_SIMD_USE_VNNI_NEON(name, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                               neon) \
    pkn_##name##_##neon,

#define PKN_CPU_NEEDS_AVX2 (PKN_CPU_AVX2 | PKN_CPU_POPCNT)
#define PKN_CPU_NEEDS_AVX512 \
    (PKN_CPU_NEEDS_AVX2 | PKN_CPU_AVX512F | PKN_CPU_AVX512BW | PKN_CPU_AVX512VL | PKN_CPU_AVX512DQ)

static const pkn_simd_set pkn_simd_all_sets[] = {
#if PKN_ARCH_X86
    /* no CPU has VPOPCNTDQ and BW without VNNI */
    {"avx512_vpopcnt",
     "avx512",
     PKN_CPU_NEEDS_AVX512 | PKN_CPU_AVX512VPOPCNTDQ | PKN_CPU_AVX512VNNI,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX512_VPOPCNT)
          PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX512_VNNI)}},
    {"avx512_vnni",
     "avx512",
     PKN_CPU_NEEDS_AVX512 | PKN_CPU_AVX512VNNI,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX512) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX512_VNNI)}},
    {"avx512_base",
     "avx512",
     PKN_CPU_NEEDS_AVX512,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX512) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX512)}},
    {"avx2_vnni",
     "avx2_vnni",
     PKN_CPU_NEEDS_AVX2 | PKN_CPU_AVXVNNI,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX2) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX2_VNNI)}},
    {"avx2",
     "avx2",
     PKN_CPU_NEEDS_AVX2,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_AVX2) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_AVX2)}},
    {"popcnt",
     "popcnt",
     PKN_CPU_POPCNT,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_POPCNT) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_SCALAR)}},
#elif PKN_ARCH_ARM64
    {"neon",
     "neon",
     PKN_CPU_NEON,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_NEON) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_NEON)}},
#endif
    {"scalar",
     "scalar",
     0,
     {PKN_SIMD_KERNELS(PKN_SIMD_USE_SCALAR) PKN_SIMD_VNNI_KERNELS(PKN_SIMD_USE_VNNI_SCALAR)}},
};

PKN_INTERNAL const pkn_simd_set *pkn_simd_sets(size_t *n_sets) {
    *n_sets = sizeof pkn_simd_all_sets / sizeof pkn_simd_all_sets[0];
    return pkn_simd_all_sets;
}

PKN_INTERNAL const pkn_simd_set *pkn_simd_choose(uint32_t features, const char *wanted) {
    size_t n_sets;
    const pkn_simd_set *sets = pkn_simd_sets(&n_sets);
    const pkn_simd_set *best = 0;
    for (size_t i = 0; i < n_sets; i++) {
        if ((sets[i].features & ~features) != 0) {
            continue;
        }
        if (wanted && (strcmp(wanted, sets[i].name) == 0 || strcmp(wanted, sets[i].family) == 0)) {
            return &sets[i];
        }
        if (!best) {
            best = &sets[i];
        }
    }
    return best;
}

PKN_INTERNAL PKN_COLD const pkn_simd_set *pkn_simd_resolve(void) {
    const pkn_simd_set *set = pkn_simd_choose(pkn_cpu_features(), getenv("PKERN_ISA"));
    void *value;
    memcpy(&value, &set, sizeof value);
    pkn_atomic_store_relaxed_ptr(&pkn_simd_active, value);
    return set;
}

PKERN_API const char *pkern_simd_isa(void) {
    return pkn_simd_current()->name;
}

PKERN_API void pkern_simd_xor_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out) {
    pkn_simd()->xor_u64(a, b, words, out);
}

PKERN_API void pkern_simd_and_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                  uint64_t *out) {
    pkn_simd()->and_u64(a, b, words, out);
}

PKERN_API void pkern_simd_or_u64(const uint64_t *a, const uint64_t *b, size_t words,
                                 uint64_t *out) {
    pkn_simd()->or_u64(a, b, words, out);
}

PKERN_API void pkern_simd_not_u64(const uint64_t *a, size_t words, uint64_t *out) {
    pkn_simd()->not_u64(a, words, out);
}

PKERN_API uint64_t pkern_simd_popcount_u64(const uint64_t *a, size_t words) {
    return pkn_simd()->popcount_u64(a, words);
}

PKERN_API uint64_t pkern_simd_hamming_u64(const uint64_t *a, const uint64_t *b, size_t words) {
    return pkn_simd()->hamming_u64(a, b, words);
}

PKERN_API void pkern_simd_majority_u64(const uint64_t *rows, size_t n_rows, size_t stride_words,
                                       size_t words, uint64_t *out) {
    pkn_simd()->majority_u64(rows, n_rows, stride_words, words, out);
}

#define PKN_DEFINE_SIMD_FLOAT(suffix, type) \
    PKERN_API void pkern_simd_add_##suffix(const type *a, const type *b, size_t n, type *out) { \
        pkn_simd()->add_##suffix(a, b, n, out); \
    } \
    PKERN_API void pkern_simd_multiply_##suffix(const type *a, const type *b, size_t n, \
                                                type *out) { \
        pkn_simd()->multiply_##suffix(a, b, n, out); \
    } \
    PKERN_API void pkern_simd_sqrt_##suffix(const type *a, size_t n, type *out) { \
        pkn_simd()->sqrt_##suffix(a, n, out); \
    } \
    PKERN_API void pkern_simd_axpy_##suffix(type alpha, const type *x, size_t n, type *y) { \
        pkn_simd()->axpy_##suffix(alpha, x, n, y); \
    } \
    PKERN_API type pkern_simd_sum_##suffix(const type *x, size_t n) { \
        return pkn_simd()->sum_##suffix(x, n); \
    } \
    PKERN_API type pkern_simd_dot_##suffix(const type *x, const type *y, size_t n) { \
        return pkn_simd()->dot_##suffix(x, y, n); \
    }

PKN_DEFINE_SIMD_FLOAT(f32, float)
PKN_DEFINE_SIMD_FLOAT(f64, double)

#endif
