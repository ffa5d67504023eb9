/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Making, binding, bundling and rotating bipolar vectors. Both element types go the same way; size
   is an element's bytes. */
#ifndef PKN_HDC_BIPOLAR_C
#define PKN_HDC_BIPOLAR_C

#include "base/rng.h"
#include "hdc/bipolar.h"
#include "hdc/hdc_run.h"

/* Columns summed up at a time: 6 KiB of stack. */
#define PKN_BIPOLAR_COLUMNS 512
/* Rows whose sum of 16-bit values fits in 32 bits. */
#define PKN_BIPOLAR_ROWS ((size_t)1 << 15)
/* Elements of a piece of a long row. */
#define PKN_BIPOLAR_PIECE 16384

/* Nanoseconds an element of a bind, of a row of a bundle, of a rotation. */
#define PKN_BIPOLAR_BIND_NS 0.04
#define PKN_BIPOLAR_ADD_NS 0.13
#define PKN_BIPOLAR_COPY_NS 0.018

/* The bytes of n rows, or a status. */
PKN_INLINE pkern_status pkn_bipolar_check(size_t n, size_t dims, size_t size, size_t *bytes) {
    if (dims == 0) {
        return PKERN_EINVAL;
    }
    if (dims > PKN_HDC_MAX_WORDS * 64 || pkn_mul_overflows_size(n, dims * size, bytes)) {
        return PKERN_EOVERFLOW;
    }
    return PKERN_OK;
}

PKERN_API void pkern_hdc_map_random_i8(uint64_t seed, int8_t *out, size_t dims) {
    for (size_t i = 0; i < dims; i++) {
        out[i] = pkn_random_at(seed, i / 64) >> i % 64 & 1 ? 1 : -1;
    }
}

PKERN_API void pkern_hdc_map_random_i16(uint64_t seed, int16_t *out, size_t dims) {
    for (size_t i = 0; i < dims; i++) {
        out[i] = pkn_random_at(seed, i / 64) >> i % 64 & 1 ? 1 : -1;
    }
}

/* ---- bind */

typedef struct pkn_bipolar_bind {
    const char *vectors, *key;
    char *out;
    size_t dims, size, n_pieces;
} pkn_bipolar_bind;

PKN_INTERNAL int pkn_bipolar_bind_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_bind *bind = (const pkn_bipolar_bind *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    for (size_t item = begin; item < end; item++) {
        size_t first = item % bind->n_pieces * PKN_BIPOLAR_PIECE;
        size_t n = pkn_min_size(bind->dims - first, PKN_BIPOLAR_PIECE);
        size_t at = (item / bind->n_pieces * bind->dims + first) * bind->size;
        const char *key = bind->key + first * bind->size;
        if (bind->size == 1) {
            kernels->multiply_i8((const int8_t *)(bind->vectors + at), (const int8_t *)key, n,
                                 (int8_t *)(bind->out + at));
        } else {
            kernels->multiply_i16((const int16_t *)(const void *)(bind->vectors + at),
                                  (const int16_t *)(const void *)key, n,
                                  (int16_t *)(void *)(bind->out + at));
        }
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_bipolar_bind_all(pkern_pool *pool, const void *vectors, size_t n,
                                               const void *key, size_t dims, size_t size,
                                               void *out) {
    pkn_bipolar_bind bind;
    size_t bytes;
    pkern_status status = pkn_bipolar_check(n, dims, size, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !key || !out || pkn_hdc_clashes(vectors, bytes, out, bytes) ||
        pkn_hdc_clashes(key, dims * size, out, bytes)) {
        return PKERN_EINVAL;
    }
    bind.vectors = (const char *)vectors;
    bind.key = (const char *)key;
    bind.out = (char *)out;
    bind.dims = dims;
    bind.size = size;
    bind.n_pieces = (dims + PKN_BIPOLAR_PIECE - 1) / PKN_BIPOLAR_PIECE;
    return pkn_hdc_run(pool, n * bind.n_pieces, 1,
                       PKN_BIPOLAR_BIND_NS * (double)pkn_min_size(dims, PKN_BIPOLAR_PIECE),
                       pkn_bipolar_bind_pieces, &bind);
}

/* ---- bundle */

typedef struct pkn_bipolar_bundle {
    const char *vectors;
    const size_t *set_offsets;
    char *out;
    size_t dims, size, n_pieces;
} pkn_bipolar_bundle;

/* Adds n elements of the rows [begin, end) to totals. */
PKN_INTERNAL void pkn_bipolar_add_rows(const pkn_bipolar_bundle *bundle, size_t begin, size_t end,
                                       size_t first, size_t n, int64_t *totals) {
    const pkn_simd_kernels *kernels = pkn_simd();
    int32_t sums[PKN_BIPOLAR_COLUMNS];
    memset(sums, 0, sizeof sums);
    for (size_t row = begin; row < end; row++) {
        const char *x = bundle->vectors + (row * bundle->dims + first) * bundle->size;
        if (bundle->size == 1) {
            kernels->accumulate_i8((const int8_t *)x, n, sums);
        } else {
            kernels->accumulate_i16((const int16_t *)(const void *)x, n, sums);
        }
    }
    for (size_t i = 0; i < n; i++) {
        totals[i] += sums[i];
    }
}

PKN_INTERNAL int pkn_bipolar_bundle_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_bundle *bundle = (const pkn_bipolar_bundle *)ctx;
    int64_t limit = bundle->size == 1 ? 127 : 32767;
    for (size_t item = begin; item < end; item++) {
        int64_t totals[PKN_BIPOLAR_COLUMNS];
        size_t set = item / bundle->n_pieces;
        size_t first = item % bundle->n_pieces * PKN_BIPOLAR_COLUMNS;
        size_t n = pkn_min_size(bundle->dims - first, PKN_BIPOLAR_COLUMNS);
        size_t last_row = bundle->set_offsets[set + 1];
        memset(totals, 0, sizeof totals);
        for (size_t row = bundle->set_offsets[set]; row < last_row;) {
            size_t end_row = row + pkn_min_size(last_row - row, PKN_BIPOLAR_ROWS);
            pkn_bipolar_add_rows(bundle, row, end_row, first, n, totals);
            row = end_row;
        }
        for (size_t i = 0; i < n; i++) {
            int64_t sum = totals[i] > limit ? limit : totals[i] < -limit ? -limit : totals[i];
            char *place = bundle->out + (set * bundle->dims + first + i) * bundle->size;
            if (bundle->size == 1) {
                *(int8_t *)place = (int8_t)sum;
            } else {
                *(int16_t *)(void *)place = (int16_t)sum;
            }
        }
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_bipolar_bundle_all(pkern_pool *pool, const void *vectors,
                                                 const size_t *set_offsets, size_t n_sets,
                                                 size_t dims, size_t size, void *out) {
    pkn_bipolar_bundle bundle;
    size_t out_bytes, bytes, n_rows;
    double rows_a_set;
    pkern_status status = pkn_bipolar_check(n_sets, dims, size, &out_bytes);
    if (status != PKERN_OK || n_sets == 0) {
        return status;
    }
    if (!set_offsets || !out) {
        return PKERN_EINVAL;
    }
    for (size_t set = 0; set < n_sets; set++) {
        if (set_offsets[set + 1] < set_offsets[set]) {
            return PKERN_EINVAL;
        }
    }
    status = pkn_bipolar_check(set_offsets[n_sets], dims, size, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    n_rows = set_offsets[n_sets] - set_offsets[0];
    if ((!vectors && n_rows > 0) ||
        pkn_overlaps(set_offsets, (n_sets + 1) * sizeof *set_offsets, out, out_bytes) ||
        (n_rows > 0 && pkn_overlaps((const char *)vectors + set_offsets[0] * dims * size,
                                    n_rows * dims * size, out, out_bytes))) {
        return PKERN_EINVAL;
    }
    bundle.vectors = (const char *)vectors;
    bundle.set_offsets = set_offsets;
    bundle.out = (char *)out;
    bundle.dims = dims;
    bundle.size = size;
    bundle.n_pieces = (dims + PKN_BIPOLAR_COLUMNS - 1) / PKN_BIPOLAR_COLUMNS;
    rows_a_set = (double)n_rows / (double)n_sets + 8;
    return pkn_hdc_run(pool, n_sets * bundle.n_pieces, 1,
                       PKN_BIPOLAR_ADD_NS * rows_a_set *
                           (double)pkn_min_size(dims, PKN_BIPOLAR_COLUMNS),
                       pkn_bipolar_bundle_pieces, &bundle);
}

/* ---- permute */

typedef struct pkn_bipolar_permute {
    const char *vectors;
    char *out;
    size_t row_bytes, shift_bytes;
} pkn_bipolar_permute;

PKN_INTERNAL int pkn_bipolar_permute_rows(size_t begin, size_t end, void *ctx) {
    const pkn_bipolar_permute *permute = (const pkn_bipolar_permute *)ctx;
    size_t stay = permute->row_bytes - permute->shift_bytes;
    for (size_t row = begin; row < end; row++) {
        const char *in = permute->vectors + row * permute->row_bytes;
        char *out = permute->out + row * permute->row_bytes;
        memcpy(out + permute->shift_bytes, in, stay);
        memcpy(out, in + stay, permute->shift_bytes);
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_bipolar_permute_all(pkern_pool *pool, const void *vectors, size_t n,
                                                  size_t dims, size_t size, long shift, void *out) {
    pkn_bipolar_permute permute;
    size_t bytes;
    int64_t rest;
    pkern_status status = pkn_bipolar_check(n, dims, size, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!vectors || !out || pkn_overlaps(vectors, bytes, out, bytes)) {
        return PKERN_EINVAL;
    }
    rest = (int64_t)shift % (int64_t)dims;
    permute.vectors = (const char *)vectors;
    permute.out = (char *)out;
    permute.row_bytes = dims * size;
    permute.shift_bytes = (size_t)(rest < 0 ? rest + (int64_t)dims : rest) * size;
    return pkn_hdc_run(pool, n, 1, PKN_BIPOLAR_COPY_NS * (double)dims * (double)size,
                       pkn_bipolar_permute_rows, &permute);
}

#define PKN_DEFINE_BIPOLAR(suffix, type) \
    PKERN_API pkern_status pkern_hdc_map_bind_##suffix(pkern_pool *pool, const type *vectors, \
                                                       size_t n, const type *key, size_t dims, \
                                                       type *out) { \
        return pkn_bipolar_bind_all(pool, vectors, n, key, dims, sizeof(type), out); \
    } \
    PKERN_API pkern_status pkern_hdc_map_bundle_##suffix(pkern_pool *pool, const type *vectors, \
                                                         const size_t *set_offsets, size_t n_sets, \
                                                         size_t dims, type *out) { \
        return pkn_bipolar_bundle_all(pool, vectors, set_offsets, n_sets, dims, sizeof(type), \
                                      out); \
    } \
    PKERN_API pkern_status pkern_hdc_map_permute_##suffix( \
        pkern_pool *pool, const type *vectors, size_t n, size_t dims, long shift, type *out) { \
        return pkn_bipolar_permute_all(pool, vectors, n, dims, sizeof(type), shift, out); \
    }

PKN_DEFINE_BIPOLAR(i8, int8_t)
PKN_DEFINE_BIPOLAR(i16, int16_t)

#endif
