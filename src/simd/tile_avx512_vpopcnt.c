/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles where the CPU counts the ones of 64-bit lanes by itself. */
#ifndef PKN_SIMD_TILE_AVX512_VPOPCNT_C
#define PKN_SIMD_TILE_AVX512_VPOPCNT_C

#include "simd/tile_avx512.h"

#if PKN_ARCH_X86

PKN_DEFINE_TILES_AVX512(avx512_vpopcnt, PKN_TARGET_AVX512_VPOPCNT, _mm512_popcnt_epi64)

#endif

#endif
