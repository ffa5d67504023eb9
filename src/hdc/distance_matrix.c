/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Matrices of all distances in 16 bits and of all similarities: blocks of 32-bit distances are made
   on the stack and converted while they are in L1. */
#ifndef PKN_HDC_DISTANCE_MATRIX_C
#define PKN_HDC_DISTANCE_MATRIX_C

#include "hdc/exact_search.h"
#include "hdc/search_check.h"
#include "hdc/tiles.h"

#define PKN_MATRIX_MAX_WORDS_U16 1023

typedef struct pkn_matrix {
    pkn_tiles tiles;
    uint16_t *distances; /* one of the two */
    float *similarities;
} pkn_matrix;

/* By eights, which compilers turn into vector code at -O2 too. */
PKN_INLINE void pkn_matrix_narrow(const uint32_t *in, size_t n, uint16_t *out) {
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            out[i + j] = (uint16_t)in[i + j];
        }
    }
    for (; i < n; i++) {
        out[i] = (uint16_t)in[i];
    }
}

PKN_INTERNAL int pkn_matrix_items(size_t begin, size_t end, void *ctx) {
    const pkn_matrix *matrix = (const pkn_matrix *)ctx;
    const pkn_tiles *tiles = &matrix->tiles;
    const pkn_simd_kernels *kernels = pkn_simd();
    uint32_t distances[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(tiles, begin, end, SIZE_MAX, &part);
        for (size_t t = part.target; t < part.target_end; t += tiles->block_len) {
            size_t n = pkn_min_size(tiles->block_len, part.target_end - t);
            for (size_t q = part.query; q < part.query_end; q++) {
                size_t row = (q - part.query) % PKN_PANEL_QUERIES;
                const uint32_t *from = distances + row * PKN_BLOCK_MAX_TARGETS;
                size_t place = q * tiles->n_targets + t;
                if (row == 0) {
                    kernels->hamming_tile_u64(tiles->queries + q * tiles->words,
                                              pkn_min_size(PKN_PANEL_QUERIES, part.query_end - q),
                                              tiles->targets + t * tiles->words, n, tiles->words,
                                              distances, PKN_BLOCK_MAX_TARGETS);
                }
                if (matrix->distances) {
                    pkn_matrix_narrow(from, n, matrix->distances + place);
                } else {
                    kernels->similarity_u32(from, n, (uint64_t)tiles->words * 64,
                                            matrix->similarities + place);
                }
            }
        }
    }
    return 0;
}

/* out: that of matrix, with elements of size bytes. */
PKN_INTERNAL pkern_status pkn_matrix_run(pkn_matrix *matrix, pkern_pool *pool, const void *out,
                                         size_t size) {
    pkn_tiles *tiles = &matrix->tiles;
    size_t bytes;
    pkern_status status;
    if (pkn_mul_overflows_size(tiles->n_queries, tiles->n_targets, &bytes) ||
        pkn_mul_overflows_size(bytes, size, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    status = pkn_search_check(tiles, out, bytes);
    if (status != PKERN_OK || bytes == 0) {
        return status;
    }
    pkn_tiles_cut(tiles, pkn_tiles_threads(tiles, pool), tiles->n_targets);
    return pkn_tiles_run(tiles, pool, pkn_matrix_items, matrix);
}

PKERN_API pkern_status pkern_hdc_distance_matrix_u16(pkern_pool *pool, const uint64_t *queries,
                                                     size_t n_queries, const uint64_t *targets,
                                                     size_t n_targets, size_t words,
                                                     uint16_t *out) {
    pkn_matrix matrix;
    if (words > PKN_MATRIX_MAX_WORDS_U16) {
        return PKERN_EOVERFLOW;
    }
    matrix.distances = out;
    matrix.similarities = 0;
    pkn_search_tiles(&matrix.tiles, queries, n_queries, targets, n_targets, words);
    return pkn_matrix_run(&matrix, pool, out, sizeof *out);
}

PKERN_API pkern_status pkern_hdc_similarity_matrix(pkern_pool *pool, const uint64_t *queries,
                                                   size_t n_queries, const uint64_t *targets,
                                                   size_t n_targets, size_t words, float *out) {
    pkn_matrix matrix;
    matrix.distances = 0;
    matrix.similarities = out;
    pkn_search_tiles(&matrix.tiles, queries, n_queries, targets, n_targets, words);
    return pkn_matrix_run(&matrix, pool, out, sizeof *out);
}

#endif
