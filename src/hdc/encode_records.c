/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Records of numbers: each field's row of ids bound with the row of its value's level, all bundled.

   A block of fields is done for several records before the next one, so that its rows of ids come
   from L1 for all records but the first. A missing value's level is its field's row of ids, which
   makes the term zero; the majority's threshold then is that of the terms that are there. */
#ifndef PKN_HDC_ENCODE_RECORDS_C
#define PKN_HDC_ENCODE_RECORDS_C

#include "base/alloc.h"
#include "hdc/encode.h"
#include "hdc/encode_terms.h"

/* A multiple of 16, so that only the last block has a rest; 64 rows of 256 bytes are half of L1. */
#define PKN_RECORDS_FIELDS 64
/* Records at once, and words of stack for their counters: 32 KiB. */
#define PKN_RECORDS_ROWS 8
#define PKN_RECORDS_STACK_WORDS 4096
#define PKN_RECORDS_STACK_FIELDS 1024
#define PKN_RECORDS_MAX_LEVELS ((size_t)1 << 22)
/* (n_levels - 1) / (high - low) above the largest float is no scale */
#define PKN_RECORDS_MAX_SCALE 3.4028234663852886e38

typedef struct pkn_records {
    const float *values, *low;
    const float *scale;
    size_t n_rows, n_fields;
    const uint64_t *ids, *levels;
    uint32_t n_levels;
    size_t words;
    uint64_t *out;   /* either this */
    int32_t *counts; /* or this */
} pkn_records;

/* The operands of a record's terms for n fields from `field` on; rows of ids stand in the even
   places already. Returns how many values are missing. */
PKN_INTERNAL size_t pkn_records_operands(const pkn_records *records, size_t row, size_t field,
                                         size_t n, size_t word, const uint64_t **rows) {
    uint32_t level[PKN_RECORDS_FIELDS];
    const uint64_t *levels;
    size_t n_missing;
    if (n == 0) {
        return 0; /* without fields there are no arrays of them */
    }
    levels = records->levels + word;
    n_missing = pkn_simd()->level_f32(records->values + row * records->n_fields + field,
                                      records->low + field, records->scale + field, n,
                                      records->n_levels, level);
    for (size_t i = 0; i < n; i++) {
        rows[2 * i + 1] = levels + level[i] * records->words;
    }
    for (size_t i = 0; n_missing > 0 && i < n; i++) {
        if (level[i] == records->n_levels) {
            rows[2 * i + 1] = rows[2 * i];
        }
    }
    return n_missing;
}

/* The last terms of a record, and its result. */
PKN_INTERNAL void pkn_records_end(const pkn_records *records, size_t row, size_t word,
                                  const pkn_terms *terms, size_t n, const pkn_terms_count *count,
                                  size_t n_terms) {
    size_t words = pkn_min_size(PKN_TERMS_WORDS, records->words - word);
    size_t first = row * records->words + word;
    if (records->out) {
        pkn_simd()->end_terms_u64(terms, n, words, count, n_terms / 2, records->out + first);
    } else {
        pkn_simd()->end_terms_u64(terms, n, words, count, 0, 0);
        pkn_simd()->spread_i32(count->planes, 4 + count->n_high, PKN_TERMS_WORDS, words,
                               -(int32_t)n_terms, records->counts + first * 64);
    }
}

/* n records from `row` on, in the columns of one block. */
PKN_INTERNAL void pkn_records_rows(const pkn_records *records, size_t row, size_t n, size_t word) {
    PKN_ALIGNED(64) uint64_t planes[PKN_RECORDS_STACK_WORDS];
    const uint64_t *rows[2 * PKN_RECORDS_FIELDS];
    pkn_terms_count counts[PKN_RECORDS_ROWS];
    size_t n_missing[PKN_RECORDS_ROWS] = {0};
    size_t words = pkn_min_size(PKN_TERMS_WORDS, records->words - word);
    unsigned n_high = pkn_terms_n_high(records->n_fields);
    pkn_terms terms = {rows, 2, 2, 0};
    for (size_t i = 0; i < n; i++) {
        pkn_terms_begin(&counts[i], planes + i * PKN_TERMS_PLANES_WORDS(n_high), n_high);
    }
    for (size_t field = 0; field <= records->n_fields; field += PKN_RECORDS_FIELDS) {
        size_t left = records->n_fields - field;
        size_t n_fields = pkn_min_size(left, PKN_RECORDS_FIELDS);
        for (size_t i = 0; i < n_fields; i++) {
            rows[2 * i] = records->ids + (field + i) * records->words + word;
        }
        for (size_t i = 0; i < n; i++) {
            terms.rows = rows;
            n_missing[i] += pkn_records_operands(records, row + i, field, n_fields, word, rows);
            pkn_simd()->count_terms_u64(&terms, n_fields / 16, words, &counts[i]);
            if (left < PKN_RECORDS_FIELDS) {
                terms.rows += n_fields / 16 * 16 * 2;
                pkn_records_end(records, row + i, word, &terms, n_fields % 16, &counts[i],
                                records->n_fields - n_missing[i]);
            }
        }
    }
}

/* Items are records in a block of columns. */
PKN_INTERNAL int pkn_records_items(size_t begin, size_t end, void *ctx) {
    const pkn_records *records = (const pkn_records *)ctx;
    size_t planes_words = PKN_TERMS_PLANES_WORDS(pkn_terms_n_high(records->n_fields));
    size_t max_rows = pkn_min_size(PKN_RECORDS_ROWS, PKN_RECORDS_STACK_WORDS / planes_words);
    while (begin < end) {
        size_t row = begin % records->n_rows;
        size_t n = pkn_min_size(pkn_min_size(end - begin, records->n_rows - row), max_rows);
        pkn_records_rows(records, row, n, begin / records->n_rows * PKN_TERMS_WORDS);
        begin += n;
    }
    return 0;
}

/* A range that is none, or whose reciprocal is beyond float, gives scale 0 and so level 0: t is 0 or
   a NaN then. */
PKN_INTERNAL void pkn_records_scales(const float *low, const float *high, size_t n, size_t n_levels,
                                     float *scale) {
    for (size_t i = 0; i < n; i++) {
        double range = (double)high[i] - (double)low[i];
        double quotient = range > 0 ? (double)(n_levels - 1) / range : 0;
        scale[i] = quotient <= PKN_RECORDS_MAX_SCALE ? (float)quotient : 0;
    }
}

PKN_INTERNAL pkern_status pkn_records_check(const pkn_records *records, size_t n_levels,
                                            const float *high, const void *out, size_t bit_bytes) {
    size_t n_rows = records->n_rows, n_fields = records->n_fields, words = records->words;
    size_t value_bytes, id_bytes, level_bytes, out_bytes, field_bytes = n_fields * sizeof(float);
    pkern_status status = pkn_hdc_check_rows(n_rows, words, &out_bytes);
    if (status != PKERN_OK || n_rows == 0) {
        return status;
    }
    if (n_fields > PKN_ENCODE_MAX_TERMS || n_levels > PKN_RECORDS_MAX_LEVELS ||
        pkn_mul_overflows_size(n_rows, field_bytes, &value_bytes) ||
        pkn_mul_overflows_size(out_bytes, bit_bytes, &out_bytes) ||
        pkn_hdc_check_rows(n_fields, words, &id_bytes) != PKERN_OK ||
        pkn_hdc_check_rows(n_levels, words, &level_bytes) != PKERN_OK) {
        return PKERN_EOVERFLOW;
    }
    if (!out || (n_fields > 0 && (!records->values || !records->ids || !records->levels ||
                                  !records->low || !high || n_levels == 0))) {
        return PKERN_EINVAL;
    }
    if (pkn_overlaps(records->values, value_bytes, out, out_bytes) ||
        pkn_overlaps(records->ids, id_bytes, out, out_bytes) ||
        pkn_overlaps(records->levels, level_bytes, out, out_bytes) ||
        pkn_overlaps(records->low, field_bytes, out, out_bytes) ||
        pkn_overlaps(high, field_bytes, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    return PKERN_OK;
}

PKN_INTERNAL pkern_status pkn_records_run(pkern_pool *pool, pkn_records *records, size_t n_levels,
                                          const float *high) {
    float stack_scale[PKN_RECORDS_STACK_FIELDS];
    size_t n_fields = records->n_fields, bytes = n_fields * sizeof(float);
    size_t n_blocks = pkn_terms_blocks(records->words);
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    float *scale = stack_scale;
    double cost;
    pkern_status status;
    if (n_fields > PKN_RECORDS_STACK_FIELDS) {
        scale = (float *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
        if (!scale) {
            return PKERN_ENOMEM;
        }
    }
    pkn_records_scales(records->low, high, n_fields, n_levels, scale);
    records->scale = scale;
    records->n_levels = (uint32_t)n_levels;
    /* with its operands, a field takes half as long again; 75, 137, 348 ns for 4, 16, 64 fields of 32 words */
    cost = pkn_terms_cost(2, records->words) * 1.5 * ((double)n_fields + 12);
    status = pkn_hdc_run(pool, records->n_rows * n_blocks, 1, cost, pkn_records_items, records);
    if (scale != stack_scale) {
        pkn_release(allocator, scale, bytes);
    }
    return status;
}

PKERN_API pkern_status pkern_hdc_encode_records(pkern_pool *pool, const float *values,
                                                size_t n_rows, size_t n_fields, const uint64_t *ids,
                                                const uint64_t *levels, size_t n_levels,
                                                const float *low, const float *high, size_t words,
                                                uint64_t *out) {
    pkn_records records = {values, low, 0, n_rows, n_fields, ids, levels, 0, words, out, 0};
    pkern_status status = pkn_records_check(&records, n_levels, high, out, 1);
    return status != PKERN_OK || n_rows == 0 ? status
                                             : pkn_records_run(pool, &records, n_levels, high);
}

PKERN_API pkern_status pkern_hdc_encode_records_counts(pkern_pool *pool, const float *values,
                                                       size_t n_rows, size_t n_fields,
                                                       const uint64_t *ids, const uint64_t *levels,
                                                       size_t n_levels, const float *low,
                                                       const float *high, size_t words,
                                                       int32_t *out) {
    pkn_records records = {values, low, 0, n_rows, n_fields, ids, levels, 0, words, 0, out};
    pkern_status status = pkn_records_check(&records, n_levels, high, out, 32);
    return status != PKERN_OK || n_rows == 0 ? status
                                             : pkn_records_run(pool, &records, n_levels, high);
}

#endif
