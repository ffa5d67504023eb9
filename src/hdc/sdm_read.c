/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Reads of a sparse distributed memory: the sums of the active locations' counters, once or until
   the data stay the same. */
#ifndef PKN_HDC_SDM_READ_C
#define PKN_HDC_SDM_READ_C

#include "hdc/sdm.c"

/* Items are columns of addresses. */
PKN_INTERNAL int pkn_sdm_read_pieces(size_t begin, size_t end, void *ctx) {
    const pkn_sdm_batch *batch = (const pkn_sdm_batch *)ctx;
    const pkern_hdc_sdm *sdm = batch->sdm;
    for (size_t item = begin; item < end; item++) {
        int32_t sums[PKN_SDM_COLUMNS];
        size_t row = item / batch->n_pieces;
        size_t column = item % batch->n_pieces * PKN_SDM_COLUMNS;
        size_t n = pkn_min_size(sdm->columns - column, PKN_SDM_COLUMNS);
        const uint64_t *keys = batch->keys + row * sdm->n_locations;
        memset(sums, 0, sizeof sums);
        for (size_t i = 0; i < batch->counts[row]; i++) {
            size_t location = (size_t)(keys[i] & UINT32_MAX);
            pkn_simd()->accumulate_i16(sdm->counters + location * sdm->columns + column, n, sums);
        }
        if (batch->sums) {
            memcpy(batch->sums + row * sdm->columns + column, sums, n * sizeof *sums);
        }
        for (size_t word = 0; batch->out && word < n / 64; word++) {
            uint64_t bits = 0;
            for (size_t i = 0; i < 64; i++) {
                bits |= (uint64_t)(sums[word * 64 + i] > 0) << i;
            }
            batch->out[row * sdm->data_words + column / 64 + word] = bits;
        }
    }
    return 0;
}

/* out and sums are clear of the addresses, or out is the addresses where data are addresses. */
PKN_INTERNAL pkern_status pkn_sdm_read_batch(pkn_sdm_batch *batch, pkern_pool *pool,
                                             const uint64_t *addresses, size_t n, uint64_t *out,
                                             int32_t *sums) {
    const pkern_hdc_sdm *sdm = batch->sdm;
    double adds;
    pkern_status status = pkn_sdm_activate(batch, pool, addresses, n);
    if (status != PKERN_OK) {
        return status;
    }
    batch->out = out;
    batch->sums = sums;
    batch->n_pieces = (sdm->columns + PKN_SDM_COLUMNS - 1) / PKN_SDM_COLUMNS;
    adds = (double)pkn_sdm_total_active(batch) * (double)sdm->columns;
    return pkn_hdc_run(pool, n * batch->n_pieces, 1,
                       adds * PKN_SDM_ADD_NS / (double)(n * batch->n_pieces) + 200,
                       pkn_sdm_read_pieces, batch);
}

PKERN_API pkern_status pkern_hdc_sdm_read(pkern_pool *pool, const pkern_hdc_sdm *sdm,
                                          const uint64_t *addresses, size_t n, uint64_t *out,
                                          int32_t *sums) {
    pkn_sdm_batch batch;
    size_t bytes, data_bytes, sum_bytes;
    pkern_status status = pkn_sdm_check(sdm, addresses, n, &bytes, &data_bytes);
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (pkn_mul_overflows_size(data_bytes, 32, &sum_bytes)) {
        return PKERN_EOVERFLOW;
    }
    if ((out && pkn_overlaps(addresses, bytes, out, data_bytes)) ||
        (sums && pkn_overlaps(addresses, bytes, sums, sum_bytes)) ||
        (out && sums && pkn_overlaps(out, data_bytes, sums, sum_bytes))) {
        return PKERN_EINVAL;
    }
    status = pkn_sdm_batch_begin(&batch, sdm, pool, n, 0);
    for (size_t first = 0; status == PKERN_OK && first < n; first += batch.max_len) {
        status = pkn_sdm_read_batch(&batch, pool, addresses + first * sdm->address_words,
                                    pkn_min_size(batch.max_len, n - first),
                                    out ? out + first * sdm->data_words : 0,
                                    sums ? sums + first * sdm->columns : 0);
    }
    pkn_release(batch.allocator, batch.memory, batch.bytes);
    return status;
}

/* One batch until each of its rows has settled. Rows that have are read again, to the same result:
   they are few reads and the batch stays in one piece. */
PKN_INTERNAL pkern_status pkn_sdm_settle(pkn_sdm_batch *batch, pkern_pool *pool, uint64_t *rows,
                                         uint64_t *next, size_t n, size_t max_reads,
                                         size_t *n_reads) {
    size_t words = batch->sdm->data_words;
    for (size_t i = 0; n_reads && i < n; i++) {
        n_reads[i] = max_reads;
    }
    for (size_t read = 1; read <= max_reads; read++) {
        size_t n_moving = 0;
        pkern_status status = pkn_sdm_read_batch(batch, pool, rows, n, next, 0);
        if (status != PKERN_OK) {
            return status;
        }
        for (size_t i = 0; i < n; i++) {
            if (memcmp(rows + i * words, next + i * words, words * 8) != 0) {
                n_moving++;
            } else if (n_reads) {
                n_reads[i] = pkn_min_size(n_reads[i], read);
            }
        }
        memcpy(rows, next, n * words * 8);
        if (n_moving == 0) {
            break;
        }
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_sdm_read_iterated(pkern_pool *pool, const pkern_hdc_sdm *sdm,
                                                   const uint64_t *addresses, size_t n,
                                                   size_t max_reads, uint64_t *out,
                                                   size_t *n_reads) {
    pkn_sdm_batch batch;
    size_t bytes, data_bytes, next_bytes;
    uint64_t *next;
    pkern_status status = pkn_sdm_check(sdm, addresses, n, &bytes, &data_bytes);
    if (status == PKERN_OK && sdm->data_words != sdm->address_words) {
        status = PKERN_EINVAL;
    }
    if (status != PKERN_OK || n == 0) {
        return status;
    }
    if (!out || pkn_hdc_clashes(addresses, bytes, out, data_bytes) ||
        (n_reads && (pkn_overlaps(addresses, bytes, n_reads, n * sizeof *n_reads) ||
                     pkn_overlaps(out, data_bytes, n_reads, n * sizeof *n_reads)))) {
        return PKERN_EINVAL;
    }
    status = pkn_sdm_batch_begin(&batch, sdm, pool, n, 0);
    if (status != PKERN_OK) {
        return status;
    }
    next_bytes = batch.max_len * sdm->data_words * 8;
    next = (uint64_t *)pkn_allocate(batch.allocator, next_bytes, PKN_CACHE_LINE);
    status = next ? PKERN_OK : PKERN_ENOMEM;
    if (next && addresses != out) {
        memcpy(out, addresses, bytes);
    }
    for (size_t first = 0; status == PKERN_OK && first < n; first += batch.max_len) {
        status = pkn_sdm_settle(&batch, pool, out + first * sdm->data_words, next,
                                pkn_min_size(batch.max_len, n - first), max_reads,
                                n_reads ? n_reads + first : 0);
    }
    pkn_release(batch.allocator, next, next_bytes);
    pkn_release(batch.allocator, batch.memory, batch.bytes);
    return status;
}

#endif
