/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

typedef struct chunks_seen {
    unsigned char *base;
    size_t n;
    size_t size;
    size_t chunk_len;
    size_t fail_from; /* chunk */
    int n_bad;
} chunks_seen;

/* Adds 1 to each byte of the chunk. */
static int chunks_touch(void *chunk, size_t len, size_t chunk_index, void *ctx) {
    chunks_seen *seen = (chunks_seen *)ctx;
    size_t first = chunk_index * seen->chunk_len;
    size_t expected = seen->n - first < seen->chunk_len ? seen->n - first : seen->chunk_len;
    if ((unsigned char *)chunk != seen->base + first * seen->size || len != expected) {
        __atomic_fetch_add(&seen->n_bad, 1, __ATOMIC_RELAXED);
        return 0;
    }
    for (size_t i = 0; i < len * seen->size; i++) {
        ((unsigned char *)chunk)[i]++;
    }
    return chunk_index >= seen->fail_from ? (int)chunk_index + 1 : 0;
}

Test(par_chunks, touches_each_chunk_once_with_its_index_and_length) {
    static unsigned char bytes[3 * 5003];
    static const size_t sizes[] = {0, 1, 7, 100, 5003};
    static const size_t lens[] = {1, 2, 7, 64, 5002, 5003, 5004, SIZE_MAX};
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t s = 0; s < PAR_COUNT(sizes); s++) {
            for (size_t c = 0; c < PAR_COUNT(lens); c++) {
                pkern_par_options options;
                chunks_seen seen = {bytes, sizes[s], 3, lens[c], SIZE_MAX, 0};
                memset(bytes, 0, sizeof bytes);
                memset(&options, 0, sizeof options);
                options.min_len = 10 * c;
                options.max_len = c % 2 ? 10 * c + 3 : 0;
                options.item_cost_ns = 1.0;
                cr_assert_eq(pkern_par_chunks(pool, bytes, sizes[s], 3, lens[c],
                                              c % 3 ? &options : 0, chunks_touch, &seen),
                             PKERN_OK);
                cr_assert_eq(seen.n_bad, 0);
                for (size_t i = 0; i < sizeof bytes; i++) {
                    cr_assert_eq(bytes[i], i < 3 * sizes[s]);
                }
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_chunks, returns_the_lowest_failure) {
    static unsigned char bytes[9001];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t fail_from = 0; fail_from < 1000; fail_from = fail_from * 3 + 2) {
            chunks_seen seen = {bytes, 9001, 1, 9, fail_from, 0};
            memset(bytes, 0, sizeof bytes);
            cr_assert_eq(pkern_par_chunks(pool, bytes, 9001, 1, 9, 0, chunks_touch, &seen),
                         (int)fail_from + 1);
            for (size_t i = 0; i < fail_from * 9; i++) {
                cr_assert_eq(bytes[i], 1);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_chunks, R42_bad_arguments_run_nothing) {
    unsigned char byte = 0;
    chunks_seen seen = {&byte, 1, 1, 1, SIZE_MAX, 0};
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.min_len = 9;
    options.max_len = 8;
    cr_assert_eq(pkern_par_chunks(0, &byte, 1, 1, 0, 0, chunks_touch, &seen), PKERN_EINVAL);
    cr_assert_eq(pkern_par_chunks(0, &byte, 1, 0, 1, 0, chunks_touch, &seen), PKERN_EINVAL);
    cr_assert_eq(pkern_par_chunks(0, 0, 1, 1, 1, 0, chunks_touch, &seen), PKERN_EINVAL);
    cr_assert_eq(pkern_par_chunks(0, &byte, 1, 1, 1, 0, 0, &seen), PKERN_EINVAL);
    cr_assert_eq(pkern_par_chunks(0, &byte, 1, 1, 1, &options, chunks_touch, &seen), PKERN_EINVAL);
    cr_assert_eq(pkern_par_chunks(0, &byte, SIZE_MAX / 2 + 1, 2, 1, 0, chunks_touch, &seen),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_par_chunks(0, 0, 0, 1, 1, 0, chunks_touch, &seen), PKERN_OK);
    cr_assert_eq(byte, 0);
    cr_assert_eq(seen.n_bad, 0);
}

typedef struct chunks_progress {
    size_t last;
    int n_bad;
} chunks_progress;

static int chunks_report(size_t done, size_t total, void *user) {
    chunks_progress *progress = (chunks_progress *)user;
    progress->n_bad += total != 9001 || done > total || done < progress->last;
    progress->last = done;
    return 0;
}

static int chunks_stop(size_t done, size_t total, void *user) {
    PKN_UNUSED(done);
    PKN_UNUSED(total);
    PKN_UNUSED(user);
    return 1;
}

Test(par_chunks, progress_counts_elements_and_can_stop_the_call) {
    static unsigned char bytes[9001];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        chunks_seen seen = {bytes, 9001, 1, 10, SIZE_MAX, 0};
        chunks_progress progress = {0, 0};
        pkern_par_options options;
        pkern_status status;
        memset(&options, 0, sizeof options);
        options.progress = chunks_report;
        options.progress_user = &progress;
        cr_assert_eq(pkern_par_chunks(pool, bytes, 9001, 1, 10, &options, chunks_touch, &seen),
                     PKERN_OK);
        cr_assert_eq(progress.last, 9001);
        cr_assert_eq(progress.n_bad, 0);
        options.progress = chunks_stop;
        status = pkern_par_chunks(pool, bytes, 9001, 1, 10, &options, chunks_touch, &seen);
        cr_assert(status == PKERN_ECANCELED || status == PKERN_OK,
                  "a short call may end before its first report");
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}
