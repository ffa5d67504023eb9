/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Similarities of one vector with many, and the matrix of all distances. */
#ifndef PKN_HDC_SIMILARITY_C
#define PKN_HDC_SIMILARITY_C

#include "hdc/hdc.h"
#include "hdc/hdc_run.h"
#include "hdc/tiles.h"

/* Distances wait on the stack for their conversion: 1 KiB. */
#define PKN_SIMILARITY_BLOCK 256

typedef struct pkn_similarity {
    const uint64_t *query, *targets;
    size_t words;
    float *out;
} pkn_similarity;

PKN_INTERNAL int pkn_similarity_rows(size_t begin, size_t end, void *ctx) {
    const pkn_similarity *similarity = (const pkn_similarity *)ctx;
    const pkn_simd_kernels *kernels = pkn_simd();
    size_t words = similarity->words;
    uint32_t distances[PKN_SIMILARITY_BLOCK];
    while (begin < end) {
        size_t n = pkn_min_size(end - begin, PKN_SIMILARITY_BLOCK);
        kernels->hamming_tile_u64(similarity->query, 1, similarity->targets + begin * words, n,
                                  words, distances, 0);
        kernels->similarity_u32(distances, n, (uint64_t)words * 64, similarity->out + begin);
        begin += n;
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_similarity(pkern_pool *pool, const uint64_t *query,
                                            const uint64_t *targets, size_t n, size_t words,
                                            float *out) {
    pkn_similarity similarity;
    size_t bytes;
    pkern_status status = pkn_hdc_check_rows(n, words, &bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!query || !targets || !out || pkn_overlaps(query, words * 8, out, n * sizeof *out) ||
        pkn_overlaps(targets, bytes, out, n * sizeof *out)) {
        return PKERN_EINVAL;
    }
    similarity.query = query;
    similarity.targets = targets;
    similarity.words = words;
    similarity.out = out;
    return pkn_hdc_run(pool, n, 16, pkn_hdc_pair_cost(words), pkn_similarity_rows, &similarity);
}

typedef struct pkn_distances {
    pkn_tiles tiles;
    uint32_t *out;
} pkn_distances;

PKN_INTERNAL int pkn_distances_items(size_t begin, size_t end, void *ctx) {
    const pkn_distances *distances = (const pkn_distances *)ctx;
    const pkn_tiles *tiles = &distances->tiles;
    const pkn_simd_kernels *kernels = pkn_simd();
    while (begin < end) {
        pkn_tiles_part part;
        begin = pkn_tiles_next(tiles, begin, end, SIZE_MAX, &part);
        for (size_t t = part.target; t < part.target_end; t += tiles->block_len) {
            kernels->hamming_tile_u64(
                tiles->queries + part.query * tiles->words, part.query_end - part.query,
                tiles->targets + t * tiles->words,
                pkn_min_size(tiles->block_len, part.target_end - t), tiles->words,
                distances->out + part.query * tiles->n_targets + t, tiles->n_targets);
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_distances(pkern_pool *pool, const uint64_t *queries,
                                           size_t n_queries, const uint64_t *targets,
                                           size_t n_targets, size_t words, uint32_t *out) {
    pkn_distances distances;
    size_t query_bytes, target_bytes, out_bytes;
    pkern_status status = pkn_hdc_check_rows(n_queries, words, &query_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(n_targets, words, &target_bytes);
    }
    if (status != PKERN_OK) {
        return status;
    }
    if (pkn_mul_overflows_size(n_queries, n_targets, &out_bytes) ||
        pkn_mul_overflows_size(out_bytes, sizeof *out, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if ((!queries && n_queries > 0) || (!targets && n_targets > 0) || (!out && out_bytes > 0)) {
        return PKERN_EINVAL;
    }
    if (out_bytes == 0) {
        return PKERN_OK;
    }
    if (pkn_overlaps(queries, query_bytes, out, out_bytes) ||
        pkn_overlaps(targets, target_bytes, out, out_bytes)) {
        return PKERN_EINVAL;
    }
    distances.tiles.queries = queries;
    distances.tiles.n_queries = n_queries;
    distances.tiles.targets = targets;
    distances.tiles.n_targets = n_targets;
    distances.tiles.words = words;
    distances.out = out;
    pkn_tiles_cut(&distances.tiles, pkn_tiles_threads(&distances.tiles, pool), n_targets);
    return pkn_tiles_run(&distances.tiles, pool, pkn_distances_items, &distances);
}

#endif
