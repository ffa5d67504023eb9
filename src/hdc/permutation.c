/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Fixed random permutations of bits. Of 64 vectors at a time the bits are transposed, so that each
   of them is one word of 64 vectors, which moves as a whole; then they are transposed back. */
#ifndef PKN_HDC_PERMUTATION_C
#define PKN_HDC_PERMUTATION_C

#include "hdc/hdc_chance.h"
#include "hdc/hdc_run.h"
#include "hdc/operations.h"

/* Rows with more words are permuted one by one: 64 transposed ones take 32 KiB of the stack. */
#define PKN_PERMUTATION_BLOCK_WORDS 64
/* Fewer rows than this are faster one by one. */
#define PKN_PERMUTATION_BLOCK_ROWS 8
#define PKN_PERMUTATION_STREAM UINT64_C(0x7065726d75746520)
/* measured like the costs in hdc_run.h, for a word of a row: one by one, in blocks of 64 */
#define PKN_PERMUTATION_NS_PER_WORD 45.0
#define PKN_PERMUTATION_BLOCK_NS_PER_WORD 6.0

typedef struct pkn_permutation {
    const uint64_t *vectors;
    const uint32_t *permutation;
    size_t n, words;
    uint64_t *out;
} pkn_permutation;

PKN_INTERNAL void pkn_permutation_row(const pkn_permutation *call, size_t row) {
    const uint64_t *vector = call->vectors + row * call->words;
    uint64_t *out = call->out + row * call->words;
    for (size_t word = 0; word < call->words; word++) {
        const uint32_t *from = call->permutation + word * 64;
        uint64_t bits = 0;
        for (unsigned bit = 0; bit < 64; bit++) {
            bits |= (vector[from[bit] / 64] >> (from[bit] % 64) & 1) << bit;
        }
        out[word] = bits;
    }
}

/* Bit j of word i and bit i of word j change places: blocks of 32 by 32, in them blocks of 16 by
   16, and so on. Source: H. Warren, "Hacker's delight", 2002, section 7-3. */
PKN_INTERNAL void pkn_transpose_64(uint64_t *words) {
    uint64_t mask = UINT64_C(0x00000000ffffffff);
    for (unsigned size = 32; size != 0; size >>= 1, mask ^= mask << size) {
        for (unsigned first = 0; first < 64; first += 2 * size) {
            for (unsigned i = first; i < first + size; i++) {
                uint64_t differ = ((words[i] >> size) ^ words[i + size]) & mask;
                words[i] ^= differ << size;
                words[i + size] ^= differ;
            }
        }
    }
}

/* Rows [row, row + n), n up to 64. */
PKN_INTERNAL void pkn_permutation_block(const pkn_permutation *call, size_t row, size_t n) {
    uint64_t columns[PKN_PERMUTATION_BLOCK_WORDS * 64], moved[64];
    const uint64_t *vectors = call->vectors + row * call->words;
    uint64_t *out = call->out + row * call->words;
    for (size_t word = 0; word < call->words; word++) {
        for (size_t r = 0; r < 64; r++) {
            columns[word * 64 + r] = r < n ? vectors[r * call->words + word] : 0;
        }
        pkn_transpose_64(columns + word * 64);
    }
    for (size_t word = 0; word < call->words; word++) {
        for (size_t bit = 0; bit < 64; bit++) {
            moved[bit] = columns[call->permutation[word * 64 + bit]];
        }
        pkn_transpose_64(moved);
        for (size_t r = 0; r < n; r++) {
            out[r * call->words + word] = moved[r];
        }
    }
}

/* Items are rows, or blocks of 64 rows. */
PKN_INTERNAL int pkn_permutation_rows(size_t begin, size_t end, void *ctx) {
    const pkn_permutation *call = (const pkn_permutation *)ctx;
    for (size_t row = begin; row < end; row++) {
        pkn_permutation_row(call, row);
    }
    return 0;
}

PKN_INTERNAL int pkn_permutation_blocks(size_t begin, size_t end, void *ctx) {
    const pkn_permutation *call = (const pkn_permutation *)ctx;
    for (size_t block = begin; block < end; block++) {
        size_t n = pkn_min_size(call->n - block * 64, 64);
        if (n < PKN_PERMUTATION_BLOCK_ROWS) {
            pkn_permutation_rows(block * 64, block * 64 + n, ctx);
        } else {
            pkn_permutation_block(call, block * 64, n);
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_permutation_random(uint64_t seed, size_t words,
                                                    uint32_t *permutation) {
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(32, words, &bytes); /* 4 bytes a bit */
    if (status != PKERN_OK) {
        return status;
    }
    if (!permutation) {
        return PKERN_EINVAL;
    }
    pkn_chance_order(seed ^ PKN_PERMUTATION_STREAM, (uint64_t)words * 64, (uint64_t)words * 64,
                     permutation);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_permutation_invert(const uint32_t *permutation, size_t words,
                                                    uint32_t *inverse) {
    size_t bytes, n_bits = words * 64;
    uint32_t is_missing = 0;
    pkern_status status = pkn_hdc_check_rows(32, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!permutation || !inverse || pkn_overlaps(permutation, bytes, inverse, bytes)) {
        return PKERN_EINVAL;
    }
    memset(inverse, 0, bytes);
    for (size_t i = 0; i < n_bits; i++) {
        if (permutation[i] >= n_bits) {
            return PKERN_EINVAL;
        }
        inverse[permutation[i]] = (uint32_t)i;
    }
    for (size_t i = 0; i < n_bits; i++) { /* of two that go to one place the first is not found */
        is_missing |= inverse[permutation[i]] ^ (uint32_t)i;
    }
    return is_missing ? PKERN_EINVAL : PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_permute_bits(pkern_pool *pool, const uint64_t *vectors, size_t n,
                                              size_t words, const uint32_t *permutation,
                                              uint64_t *out) {
    pkn_permutation call;
    size_t bytes;
    uint64_t n_bits = (uint64_t)words * 64;
    uint32_t largest = 0;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !permutation || !out || pkn_overlaps(vectors, bytes, out, bytes) ||
        pkn_overlaps(permutation, words * 64 * sizeof *permutation, out, bytes)) {
        return PKERN_EINVAL;
    }
    for (uint64_t i = 0; i < n_bits; i++) {
        largest = permutation[i] > largest ? permutation[i] : largest;
    }
    if (largest >= n_bits) {
        return PKERN_EINVAL;
    }
    call.vectors = vectors;
    call.permutation = permutation;
    call.n = n;
    call.words = words;
    call.out = out;
    if (words > PKN_PERMUTATION_BLOCK_WORDS || n < PKN_PERMUTATION_BLOCK_ROWS) {
        return pkn_hdc_run(pool, n, 1, PKN_PERMUTATION_NS_PER_WORD * (double)words,
                           pkn_permutation_rows, &call);
    }
    return pkn_hdc_run(pool, (n + 63) / 64, 1,
                       PKN_PERMUTATION_BLOCK_NS_PER_WORD * 64 * (double)words,
                       pkn_permutation_blocks, &call);
}

#endif
