/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Where a long output's stores become aligned. A store that crosses a 64-byte line takes twice as
   long; unaligned loads cost less and are left alone. */
#ifndef PKN_SIMD_ALIGN_H
#define PKN_SIMD_ALIGN_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* Shorter outputs are written as they lie: there an extra step costs more than the crossings. */
#define PKN_ALIGN_FROM_BYTES 512

/* How many of the n elements of size bytes at p lie before the first multiple of `alignment` bytes.
 */
PKN_ALWAYS_INLINE size_t pkn_align_head(const void *p, size_t size, size_t n, size_t alignment) {
    return n * size < PKN_ALIGN_FROM_BYTES
               ? 0
               : ((size_t)0 - (size_t)(uintptr_t)p / size) & (alignment / size - 1);
}

#endif
