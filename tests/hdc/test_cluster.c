/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "searching_oracle.h"

enum { CLUSTER_SEED = 150 };

/* n vectors, each a noisy copy of one of n_centres random ones. */
static uint64_t *cluster_vectors(size_t n, size_t words, size_t n_centres, unsigned noise) {
    uint64_t *vectors = hdc_new(n * words, 1, CLUSTER_SEED);
    for (size_t i = n_centres; i < n; i++) {
        size_t centre = (size_t)(pkn_random_at(CLUSTER_SEED + 1, i) % n_centres);
        memcpy(vectors + i * words, vectors + centre * words, words * 8);
        searching_noise(vectors + i * words, words, noise, CLUSTER_SEED + i);
    }
    return vectors;
}

static uint64_t cluster_assign(const uint64_t *vectors, size_t n, size_t words,
                               const uint64_t *centroids, size_t k, size_t *assignment,
                               int *changed) {
    uint64_t sum = 0;
    *changed = 0;
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        uint32_t least = UINT32_MAX;
        for (size_t c = 0; c < k; c++) {
            uint32_t distance =
                hdc_oracle_distance(vectors + i * words, centroids + c * words, words);
            if (distance < least) {
                least = distance;
                best = c;
            }
        }
        sum += least;
        *changed |= assignment[i] != best;
        assignment[i] = best;
    }
    return sum;
}

/* The docstring, one bit at a time, from first centroids that are given. */
static void cluster_oracle(const uint64_t *vectors, size_t n, size_t words, size_t k,
                           size_t iterations, uint64_t *centroids, size_t *assignment) {
    int changed = 1;
    uint64_t before = cluster_assign(vectors, n, words, centroids, k, assignment, &changed), now;
    changed = 1;
    for (size_t iteration = 0; iteration < iterations && changed; iteration++) {
        for (size_t c = 0; c < k; c++) {
            for (size_t bit = 0; bit < words * 64; bit++) {
                size_t members = 0, ones = 0, first = SIZE_MAX;
                int value;
                for (size_t i = 0; i < n; i++) {
                    if (assignment[i] != c) continue;
                    if (first == SIZE_MAX) first = i;
                    members++;
                    ones += vectors[i * words + bit / 64] >> (bit % 64) & 1;
                }
                if (members == 0) continue;
                value = ones * 2 == members
                            ? (int)(vectors[first * words + bit / 64] >> (bit % 64) & 1)
                            : ones * 2 > members;
                centroids[c * words + bit / 64] &= ~((uint64_t)1 << (bit % 64));
                centroids[c * words + bit / 64] |= (uint64_t)value << (bit % 64);
            }
        }
        now = cluster_assign(vectors, n, words, centroids, k, assignment, &changed);
        cr_assert_leq(now, before);
        before = now;
    }
}

static void cluster_check(pkern_pool *pool, const uint64_t *vectors, size_t n, size_t words,
                          size_t k, size_t iterations) {
    size_t used = k < n ? k : n;
    uint64_t *centroids = hdc_new(k * words, 0, 1), *expected = hdc_new(k * words, 0, 1);
    size_t *assignment = (size_t *)malloc((n + 1) * sizeof(size_t));
    size_t *expected_assignment = (size_t *)malloc((n + 1) * sizeof(size_t));
    assignment[n] = 99;
    cr_assert_eq(pkern_hdc_k_majority(pool, vectors, n, words, k, 0, 7, expected, assignment),
                 PKERN_OK);
    for (size_t c = 0; c < used; c++) { /* first centroids are vectors of their stretch */
        size_t low = c * (n / k ? n / k : 1), found = 0;
        for (size_t i = low; i < n && !found; i++)
            found = hdc_oracle_distance(expected + c * words, vectors + i * words, words) == 0;
        cr_assert(found);
    }
    cluster_oracle(vectors, n, words, used, iterations, expected, expected_assignment);
    cr_assert_eq(
        pkern_hdc_k_majority(pool, vectors, n, words, k, iterations, 7, centroids, assignment),
        PKERN_OK);
    cr_assert_arr_eq(centroids, expected, used * words * 8);
    cr_assert_arr_eq(assignment, expected_assignment, n * sizeof(size_t));
    for (size_t i = used * words; i < k * words; i++) cr_assert_eq(centroids[i], 0u);
    cr_assert_eq(assignment[n], 99u);
    hdc_free(centroids);
    hdc_free(expected);
    free(assignment);
    free(expected_assignment);
}

Test(hdc_cluster, lloyd_with_majorities) {
    static const size_t n_list[] = {0, 1, 2, 31, 127}, k_list[] = {1, 2, 5, 40},
                        words_list[] = {1, 3, 32, 157};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t c = 0; c < 5 * 4; c++) {
            size_t n = n_list[c % 5], words = words_list[c / 5];
            uint64_t *vectors = cluster_vectors(n, words, n < 6 ? n : 6, 40);
            cluster_check(0, vectors, n, words, k_list[c % 4], words > 32 ? 2 : 5);
            hdc_free(vectors);
        }
    }
}

Test(hdc_cluster, every_pool_makes_the_same_clusters) {
    uint64_t *vectors = cluster_vectors(701, 8, 10, 60);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        cluster_check(pool, vectors, 701, 8, 10, 4);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(vectors);
}

Test(hdc_cluster, planted_clusters_are_found) {
    enum { N = 600, WORDS = 32, K = 4 };
    uint64_t *vectors = cluster_vectors(N, WORDS, K, 50), centroids[K * WORDS];
    size_t assignment[N];
    int near[K] = {0};
    cr_assert_eq(pkern_hdc_k_majority(0, vectors, N, WORDS, K, 20, 3, centroids, assignment),
                 PKERN_OK);
    for (size_t c = 0; c < K; c++)
        for (size_t centre = 0; centre < K; centre++)
            near[c] +=
                hdc_oracle_distance(centroids + c * WORDS, vectors + centre * WORDS, WORDS) < 60;
    for (size_t c = 0; c < K; c++) cr_assert_leq(near[c], 1);
    cr_assert_geq(near[0] + near[1] + near[2] + near[3], 2);
    hdc_free(vectors);
}

Test(hdc_cluster, equal_vectors_are_one_cluster) {
    enum { N = 50, WORDS = 3 };
    uint64_t vectors[N * WORDS], centroids[4 * WORDS];
    size_t assignment[N];
    for (size_t i = 0; i < N; i++) pkern_hdc_random(5, vectors + i * WORDS, WORDS);
    cr_assert_eq(pkern_hdc_k_majority(0, vectors, N, WORDS, 4, 9, 1, centroids, assignment),
                 PKERN_OK);
    for (size_t i = 0; i < N; i++) cr_assert_eq(assignment[i], 0u);
    for (size_t c = 0; c < 4; c++) cr_assert_arr_eq(centroids + c * WORDS, vectors, WORDS * 8);
}

/* Against an exact search under a mask of the lists that are probed. */
static void cluster_check_ivf(pkern_pool *pool, const uint64_t *vectors, size_t n, size_t words,
                              size_t n_lists, size_t n_queries, size_t k, size_t n_probe) {
    pkern_hdc_ivf *ivf;
    uint64_t *queries = searching_queries(vectors, n, n_queries, words, CLUSTER_SEED + 3);
    pkern_hdc_match *out = (pkern_hdc_match *)malloc((n_queries * k + 1) * sizeof *out);
    pkern_hdc_match *row = (pkern_hdc_match *)malloc((n + 1) * sizeof *row);
    pkern_hdc_match none = {SIZE_MAX, UINT32_MAX, 0};
    size_t n_seen = 0;
    cr_assert_eq(pkern_hdc_ivf_build(pool, vectors, n, words, n_lists, 4, 11, &ivf), PKERN_OK);
    cr_assert_leq(pkern_hdc_ivf_lists(ivf), n);
    cr_assert_geq(pkern_hdc_ivf_bytes(ivf), n * (words * 8 + 4));
    for (size_t list = 0; list < ivf->n_lists; list++) {
        for (size_t i = ivf->offsets[list]; i < ivf->offsets[list + 1]; i++, n_seen++) {
            cr_assert(i == ivf->offsets[list] || ivf->ids[i] > ivf->ids[i - 1]);
            cr_assert_arr_eq(ivf->rows + i * words, vectors + ivf->ids[i] * words, words * 8);
        }
    }
    cr_assert_eq(n_seen, n);
    out[n_queries * k].distance = 77;
    cr_assert_eq(pkern_hdc_ivf_search(ivf, pool, queries, n_queries, k, n_probe, out), PKERN_OK);
    for (size_t q = 0; q < n_queries && n > 0; q++) {
        uint64_t *mask = hdc_new(n / 64 + 1, 0, 0);
        pkern_hdc_match *lists =
            (pkern_hdc_match *)malloc((ivf->n_lists + 1) * sizeof(pkern_hdc_match));
        size_t count = searching_row(queries + q * words, ivf->centroids, ivf->n_lists, words, 0,
                                     UINT64_MAX, 1, lists);
        memset(mask, 0, (n / 64 + 1) * 8);
        for (size_t l = 0; l < count && l < n_probe; l++) {
            size_t list = lists[l].index;
            for (size_t i = ivf->offsets[list]; i < ivf->offsets[list + 1]; i++)
                mask[ivf->ids[i] / 64] |= (uint64_t)1 << (ivf->ids[i] % 64);
        }
        count = searching_row(queries + q * words, vectors, n, words, mask, UINT64_MAX, 1, row);
        for (size_t i = 0; i < k; i++)
            cr_assert(searching_same(&out[q * k + i], i < count ? &row[i] : &none),
                      "n %zu lists %zu probe %zu: query %zu, place %zu", n, ivf->n_lists, n_probe,
                      q, i);
        hdc_free(mask);
        free(lists);
    }
    cr_assert_eq(out[n_queries * k].distance, 77u);
    pkern_hdc_ivf_free(ivf);
    hdc_free(queries);
    free(out);
    free(row);
}

Test(hdc_cluster, inverted_file_finds_the_nearest_of_its_lists) {
    static const size_t n_list[] = {0, 1, 2, 131, 1500}, words_list[] = {1, 3, 32, 157},
                        k_list[] = {1, 7, 40, 300};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t c = 0; c < 5 * 4; c++) {
            size_t n = n_list[c % 5], words = words_list[c / 5];
            uint64_t *vectors = cluster_vectors(n, words, n < 9 ? n : 9, 40);
            cluster_check_ivf(0, vectors, n, words, c % 3 * 5, 5, k_list[c % 4], 1 + c % 4);
            cluster_check_ivf(0, vectors, n, words, 7, 3, k_list[c % 4], 100);
            hdc_free(vectors);
        }
    }
}

Test(hdc_cluster, every_pool_finds_the_same_in_an_inverted_file) {
    uint64_t *vectors = cluster_vectors(2003, 8, 20, 50);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        cluster_check_ivf(pool, vectors, 2003, 8, 20, 300, 5, 3);
        cluster_check_ivf(pool, vectors, 2003, 8, 20, 9, 250, 4);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(vectors);
}

Test(hdc_cluster, recall_rises_with_the_lists_that_are_probed) {
    enum { N = 4000, WORDS = 16, QUERIES = 64, K = 10 };
    uint64_t *vectors = cluster_vectors(N, WORDS, 60, 60);
    uint64_t *queries = searching_queries(vectors, N, QUERIES, WORDS, CLUSTER_SEED + 5);
    static pkern_hdc_match exact[QUERIES * K], found[QUERIES * K];
    pkern_hdc_ivf *ivf;
    double before = 0;
    cr_assert_eq(pkern_hdc_top_k(0, queries, QUERIES, vectors, N, WORDS, K, exact), PKERN_OK);
    cr_assert_eq(pkern_hdc_ivf_build(0, vectors, N, WORDS, 0, 5, 1, &ivf), PKERN_OK);
    cr_assert_eq(pkern_hdc_ivf_lists(ivf), 64u);
    for (size_t n_probe = 1; n_probe <= 64; n_probe *= 4) {
        double recall;
        cr_assert_eq(pkern_hdc_ivf_search(ivf, 0, queries, QUERIES, K, n_probe, found), PKERN_OK);
        recall = pkern_hdc_recall(exact, found, QUERIES, K);
        printf("recall at 10, %zu of 64 lists: %.3f\n", n_probe, recall);
        cr_assert_geq(recall, before);
        before = recall;
    }
    cr_assert_eq(before, 1.0);
    for (size_t i = 0; i < QUERIES * K; i++) cr_assert(searching_same(&exact[i], &found[i]));
    pkern_hdc_ivf_free(ivf);
    hdc_free(vectors);
    hdc_free(queries);
}

Test(hdc_cluster, without_memory_there_is_a_status) {
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_pool *pool = hdc_pool_new(2, &allocator);
    uint64_t *vectors = cluster_vectors(1000, 8, 9, 30);
    pkern_hdc_match *out = (pkern_hdc_match *)malloc(9 * 300 * sizeof *out);
    pkern_hdc_ivf *ivf = 0;
    for (int left = 0; !ivf; left++) {
        pkern_status status;
        pkn_atomic_store_relaxed_u32(&state.used, 0);
        state.left = left;
        status = pkern_hdc_ivf_build(pool, vectors, 1000, 8, 7, 3, 1, &ivf);
        cr_assert(status == (ivf ? PKERN_OK : PKERN_ENOMEM));
    }
    for (int left = 0;; left++) {
        pkern_status status;
        pkn_atomic_store_relaxed_u32(&state.used, 0);
        state.left = left;
        status = pkern_hdc_ivf_search(ivf, pool, vectors, 9, 300, 3, out);
        cr_assert(status == PKERN_OK || status == PKERN_ENOMEM);
        if (status == PKERN_OK) break;
    }
    state.left = 1000000;
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    pkern_hdc_ivf_free(ivf);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    hdc_free(vectors);
    free(out);
}

Test(hdc_cluster, bad_arguments_change_nothing) {
    uint64_t a[32], b[32], before[32];
    size_t assignment[4] = {7, 7, 7, 7};
    pkern_hdc_match *out = (pkern_hdc_match *)(void *)b;
    pkern_hdc_ivf *ivf = 0;
    pkern_hdc_random(1, a, 32);
    pkern_hdc_random(2, b, 32);
    memcpy(before, b, sizeof b);
    cr_assert_eq(pkern_hdc_k_majority(0, a, 4, 0, 2, 3, 1, b, assignment), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_k_majority(0, a, 4, 8, 0, 3, 1, b, assignment), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_k_majority(0, 0, 4, 8, 2, 3, 1, b, assignment), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_k_majority(0, a, 4, 8, 2, 3, 1, 0, assignment), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_k_majority(0, a, 4, 8, 2, 3, 1, b, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_k_majority(0, b, 4, 8, 2, 3, 1, b, assignment), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_k_majority(0, b, 4, 8, 2, 3, 1, a, (size_t *)(void *)b), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_k_majority(0, a, SIZE_MAX / 8, 8, 2, 3, 1, b, assignment),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_k_majority(0, a, 4, 8, SIZE_MAX / 8, 3, 1, b, assignment),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_ivf_build(0, a, 4, 8, 2, 3, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ivf_build(0, a, 4, 0, 2, 3, 1, &ivf), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ivf_build(0, 0, 4, 8, 2, 3, 1, &ivf), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ivf_build(0, a, SIZE_MAX / 8, 8, 2, 3, 1, &ivf), PKERN_EOVERFLOW);
    cr_assert_null(ivf);
    pkern_hdc_ivf_free(0);
    cr_assert_eq(pkern_hdc_ivf_build(0, a, 4, 8, 2, 3, 1, &ivf), PKERN_OK);
    cr_assert_eq(pkern_hdc_ivf_search(0, 0, a, 1, 1, 1, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ivf_search(ivf, 0, a, 1, 1, 0, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ivf_search(ivf, 0, 0, 1, 1, 1, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ivf_search(ivf, 0, a, 1, 1, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ivf_search(ivf, 0, b, 1, 1, 1, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ivf_search(ivf, 0, a, 2, SIZE_MAX / 8, 1, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_ivf_search(ivf, 0, a, 2, 0, 1, 0), PKERN_OK);
    cr_assert_arr_eq(b, before, sizeof b);
    cr_assert_eq(assignment[0], 7u);
    pkern_hdc_ivf_free(ivf);
}
