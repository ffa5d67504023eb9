/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#include <math.h>

Test(hdc_statistics, the_tail_of_the_normal_distribution) {
    for (double z = -9; z < 37; z += 0.0625) {
        double expected = 0.5 * erfc(z / sqrt(2.0)), found = pkern_hdc_chance(z);
        cr_assert_lt(fabs(found - expected), 2e-12 * expected, "z %f: %g, not %g", z, found,
                     expected);
    }
    cr_assert(pkern_hdc_chance(0) == 0.5 && pkern_hdc_chance(39) == 0 &&
              pkern_hdc_chance(1e9) == 0);
    cr_assert(pkern_hdc_chance(-50) == 1 && pkern_hdc_chance(INFINITY) == 0 &&
              pkern_hdc_chance(-INFINITY) == 1);
    cr_assert(isnan(pkern_hdc_chance((double)NAN)));
}

Test(hdc_statistics, distances_of_unrelated_vectors) {
    cr_assert(pkern_hdc_expected_distance(32) == 1024 && pkern_hdc_distance_deviation(1) == 4);
    cr_assert_float_eq(pkern_hdc_distance_deviation(32), 22.627416997969522, 1e-12);
    cr_assert(pkern_hdc_z_score(1024, 32) == 0 && pkern_hdc_z_score(24, 1) == 2);
    cr_assert(pkern_hdc_z_score(40, 1) == -2);
    cr_assert(isnan(pkern_hdc_expected_distance(0)) && isnan(pkern_hdc_distance_deviation(0)) &&
              isnan(pkern_hdc_z_score(1, 0)) && isnan(pkern_hdc_bundle_error(3, 3, 0)));
}

Test(hdc_statistics, a_bundle_agrees_with_its_members_by_the_binomial) {
    static const size_t n_list[] = {1, 2, 3, 4, 5, 11, 101, 512, 513, 514, 515, 1000, 100001};
    for (size_t i = 0; i < 13; i++) {
        double n = (double)n_list[i], half = (double)(n_list[i] / 2);
        double choose = lgamma(n) - lgamma(half + 1) - lgamma(n - half);
        double expected = 0.5 + exp(choose - n * log(2.0));
        cr_assert_float_eq(pkern_hdc_bundle_similarity(n_list[i]), expected, 1e-10);
    }
    cr_assert(pkern_hdc_bundle_similarity(0) == 0.5 && pkern_hdc_bundle_similarity(1) == 1 &&
              pkern_hdc_bundle_similarity(2) == 0.75 && pkern_hdc_bundle_similarity(4) == 0.6875);
    /* where the product ends and the series begins there is no step */
    double product = pkern_hdc_bundle_similarity(513) - 0.5,
           series = pkern_hdc_bundle_similarity(514) - 0.5;
    cr_assert_float_eq(series / product, 513.0 / 514, 1e-12);
}

Test(hdc_statistics, bundles_have_the_similarity_and_the_errors_that_are_expected) {
    enum { WORDS = 8, TRIALS = 300, OTHERS = 20, N = 21 };
    size_t offsets[2] = {0, N};
    double sum = 0, errors = 0, bound = pkern_hdc_bundle_error(N, OTHERS, WORDS);
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        uint64_t rows[(N + OTHERS) * WORDS], out[WORDS];
        uint32_t member, best = UINT32_MAX;
        pkern_hdc_random(trial, rows, (N + OTHERS) * WORDS);
        cr_assert_eq(pkern_hdc_bundle(0, rows, offsets, 1, WORDS, out), PKERN_OK);
        member = hdc_oracle_distance(rows, out, WORDS);
        for (size_t i = N; i < N + OTHERS; i++) {
            uint32_t distance = hdc_oracle_distance(rows + i * WORDS, out, WORDS);
            best = distance < best ? distance : best;
        }
        sum += 1 - member / (WORDS * 64.0);
        errors += best < member;
    }
    /* five standard deviations */
    cr_assert_float_eq(sum / TRIALS, pkern_hdc_bundle_similarity(N),
                       5 * 0.5 / sqrt(WORDS * 64.0 * TRIALS));
    cr_assert_lt(errors / TRIALS, bound + 5 * sqrt(bound / TRIALS));
    cr_assert_gt(errors / TRIALS, bound / 4, "errors %f, bound %f", errors / TRIALS, bound);
}

Test(hdc_statistics, the_capacity_is_the_last_size_with_few_errors) {
    static const size_t words_list[] = {1, 8, 32, 157}, others[] = {1, 100, 1000000};
    static const double rates[] = {0, 1e-6, 0.01, 0.5};
    for (size_t w = 0; w < 4; w++) {
        for (size_t o = 0; o < 3; o++) {
            for (size_t r = 0; r < 4; r++) {
                size_t n = pkern_hdc_bundle_capacity(others[o], rates[r], words_list[w]);
                if (n > 0 && n < SIZE_MAX / 4)
                    cr_assert_leq(pkern_hdc_bundle_error(n, others[o], words_list[w]), rates[r]);
                if (n < SIZE_MAX / 4)
                    cr_assert_gt(pkern_hdc_bundle_error(n + 1, others[o], words_list[w]), rates[r]);
            }
        }
    }
    cr_assert_eq(pkern_hdc_bundle_capacity(10, (double)NAN, 32), 0u);
    cr_assert_eq(pkern_hdc_bundle_capacity(10, 0.1, 0), 0u);
    cr_assert_eq(pkern_hdc_bundle_capacity(10, 1, 32), SIZE_MAX);
    cr_assert_eq(pkern_hdc_bundle_capacity(0, 0, 32), SIZE_MAX);
    cr_assert_eq(pkern_hdc_bundle_capacity(1, 0.6, 32),
                 SIZE_MAX); /* a toss is right half the time */
    cr_assert_eq(pkern_hdc_bundle_capacity(0, 0.1, 32), SIZE_MAX);
    printf("capacity of 2048 bits among 1000 at 1%%: %zu\n",
           pkern_hdc_bundle_capacity(1000, 0.01, 32));
}
