/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { KNN_SEED = 170 };

static pkern_hdc_prediction knn_oracle(const uint64_t *query, const uint64_t *memory,
                                       const uint32_t *labels, size_t n, size_t words, size_t k) {
    pkern_hdc_prediction best = {SIZE_MAX, 0, 0};
    unsigned char *used = (unsigned char *)calloc(n + 1, 1);
    size_t votes[7] = {0}, first[7] = {0}, n_votes = 0, second = 0;
    for (; n_votes < k && n_votes < n; n_votes++) {
        size_t nearest = 0;
        while (used[nearest]) nearest++;
        for (size_t i = nearest + 1; i < n; i++) {
            if (!used[i] && (hdc_oracle_distance(query, memory + i * words, words) <
                             hdc_oracle_distance(query, memory + nearest * words, words)))
                nearest = i;
        }
        used[nearest] = 1;
        if (votes[labels[nearest]]++ == 0) first[labels[nearest]] = n_votes;
    }
    for (size_t c = 0; c < 7; c++) {
        if (votes[c] > 0 && (best.label == SIZE_MAX || votes[c] > votes[best.label] ||
                             (votes[c] == votes[best.label] && first[c] < first[best.label])))
            best.label = c;
    }
    for (size_t c = 0; c < 7; c++) {
        if (c != best.label && votes[c] > second) second = votes[c];
    }
    if (n_votes > 0) {
        best.score = (float)((double)votes[best.label] / (double)n_votes);
        best.margin = second ? (float)((double)(votes[best.label] - second) / (double)n_votes) : 2;
    }
    free(used);
    return best;
}

static void knn_check(pkern_pool *pool, size_t n_queries, size_t n_memory, size_t words, size_t k) {
    uint64_t *queries = hdc_new(n_queries * words, 1, KNN_SEED),
             *memory = hdc_new(n_memory * words, 2, KNN_SEED + 1);
    uint32_t *labels = (uint32_t *)malloc((n_memory + 1) * sizeof *labels);
    pkern_hdc_prediction *out = (pkern_hdc_prediction *)malloc((n_queries + 1) * sizeof *out);
    for (size_t i = 0; i < n_memory; i++) {
        labels[i] = (uint32_t)(pkn_random_at(KNN_SEED + 2, i) % 7);
        if (i % 3 == 0 && i + 1 < n_memory)
            memcpy(memory + (i + 1) * words, memory + i * words, words * 8);
    }
    out[n_queries].label = 99;
    cr_assert_eq(pkern_hdc_knn(pool, queries, n_queries, memory, labels, n_memory, words, k, out),
                 PKERN_OK);
    for (size_t q = 0; q < n_queries; q++) {
        pkern_hdc_prediction expected =
            knn_oracle(queries + q * words, memory, labels, n_memory, words, k);
        cr_assert(out[q].label == expected.label && out[q].score == expected.score &&
                      out[q].margin == expected.margin,
                  "query %zu, k %zu of %zu: {%zu, %g, %g}, not {%zu, %g, %g}", q, k, n_memory,
                  out[q].label, (double)out[q].score, (double)out[q].margin, expected.label,
                  (double)expected.score, (double)expected.margin);
    }
    cr_assert_eq(out[n_queries].label, 99u);
    hdc_free(queries);
    hdc_free(memory);
    free(labels);
    free(out);
}

Test(hdc_classifier_knn, the_vote_of_a_sorted_list) {
    static const size_t words_list[] = {1, 3, 32}, n_list[] = {0, 1, 2, 83},
                        k_list[] = {0, 1, 2, 7, 100};
    for (size_t w = 0; w < 3; w++) {
        for (size_t n = 0; n < 4; n++) {
            for (size_t k = 0; k < 5; k++) knn_check(0, n * 5, n_list[n], words_list[w], k_list[k]);
        }
    }
    knn_check(0, 300, 20, 2, 5); /* more than are kept at a time */
}

Test(hdc_classifier_knn, every_pool_votes_the_same) {
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        knn_check(pool, 40, 101, 32, 9);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(hdc_classifier_knn, bad_arguments_and_no_memory) {
    uint64_t vectors[12] = {0};
    uint32_t labels[4] = {0};
    pkern_hdc_prediction out[4];
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_pool *pool = hdc_pool_new(1, &allocator);
    cr_assert_eq(pkern_hdc_knn(0, vectors, 4, vectors, labels, 4, 0, 1, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_knn(0, 0, 4, vectors, labels, 4, 3, 1, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_knn(0, vectors, 4, 0, labels, 4, 3, 1, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_knn(0, vectors, 4, vectors, 0, 4, 3, 1, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_knn(0, vectors, 4, vectors, labels, 4, 3, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_knn(0, vectors, 4, vectors, labels, 4, 3, 1,
                               (pkern_hdc_prediction *)(void *)vectors),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_knn(0, vectors, 4, vectors, labels, 4, PKN_HDC_MAX_WORDS + 1, 1, out),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_knn(0, vectors, SIZE_MAX / 8, vectors, labels, 4, 3, 1, out),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_knn(0, 0, 0, vectors, labels, 4, 3, 1, 0), PKERN_OK);
    state.left = 0;
    pkn_atomic_store_relaxed_u32(&state.used, 0);
    cr_assert_eq(pkern_hdc_knn(pool, vectors, 4, vectors, labels, 4, 3, 1, out), PKERN_ENOMEM);
    state.left = 1000000;
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}
