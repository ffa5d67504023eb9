/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A 64-bit checksum of bytes, for files and for tables of symbols; not against people who want a
   collision.

   Four lanes take every fourth word: lane = rotl((lane ^ word) * odd, 29). For a given word each
   step maps lanes one to one, and for a given lane words, so a change within one word always
   changes the sum; any other change goes unseen with a chance of about 2^-64. The last, short
   words are filled with zeros, and the length goes in at the end. Words are little-endian. Source:
   the lanes are those of Y. Collet's xxHash64, 2014; constants and end are own. */
#ifndef PKN_HDC_CHECKSUM_H
#define PKN_HDC_CHECKSUM_H

#include "base/bits.h"
#include "base/rng.h"

#include <string.h>

#define PKN_CHECKSUM_LANES 4
#define PKN_CHECKSUM_BLOCK (8 * PKN_CHECKSUM_LANES)

typedef struct pkn_checksum {
    uint64_t lanes[PKN_CHECKSUM_LANES];
    uint64_t bytes;                            /* so far */
    unsigned char waiting[PKN_CHECKSUM_BLOCK]; /* the last bytes % PKN_CHECKSUM_BLOCK of them */
} pkn_checksum;

PKN_INLINE uint64_t pkn_load_le_u64(const unsigned char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

PKN_INLINE void pkn_checksum_begin(pkn_checksum *sum, uint64_t seed) {
    for (size_t i = 0; i < PKN_CHECKSUM_LANES; i++) {
        sum->lanes[i] = pkn_random_at(seed, i);
    }
    sum->bytes = 0;
}

PKN_INLINE void pkn_checksum_blocks(pkn_checksum *sum, const unsigned char *data, size_t n_blocks) {
    uint64_t a = sum->lanes[0], b = sum->lanes[1], c = sum->lanes[2], d = sum->lanes[3];
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    for (; n_blocks > 0; n_blocks--, data += PKN_CHECKSUM_BLOCK) {
        a = pkn_rotl_u64((a ^ pkn_load_le_u64(data)) * odd, 29);
        b = pkn_rotl_u64((b ^ pkn_load_le_u64(data + 8)) * odd, 29);
        c = pkn_rotl_u64((c ^ pkn_load_le_u64(data + 16)) * odd, 29);
        d = pkn_rotl_u64((d ^ pkn_load_le_u64(data + 24)) * odd, 29);
    }
    sum->lanes[0] = a;
    sum->lanes[1] = b;
    sum->lanes[2] = c;
    sum->lanes[3] = d;
}

/* Adds bytes; pieces of any size give what one piece would. */
PKN_INTERNAL void pkn_checksum_add(pkn_checksum *sum, const void *data, size_t bytes) {
    const unsigned char *next = (const unsigned char *)data;
    size_t n_waiting = (size_t)(sum->bytes % PKN_CHECKSUM_BLOCK);
    sum->bytes += bytes;
    if (n_waiting > 0) {
        size_t n = pkn_min_size(bytes, PKN_CHECKSUM_BLOCK - n_waiting);
        memcpy(sum->waiting + n_waiting, next, n);
        if (n_waiting + n < PKN_CHECKSUM_BLOCK) {
            return;
        }
        pkn_checksum_blocks(sum, sum->waiting, 1);
        next += n;
        bytes -= n;
    }
    pkn_checksum_blocks(sum, next, bytes / PKN_CHECKSUM_BLOCK);
    if (bytes % PKN_CHECKSUM_BLOCK > 0) {
        memcpy(sum->waiting, next + bytes / PKN_CHECKSUM_BLOCK * PKN_CHECKSUM_BLOCK,
               bytes % PKN_CHECKSUM_BLOCK);
    }
}

PKN_INTERNAL uint64_t pkn_checksum_end(pkn_checksum *sum) {
    size_t n_waiting = (size_t)(sum->bytes % PKN_CHECKSUM_BLOCK);
    uint64_t result = sum->bytes;
    if (n_waiting > 0) {
        memset(sum->waiting + n_waiting, 0, PKN_CHECKSUM_BLOCK - n_waiting);
        pkn_checksum_blocks(sum, sum->waiting, 1);
    }
    for (size_t i = 0; i < PKN_CHECKSUM_LANES; i++) {
        result = pkn_mix_u64(result ^ sum->lanes[i]) + UINT64_C(0x9e3779b97f4a7c15);
    }
    return result;
}

PKN_INLINE uint64_t pkn_checksum_of(uint64_t seed, const void *data, size_t bytes) {
    pkn_checksum sum;
    pkn_checksum_begin(&sum, seed);
    pkn_checksum_add(&sum, data, bytes);
    return pkn_checksum_end(&sum);
}

#endif
