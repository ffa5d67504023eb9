/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * The promise that pkern with all threads never takes more than 1.05x of the sequential loop plus 100 ns: every batch
 * call and pkern_par_for over bodies of 1 to 1000 ns an item, from 1 item to 10^6, with a hot pool and a cold one.
 *
 * The sequential side is the same work without a pool to share it with: the body called once over the whole range, the
 * SIMD kernel called row by row (bind), or the call itself on a pool of one thread where that is faster than a loop over
 * rows.
 */
#include "never_slower.h"

/* ---- loops ---- */

static int loop_body(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    uint64_t *out = (uint64_t *)w->out;
    for (size_t i = begin; i < end; i++) {
        out[i] = spin_steps(i, w->steps);
    }
    return 0;
}

static void loop_sequential(void *ctx) {
    work *w = (work *)ctx;
    pkern_range_fn body = loop_body;
    __asm__ volatile("" : "+r"(body) : : "memory");
    body(0, w->n, w);
}

static void loop_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_par_for(w->pool, 0, w->n, NULL, loop_body, w));
}

static int map_one(const void *in, void *out, void *ctx) {
    (void)ctx;
    *(uint64_t *)out = *(const uint64_t *)in * 3 + 1;
    return 0;
}

static void map_sequential(void *ctx) {
    work *w = (work *)ctx;
    int (*fn)(const void *, void *, void *) = map_one;
    __asm__ volatile("" : "+r"(fn) : : "memory");
    for (size_t i = 0; i < w->n; i++) {
        fn(w->vectors + i, (uint64_t *)w->out + i, w);
    }
}

static void map_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_par_map(w->pool, w->vectors, 8, w->out, 8, w->n, NULL, map_one, w));
}

static void reduce_identity(void *acc, void *ctx) {
    (void)ctx;
    *(uint64_t *)acc = 0;
}

static int reduce_fold(void *acc, size_t begin, size_t end, void *ctx) {
    *(uint64_t *)acc += pkern_simd_popcount_u64(((work *)ctx)->vectors + begin, end - begin);
    return 0;
}

static void reduce_combine(void *acc, const void *right, void *ctx) {
    (void)ctx;
    *(uint64_t *)acc += *(const uint64_t *)right;
}

static void reduce_pkern(void *ctx) {
    work *w = (work *)ctx;
    pkern_reducer reducer = {sizeof(uint64_t), reduce_identity, reduce_fold, reduce_combine, w};
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.min_len = 256;
    bench_must(pkern_par_reduce(w->pool, 0, w->n, &options, &reducer, w->out));
}

static int compare_u64(const void *a, const void *b, void *ctx) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    (void)ctx;
    return (x > y) - (x < y);
}

static void par_top_k_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_par_top_k(w->pool, w->vectors, w->n, sizeof(uint64_t), SEARCH_K, compare_u64,
                               NULL, (size_t *)w->out));
}

/* ---- batches of vectors ---- */

static void bind_sequential(void *ctx) {
    work *w = (work *)ctx;
    for (size_t row = 0; row < w->n; row++) {
        pkern_simd_xor_u64(w->vectors + row * WORDS, w->key, WORDS,
                           (uint64_t *)w->out + row * WORDS);
    }
}

static void bind_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_bind(w->pool, w->vectors, w->n, w->key, WORDS, (uint64_t *)w->out));
}

static void bind_pairs_pkern(void *ctx) {
    work *w = (work *)ctx;
    const uint64_t *b = data_vectors + (data_rows - w->n) * WORDS;
    bench_must(pkern_hdc_bind_pairs(w->pool, w->vectors, b, w->n, WORDS, (uint64_t *)w->out));
}

static void similarity_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_similarity(w->pool, w->key, w->vectors, w->n, WORDS, (float *)w->out));
}

static void distances_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(
        pkern_hdc_distances(w->pool, w->key, 10, w->vectors, w->n, WORDS, (uint32_t *)w->out));
}

static void bundle_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_bundle(w->pool, w->vectors, w->offsets, w->n, WORDS, (uint64_t *)w->out));
}

static void permute_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_permute(w->pool, w->vectors, w->n, WORDS, 77, (uint64_t *)w->out));
}

static void nearest_one_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(
        pkern_hdc_nearest(w->pool, w->key, 1, w->vectors, w->n, WORDS, (pkern_hdc_match *)w->out));
}

static void nearest_many_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_nearest(w->pool, w->vectors, w->n, w->key, SEARCH_MEMORY, WORDS,
                                 (pkern_hdc_match *)w->out));
}

static void top_k_pkern(void *ctx) {
    work *w = (work *)ctx;
    bench_must(pkern_hdc_top_k(w->pool, w->key, 1, w->vectors, w->n, WORDS, SEARCH_K,
                               (pkern_hdc_match *)w->out));
}

/* ---- cases ---- */

static const ratio_case cases[] = {
    {"par_for_1ns", loop_sequential, loop_pkern, 1.5, 1.0, 0, 8, 0},
    {"par_for_10ns", loop_sequential, loop_pkern, 10.0, 10.0, 0, 8, 0},
    {"par_for_100ns", loop_sequential, loop_pkern, 100.0, 100.0, 0, 8, 0},
    {"par_for_1000ns", loop_sequential, loop_pkern, 1000.0, 1000.0, 0, 8, 0},
    {"par_map", map_sequential, map_pkern, 2.0, 0.0, 0, 8, 0},
    {"par_reduce", NULL, reduce_pkern, 0.5, 0.0, 0, 0, 8},
    {"par_top_k", NULL, par_top_k_pkern, 5.0, 0.0, 0, 0, SEARCH_K * sizeof(size_t)},
    {"bind", bind_sequential, bind_pkern, 10.0, 0.0, 1, WORDS * 8, 0},
    {"bind_pairs", NULL, bind_pairs_pkern, 10.0, 0.0, 1, WORDS * 8, 0},
    {"similarity", NULL, similarity_pkern, 6.0, 0.0, 1, 4, 0},
    {"distances_10", NULL, distances_pkern, 30.0, 0.0, 1, 40, 0},
    {"bundle_10", NULL, bundle_pkern, 100.0, 0.0, SET_LEN, WORDS * 8, 0},
    {"permute", NULL, permute_pkern, 20.0, 0.0, 1, WORDS * 8, 0},
    {"nearest_1_of_n", NULL, nearest_one_pkern, 6.0, 0.0, 1, 0, sizeof(pkern_hdc_match)},
    {"nearest_n_of_1000", NULL, nearest_many_pkern, 2500.0, 0.0, 1, sizeof(pkern_hdc_match), 0},
    {"top_10_of_n", NULL, top_k_pkern, 8.0, 0.0, 1, 0, SEARCH_K * sizeof(pkern_hdc_match)},
};

int main(int argc, char **argv) {
    bench_begin(argc, argv);
    spin_init();
    never_slower_data();
    return never_slower(cases, sizeof cases / sizeof cases[0]);
}
