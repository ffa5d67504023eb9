/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Floats and bytes to bits: signs, thermometers, random projection, hash. */
#ifndef PKN_HDC_ENCODE_BITS_C
#define PKN_HDC_ENCODE_BITS_C

#include "base/rng.h"
#include "hdc/encode.h"
#include "hdc/hdc.h"
#include "hdc/hdc_run.h"

/* Fields whose signs are on the stack at once: 16 KiB. */
#define PKN_PROJECTION_FIELDS 4096
/* On one thread of a 3.7 GHz Zen 4: a number to its sign or a bit to a factor; a factor times a
   number from L2. */
#define PKN_SIGN_NS 0.6
#define PKN_PROJECTION_NS 0.035

typedef struct pkn_bits {
    const float *values;
    size_t n_rows, n_fields, words;
    uint64_t seed;
    uint64_t *out;
    const float *thresholds; /* [n_fields x n_levels] */
    size_t n_levels;
} pkn_bits;

/* Items are words of out. */
PKN_INTERNAL int pkn_signs_words(size_t begin, size_t end, void *ctx) {
    const pkn_bits *bits = (const pkn_bits *)ctx;
    for (size_t word = begin; word < end; word++) {
        uint64_t sum = 0;
        for (size_t bit = 0; bit < 64; bit++) {
            sum |= (uint64_t)(bits->values[word * 64 + bit] > 0) << bit;
        }
        bits->out[word] = sum;
    }
    return 0;
}

/* Items are words of out. */
PKN_INTERNAL int pkn_thermometer_words(size_t begin, size_t end, void *ctx) {
    const pkn_bits *bits = (const pkn_bits *)ctx;
    size_t n_bits = bits->n_fields * bits->n_levels;
    for (size_t word = begin; word < end; word++) {
        const float *values = bits->values + word / bits->words * bits->n_fields;
        size_t first = word % bits->words * 64, n = first < n_bits ? n_bits - first : 0, bit = 0;
        size_t field = n > 0 ? first / bits->n_levels : 0, level = first - field * bits->n_levels;
        uint64_t sum = 0;
        for (n = pkn_min_size(n, 64); bit < n; field++, level = 0) {
            const float *thresholds = bits->thresholds + first;
            size_t n_same = pkn_min_size(n, bit + bits->n_levels - level);
            for (float value = values[field]; bit < n_same; bit++) {
                sum |= (uint64_t)(value > thresholds[bit]) << bit;
            }
        }
        bits->out[word] = sum;
    }
    return 0;
}

/* Row `row` of the matrix for n fields from `field` on, a multiple of 64. */
PKN_INTERNAL void pkn_projection_signs(const pkn_bits *bits, size_t row, size_t field, size_t n,
                                       float *signs) {
    uint64_t word = 0, index = (uint64_t)row * ((bits->n_fields + 63) / 64) + field / 64;
    for (size_t i = 0; i < n; i++, word >>= 1) {
        /* 1 or -1 by its sign bit: a branch would be mispredicted half of the time */
        uint32_t bits_of_one;
        if (i % 64 == 0) {
            word = pkn_random_at(bits->seed, index + i / 64);
        }
        bits_of_one = UINT32_C(0xbf800000) ^ (uint32_t)(word & 1) << 31;
        memcpy(&signs[i], &bits_of_one, sizeof bits_of_one);
    }
}

/* Items are columns of words: bit after bit, each with all rows. */
PKN_INTERNAL int pkn_projection_columns(size_t begin, size_t end, void *ctx) {
    const pkn_bits *bits = (const pkn_bits *)ctx;
    float signs[PKN_PROJECTION_FIELDS];
    size_t n_fields = bits->n_fields;
    for (size_t bit = begin * 64; bit < end * 64; bit++) {
        if (n_fields <= PKN_PROJECTION_FIELDS) {
            pkn_projection_signs(bits, bit, 0, n_fields, signs);
        }
        for (size_t row = 0; row < bits->n_rows; row++) {
            const float *values = bits->values + row * n_fields;
            uint64_t *out = bits->out + row * bits->words + bit / 64;
            float sum = 0;
            for (size_t field = 0; field < n_fields; field += PKN_PROJECTION_FIELDS) {
                size_t n = pkn_min_size(n_fields - field, PKN_PROJECTION_FIELDS);
                if (n_fields > PKN_PROJECTION_FIELDS) {
                    pkn_projection_signs(bits, bit, field, n, signs);
                }
                sum += pkn_simd()->dot_f32(values + field, signs, n);
            }
            *out = (bit % 64 == 0 ? 0 : *out) | (uint64_t)(sum > 0) << (bit % 64);
        }
    }
    return 0;
}

/* Of values [n_rows x n_fields]. */
PKN_INTERNAL pkern_status pkn_bits_check(const pkn_bits *bits) {
    size_t out_bytes, bytes;
    pkern_status status = pkn_hdc_check_rows(bits->n_rows, bits->words, &out_bytes);
    if (status != PKERN_OK || bits->n_rows == 0) {
        return status;
    }
    if (pkn_mul_overflows_size(bits->n_fields, sizeof(float), &bytes) ||
        pkn_mul_overflows_size(bytes, bits->n_rows, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (!bits->out || (!bits->values && bytes > 0) ||
        pkn_overlaps(bits->values, bytes, bits->out, out_bytes)) {
        return PKERN_EINVAL;
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_encode_signs(pkern_pool *pool, const float *values, size_t n_rows,
                                              size_t words, uint64_t *out) {
    pkn_bits bits = {values, n_rows, words <= PKN_HDC_MAX_WORDS ? words * 64 : 0, words, 0, out,
                     0,      0};
    pkern_status status = pkn_bits_check(&bits);
    return status != PKERN_OK || n_rows == 0
               ? status
               : pkn_hdc_run(pool, n_rows * words, 1, 64 * PKN_SIGN_NS, pkn_signs_words, &bits);
}

PKERN_API pkern_status pkern_hdc_encode_thermometer(pkern_pool *pool, const float *values,
                                                    size_t n_rows, size_t n_fields,
                                                    const float *thresholds, size_t n_levels,
                                                    size_t words, uint64_t *out) {
    pkn_bits bits = {values, n_rows, n_fields, words, 0, out, thresholds, n_levels};
    size_t n_bits, bytes;
    pkern_status status = pkn_bits_check(&bits);
    if (status != PKERN_OK || n_rows == 0) {
        return status;
    }
    if (pkn_mul_overflows_size(n_fields, n_levels, &n_bits) ||
        pkn_mul_overflows_size(n_bits, sizeof(float), &bytes)) {
        return PKERN_EOVERFLOW;
    }
    if (n_bits > words * 64 || (!thresholds && n_bits > 0) ||
        pkn_overlaps(thresholds, bytes, out, n_rows * words * 8)) {
        return PKERN_EINVAL;
    }
    return pkn_hdc_run(pool, n_rows * words, 1, 64 * PKN_SIGN_NS, pkn_thermometer_words, &bits);
}

PKERN_API pkern_status pkern_hdc_encode_projection(pkern_pool *pool, const float *values,
                                                   size_t n_rows, size_t n_fields, uint64_t seed,
                                                   size_t words, uint64_t *out) {
    pkn_bits bits = {values, n_rows, n_fields, words, seed, out, 0, 0};
    pkern_status status = pkn_bits_check(&bits);
    double cost = 64 * ((double)n_rows * ((double)n_fields * PKN_PROJECTION_NS + 4.6) +
                        (double)n_fields * PKN_SIGN_NS + 10);
    return status != PKERN_OK || n_rows == 0
               ? status
               : pkn_hdc_run(pool, words, 1, cost, pkn_projection_columns, &bits);
}

PKERN_API pkern_status pkern_hdc_encode_hash(const void *bytes, size_t n, uint64_t seed,
                                             size_t words, uint64_t *out) {
    const unsigned char *from = (const unsigned char *)bytes;
    uint64_t hash = pkn_mix_u64(seed ^ pkn_mix_u64((uint64_t)n + 1));
    if (words == 0) {
        return PKERN_EINVAL;
    }
    if (words > PKN_HDC_MAX_WORDS) {
        return PKERN_EOVERFLOW;
    }
    if ((!bytes && n > 0) || !out || pkn_overlaps(bytes, n, out, words * 8)) {
        return PKERN_EINVAL;
    }
    for (size_t i = 0; i < n; i += 8) {
        uint64_t chunk = 0; /* the bytes in the order of a little-endian machine */
        for (size_t j = 0; j < pkn_min_size(n - i, 8); j++) {
            chunk |= (uint64_t)from[i + j] << (8 * j);
        }
        hash = pkn_mix_u64((hash ^ chunk) + UINT64_C(0x9e3779b97f4a7c15));
    }
    pkern_hdc_random(hash, out, words);
    return PKERN_OK;
}

#endif
