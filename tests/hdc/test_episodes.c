/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#include <math.h>

enum { EPISODES_SEED = 600 };

static pkern_hdc_episodes *episodes_new(size_t words, size_t capacity, double half_life,
                                        const pkern_allocator *allocator) {
    pkern_hdc_episodes_config config;
    pkern_hdc_episodes *episodes = 0;
    memset(&config, 0, sizeof config);
    config.words = words;
    config.capacity = capacity;
    config.half_life = half_life;
    config.allocator = allocator;
    cr_assert_eq(pkern_hdc_episodes_create(&config, &episodes), PKERN_OK);
    return episodes;
}

static size_t episodes_recall(pkern_pool *pool, const pkern_hdc_episodes *episodes,
                              const uint64_t *query, double from, double to, double now, size_t k,
                              pkern_hdc_episode *out) {
    size_t n = 99;
    cr_assert_eq(pkern_hdc_episodes_recall(pool, episodes, query, from, to, now, k, out, &n),
                 PKERN_OK);
    return n;
}

/* Where long double has more bits than double, its exp2 is as good as exact. */
Test(hdc_episodes, powers_of_two_are_within_2_units_in_the_last_place) {
    double worst = 0;
    for (uint64_t i = 0; i < 200000; i++) {
        double x = ((double)(pkn_random_at(EPISODES_SEED, i) >> 11) / 9007199254740992.0 - 0.5) *
                   (i % 2 ? 2000 : 2);
        double power = pkn_exp2(x), unit;
        long double exact = exp2l((long double)x);
        unit = nextafter((double)exact, INFINITY) - (double)exact;
        worst = fmax(worst, (double)(fabsl((long double)power - exact) / (long double)unit));
    }
    printf("    powers of two: at most %.2f units in the last place wrong\n", worst);
    cr_assert_leq(worst, 2);
    cr_assert_eq(pkn_exp2(0), 1);
    cr_assert_eq(pkn_exp2(-3), 0.125);
    cr_assert_eq(pkn_exp2(-5000), 0);
    cr_assert_eq(pkn_exp2((double)NAN), 0);
    cr_assert_eq(pkn_exp2(5000), pkn_exp2(1000));
}

/* The k best by the definition. Strengths of equal exponents differ enough not to be rounded over. */
static void episodes_check_recall(pkern_pool *pool, size_t words, size_t n, size_t k,
                                  double half_life, int by_content, double from, double to) {
    uint64_t *vectors = hdc_new((n + 1) * words, 0, EPISODES_SEED);
    double *score = (double *)malloc((n + 1) * sizeof(double));
    pkern_hdc_episode *out = (pkern_hdc_episode *)malloc((k + 1) * sizeof *out);
    pkern_hdc_episodes *episodes = episodes_new(words, 0, half_life, 0);
    double now = 90;
    size_t n_found;
    cr_assert(score && out);
    for (size_t i = 0; i < n; i++) {
        double time = (double)(i * 37 % 101), strength = (double)(i * 53 % 97) / 8;
        uint64_t id = 0;
        cr_assert_eq(pkern_hdc_episodes_store(episodes, vectors + i * words, time, strength, &id),
                     PKERN_OK);
        cr_assert_eq(id, i);
        score[i] = strength * (half_life > 0 ? exp2((time - now) / half_life) : 1);
        if (by_content)
            score[i] *=
                1 - 2.0 * hdc_oracle_distance(vectors + n * words, vectors + i * words, words) /
                        ((double)words * 64);
        if (!(time >= from && time <= to)) score[i] = NAN;
    }
    cr_assert_eq(pkern_hdc_episodes_count(episodes), n);
    n_found = episodes_recall(pool, episodes, by_content ? vectors + n * words : 0, from, to, now,
                              k, out);
    for (size_t i = 0; i < n_found; i++) {
        size_t id = (size_t)out[i].id, better = 0;
        cr_assert(!isnan(score[id]));
        cr_assert_float_eq(out[i].score, score[id], 1e-12 * fabs(score[id]) + 1e-300);
        cr_assert_arr_eq(pkern_hdc_episodes_vector(episodes, out[i].place), vectors + id * words,
                         words * 8);
        for (size_t j = 0; j < n; j++)
            better += (size_t)(score[j] > score[id] + 1e-12 * fabs(score[id]));
        cr_assert_leq(better, i);
        if (i > 0)
            cr_assert(out[i - 1].score > out[i].score ||
                      (out[i - 1].score >= out[i].score && out[i - 1].id < out[i].id));
    }
    {
        size_t n_in = 0;
        for (size_t i = 0; i < n; i++) n_in += (size_t)!isnan(score[i]);
        cr_assert_eq(n_found, n_in < k ? n_in : k);
    }
    cr_assert_null(pkern_hdc_episodes_vector(episodes, n));
    pkern_hdc_episodes_destroy(episodes);
    hdc_free(vectors);
    free(score);
    free(out);
}

Test(hdc_episodes, recall_by_content_time_and_both_matches_the_definition) {
    static const size_t words_list[] = {1, 3, 32, 157};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < 4; w++) {
            size_t words = words_list[w];
            episodes_check_recall(0, words, 0, 3, 0, 1, -INFINITY, INFINITY);
            episodes_check_recall(0, words, 1, 3, 0, 1, -INFINITY, INFINITY);
            episodes_check_recall(0, words, 211, 0, 0, 1, -INFINITY, INFINITY);
            episodes_check_recall(0, words, 211, 7, 0, 1, -INFINITY, INFINITY);
            episodes_check_recall(0, words, 211, 7, 13, 1, -INFINITY, INFINITY);
            episodes_check_recall(0, words, 211, 500, 13, 1, 20, 60);
            episodes_check_recall(0, words, 211, 20, 13, 0, 20, 60);
            episodes_check_recall(0, words, 211, 20, 13, 0, 60, 20);
        }
        episodes_check_recall(0, 2, 2003, 31, 5, 1, 3, INFINITY);
    }
}

Test(hdc_episodes, strengths_halve_and_recalled_ones_last) {
    uint64_t x[2] = {1, 2};
    pkern_hdc_episode out[2];
    pkern_hdc_episodes *episodes = episodes_new(1, 0, 10, 0);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, x, 0, 1, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, x + 1, 5, 0.5, 0), PKERN_OK);
    cr_assert_eq(episodes_recall(0, episodes, 0, 0, 0, 20, 2, out), 1);
    cr_assert_float_eq(out[0].strength, 0.25, 1e-15);
    cr_assert_eq(pkern_hdc_episodes_strengthen(episodes, out, 1, 0.75, 20), PKERN_OK);
    cr_assert_eq(episodes_recall(0, episodes, 0, 0, 0, 20, 2, out), 1);
    cr_assert_float_eq(out[0].strength, 1, 1e-15);
    /* a stale place and an id that is gone */
    out[0].place = 77;
    out[1] = out[0];
    out[1].id = 5;
    cr_assert_eq(pkern_hdc_episodes_strengthen(episodes, out, 2, 1, 20), PKERN_OK);
    cr_assert_eq(episodes_recall(0, episodes, 0, 0, 9, 20, 2, out), 2);
    cr_assert_float_eq(out[0].strength, 2, 1e-15);
    cr_assert_float_eq(out[1].strength, 0.5 * exp2(-1.5), 1e-15);
    pkern_hdc_episodes_destroy(episodes);
}

Test(hdc_episodes, a_thousand_half_lives_do_not_overflow) {
    uint64_t x = 3;
    pkern_hdc_episode out[3];
    pkern_hdc_episodes *episodes = episodes_new(1, 3, 1, 0);
    for (int i = 0; i < 5000; i++)
        cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, i, 1, 0), PKERN_OK);
    cr_assert_eq(episodes_recall(0, episodes, &x, -INFINITY, INFINITY, 4999, 3, out), 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(out[i].id, (uint64_t)(4999 - i));
        cr_assert_float_eq(out[i].score, exp2(-i), 1e-14);
    }
    pkern_hdc_episodes_destroy(episodes);
}

Test(hdc_episodes, a_full_memory_loses_its_weakest) {
    uint64_t x[6];
    pkern_hdc_episode out[6];
    pkern_hdc_episodes *episodes = episodes_new(1, 4, 0, 0);
    static const double strengths[] = {2, 1, 1, 3, 1, 0.5};
    for (size_t i = 0; i < 6; i++) {
        x[i] = i;
        cr_assert_eq(pkern_hdc_episodes_store(episodes, x + i, 0, strengths[i], 0), PKERN_OK);
    }
    /* 4 takes the place of 1, the oldest of the weakest; 5 is weaker than all */
    cr_assert_eq(episodes_recall(0, episodes, 0, 0, 0, 0, 6, out), 4);
    cr_assert_eq(out[0].id, 3);
    cr_assert_eq(out[1].id, 0);
    cr_assert_eq(out[2].id, 2);
    cr_assert_eq(out[3].id, 4);
    pkern_hdc_episodes_destroy(episodes);
}

Test(hdc_episodes, a_vector_of_the_memory_s_own_can_be_stored) {
    enum { WORDS = 3, N = 300 };
    uint64_t *vectors = hdc_new(N * WORDS, 0, EPISODES_SEED + 4);
    for (size_t capacity = 0; capacity <= 70; capacity += 70) {
        pkern_hdc_episodes *episodes = episodes_new(WORDS, capacity, 0, 0);
        size_t n = capacity ? capacity : N;
        for (size_t i = 0; i < n; i++) {
            const uint64_t *own = pkern_hdc_episodes_vector(episodes, i / 2);
            uint64_t expected[WORDS];
            memcpy(expected, i % 2 ? own : vectors + i * WORDS, sizeof expected);
            cr_assert_eq(pkern_hdc_episodes_store(episodes, i % 2 ? own : vectors + i * WORDS, 0,
                                                  (double)(1 + i), 0),
                         PKERN_OK);
            cr_assert_arr_eq(pkern_hdc_episodes_vector(episodes, i), expected, sizeof expected);
        }
        /* grows, or takes the place of the weakest, itself and then another */
        for (size_t i = 0; i < 2; i++) {
            const uint64_t *own = pkern_hdc_episodes_vector(episodes, i * 5);
            uint64_t expected[WORDS];
            memcpy(expected, own, sizeof expected);
            cr_assert_eq(pkern_hdc_episodes_store(episodes, own, 0, 1000, 0), PKERN_OK);
            cr_assert_arr_eq(pkern_hdc_episodes_vector(episodes, capacity ? i : n + i), expected,
                             sizeof expected);
        }
        pkern_hdc_episodes_destroy(episodes);
    }
    {
        /* at each size at which the memory grows */
        pkern_hdc_episodes *episodes = episodes_new(WORDS, 0, 0, 0);
        cr_assert_eq(pkern_hdc_episodes_store(episodes, vectors, 0, 1, 0), PKERN_OK);
        for (size_t i = 1; i < N; i++) {
            cr_assert_eq(pkern_hdc_episodes_store(
                             episodes, pkern_hdc_episodes_vector(episodes, i - 1), 0, 1, 0),
                         PKERN_OK);
            cr_assert_arr_eq(pkern_hdc_episodes_vector(episodes, i), vectors, WORDS * 8);
        }
        pkern_hdc_episodes_destroy(episodes);
    }
    hdc_free(vectors);
}

/* What the head of episodes.h says of times far apart. */
Test(hdc_episodes, strengths_more_than_a_thousand_half_lives_away_are_0) {
    uint64_t x = 1;
    pkern_hdc_episode out[2];
    pkern_hdc_episodes *episodes = episodes_new(1, 0, 1, 0);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 2000, 1, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 0, 1, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 1300, 1, 0), PKERN_OK);
    cr_assert_eq(episodes_recall(0, episodes, 0, 0, 0, 0, 1, out), 1);
    cr_assert_eq(out[0].strength, 0);
    cr_assert_eq(episodes_recall(0, episodes, 0, 1300, 1300, 1300, 1, out), 1);
    cr_assert_float_eq(out[0].strength, 1, 1e-12);
    cr_assert_eq(episodes_recall(0, episodes, 0, 2000, 2000, 3001, 1, out), 1);
    cr_assert_eq(out[0].strength, 0);
    pkern_hdc_episodes_destroy(episodes);
}

/* The docstring's bound on the relative error: 2^-52 for each half-life on the way from when it was
   stored by the common time to now, and 2^-50. */
Test(hdc_episodes, strengths_are_as_exact_as_told) {
    double worst = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t x = 1;
        pkern_hdc_episode out[1];
        pkern_hdc_episodes *episodes = episodes_new(1, 0, 3, 0);
        double first = (double)(pkn_random_at(EPISODES_SEED + 5, i) >> 11) / 9007199254740992.0,
               at = 766 * (double)(pkn_random_at(EPISODES_SEED + 6, i) >> 11) / 9007199254740992.0,
               now =
                   2800 * (double)(pkn_random_at(EPISODES_SEED + 7, i) >> 11) / 9007199254740992.0;
        double age, error;
        long double exact = exp2l(((long double)at - (long double)now) / 3);
        cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, first, 0, 0), PKERN_OK);
        cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, at, 1, 0), PKERN_OK);
        cr_assert_eq(episodes_recall(0, episodes, 0, -INFINITY, INFINITY, now, 1, out), 1);
        age = (fabs(at - first) + fabs(now - first)) / 3;
        error = fabs((double)(((long double)out[0].strength - exact) / exact)) * 4503599627370496.0;
        worst = fmax(worst, error / (age + 4));
        pkern_hdc_episodes_destroy(episodes);
    }
    printf("    strengths: at most %.2f of the promised error\n", worst);
    cr_assert_leq(worst, 1);
}

/* What a recall gives and what is compared are the same number. */
Test(hdc_episodes, exactly_the_threshold_is_not_forgotten) {
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t x = 1;
        pkern_hdc_episode out[1];
        pkern_hdc_consolidation result;
        pkern_hdc_episodes *episodes = episodes_new(1, 0, 1, 0);
        double strength =
            1 + (double)(pkn_random_at(EPISODES_SEED + 8, i) >> 11) / 9007199254740992.0;
        double now = 3 * (double)(pkn_random_at(EPISODES_SEED + 9, i) >> 11) / 9007199254740992.0;
        cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 0, strength, 0), PKERN_OK);
        cr_assert_eq(episodes_recall(0, episodes, 0, 0, 0, now, 1, out), 1);
        cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, 2, out[0].strength, now, &result),
                     PKERN_OK);
        cr_assert_eq(result.forgotten, 0, "strength %a at %a", strength, now);
        cr_assert_eq(pkern_hdc_episodes_consolidate(
                         0, episodes, 2, nextafter(out[0].strength, INFINITY), now, &result),
                     PKERN_OK);
        cr_assert_eq(result.forgotten, 1);
        pkern_hdc_episodes_destroy(episodes);
    }
}

Test(hdc_episodes, consolidation_merges_alike_and_forgets_weak) {
    enum { WORDS = 32, TOPICS = 5, EACH = 7 };
    uint64_t *topics = hdc_new(TOPICS * WORDS, 0, EPISODES_SEED + 1);
    pkern_hdc_episode out[60];
    pkern_hdc_consolidation result;
    pkern_hdc_episodes *episodes = episodes_new(WORDS, 0, 0, 0);
    size_t n;
    for (size_t i = 0; i < TOPICS * EACH; i++) {
        uint64_t vector[WORDS];
        memcpy(vector, topics + i % TOPICS * WORDS, sizeof vector);
        for (size_t j = 0; j < 150; j++) {
            size_t bit = (size_t)(pkn_random_at(i, j) % (WORDS * 64));
            vector[bit / 64] ^= (uint64_t)1 << (bit % 64);
        }
        cr_assert_eq(pkern_hdc_episodes_store(episodes, vector, (double)i, 1, 0), PKERN_OK);
    }
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t vector[WORDS];
        pkern_hdc_random(i, vector, WORDS);
        cr_assert_eq(pkern_hdc_episodes_store(episodes, vector, 50, 0.125, 0), PKERN_OK);
    }
    cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, 0.8, 0.25, 50, &result), PKERN_OK);
    cr_assert_eq(result.forgotten, 3);
    cr_assert_eq(result.merged, TOPICS * (EACH - 1));
    n = episodes_recall(0, episodes, 0, -INFINITY, INFINITY, 50, 60, out);
    cr_assert_eq(n, TOPICS);
    for (size_t i = 0; i < TOPICS; i++) {
        cr_assert_eq(out[i].id, i);
        cr_assert_eq(out[i].count, EACH);
        cr_assert_eq(out[i].strength, EACH);
        cr_assert_eq(out[i].first_time, i);
        cr_assert_eq(out[i].last_time, i + TOPICS * (EACH - 1));
        /* the majority is nearer to the topic than any of its members, which are 140 bits away */
        cr_assert_lt(hdc_oracle_distance(pkern_hdc_episodes_vector(episodes, out[i].place),
                                         topics + i * WORDS, WORDS),
                     20);
    }
    /* nothing more to do; then all is forgotten */
    cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, 0.8, 0, 50, &result), PKERN_OK);
    cr_assert_eq(result.merged + result.forgotten, 0);
    cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, 0.8, INFINITY, 50, &result), PKERN_OK);
    cr_assert_eq(result.forgotten, TOPICS);
    cr_assert_eq(pkern_hdc_episodes_count(episodes), 0);
    cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, 0.8, 0, 50, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, topics, 1, 1, 0), PKERN_OK);
    pkern_hdc_episodes_destroy(episodes);
    hdc_free(topics);
}

/* The definition, without a shortcut: who is left, of how many, with which vector. */
static void episodes_check_consolidation(size_t words, size_t n, double merge_above) {
    uint64_t *vectors = hdc_new(n * words, 0, EPISODES_SEED + 2);
    pkern_hdc_episodes *episodes = episodes_new(words, 0, 0, 0);
    pkern_hdc_episode *out = (pkern_hdc_episode *)malloc(n * sizeof *out + 1);
    int *taken = (int *)calloc(n + 1, sizeof(int));
    double *strength = (double *)malloc(n * sizeof(double) + 1);
    size_t n_left = 0;
    cr_assert(out && taken && strength);
    for (size_t i = 0; i < n; i++) {
        strength[i] = (double)(1 + i * 31 % 17);
        cr_assert_eq(pkern_hdc_episodes_store(episodes, vectors + i * words, 0, strength[i], 0),
                     PKERN_OK);
    }
    cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, merge_above, 0, 0, 0), PKERN_OK);
    cr_assert_eq(episodes_recall(0, episodes, 0, 0, 0, 0, n, out),
                 pkern_hdc_episodes_count(episodes));
    for (;;) {
        size_t leader = SIZE_MAX, count = 0, found = 0;
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            if (!taken[i] && (leader == SIZE_MAX || strength[i] > strength[leader])) leader = i;
        if (leader == SIZE_MAX) break;
        while (found < pkern_hdc_episodes_count(episodes) && out[found].id != leader) found++;
        cr_assert_lt(found, pkern_hdc_episodes_count(episodes));
        for (size_t bit = 0; bit < words * 64; bit++) {
            long votes = 0;
            for (size_t i = 0; i < n; i++) {
                double similarity =
                    ((double)words * 64 -
                     hdc_oracle_distance(vectors + leader * words, vectors + i * words, words)) /
                    ((double)words * 64);
                int one = (int)(vectors[i * words + bit / 64] >> (bit % 64) & 1);
                if (taken[i] || (i != leader && !(similarity >= merge_above))) continue;
                votes += (one ? 2 : -2) + (i == leader ? (one ? 1 : -1) : 0);
                if (bit == 0) count++, sum += strength[i];
            }
            cr_assert_eq(
                pkern_hdc_episodes_vector(episodes, out[found].place)[bit / 64] >> (bit % 64) & 1,
                votes > 0);
        }
        for (size_t i = 0; i < n; i++) {
            double similarity =
                ((double)words * 64 -
                 hdc_oracle_distance(vectors + leader * words, vectors + i * words, words)) /
                ((double)words * 64);
            if (i == leader || similarity >= merge_above) taken[i] = 1;
        }
        cr_assert_eq(out[found].count, count);
        cr_assert_float_eq(out[found].strength, sum, 1e-9);
        n_left++;
    }
    cr_assert_eq(pkern_hdc_episodes_count(episodes), n_left);
    pkern_hdc_episodes_destroy(episodes);
    hdc_free(vectors);
    free(out);
    free(taken);
    free(strength);
}

Test(hdc_episodes, consolidation_matches_the_definition) {
    episodes_check_consolidation(1, 1, 0.5);
    episodes_check_consolidation(1, 131, 0.625);
    episodes_check_consolidation(1, 131, 0);
    episodes_check_consolidation(1, 31, 1.5);
    episodes_check_consolidation(3, 67, 0.55);
    episodes_check_consolidation(9, 67, 0.5);
}

Test(hdc_episodes, every_pool_gives_the_same) {
    enum { N = 3001, WORDS = 4, K = 50 };
    uint64_t *vectors = hdc_new(N * WORDS, 0, EPISODES_SEED + 3);
    pkern_hdc_episode out[2][K], after[2][K];
    memset(out, 0, sizeof out);
    memset(after, 0, sizeof after);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        pkern_hdc_episodes *episodes = episodes_new(WORDS, 2900, 100, 0);
        int at = p > 0;
        for (size_t i = 0; i < N; i++)
            cr_assert_eq(pkern_hdc_episodes_store(episodes, vectors + i * WORDS, (double)i,
                                                  1 + (double)(i % 7), 0),
                         PKERN_OK);
        cr_assert_eq(episodes_recall(pool, episodes, vectors, 0, N, N, K, out[at]), K);
        cr_assert_eq(pkern_hdc_episodes_strengthen(episodes, out[at], K, 1, N), PKERN_OK);
        cr_assert_eq(pkern_hdc_episodes_consolidate(pool, episodes, 0.6, 1e-6, N, 0), PKERN_OK);
        cr_assert_eq(episodes_recall(pool, episodes, vectors, 0, N, N, K, after[at]), K);
        if (at) {
            cr_assert_arr_eq(out[1], out[0], sizeof out[0]);
            cr_assert_arr_eq(after[1], after[0], sizeof after[0]);
        }
        pkern_hdc_episodes_destroy(episodes);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(vectors);
}

Test(hdc_episodes, bad_arguments) {
    pkern_hdc_episodes_config config;
    pkern_hdc_episodes *episodes = 0;
    pkern_hdc_episode out[2];
    uint64_t x = 0;
    size_t n = 0;
    memset(&config, 0, sizeof config);
    cr_assert_eq(pkern_hdc_episodes_create(&config, &episodes), PKERN_EINVAL);
    config.words = ((size_t)1 << 26) + 1;
    cr_assert_eq(pkern_hdc_episodes_create(&config, &episodes), PKERN_EOVERFLOW);
    config.words = 1;
    config.allocator = &hdc_half_allocator;
    cr_assert_eq(pkern_hdc_episodes_create(&config, &episodes), PKERN_EINVAL);
    config.allocator = 0;
    config.half_life = (double)NAN;
    cr_assert_eq(pkern_hdc_episodes_create(&config, &episodes), PKERN_EINVAL);
    config.half_life = -1;
    cr_assert_eq(pkern_hdc_episodes_create(&config, &episodes), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_create(0, &episodes), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_create(&config, 0), PKERN_EINVAL);
    cr_assert_null(episodes);
    cr_assert_eq(pkern_hdc_episodes_count(0), 0);
    cr_assert_null(pkern_hdc_episodes_vector(0, 0));
    pkern_hdc_episodes_destroy(0);
    episodes = episodes_new(1, 0, 1, 0);
    cr_assert_eq(pkern_hdc_episodes_store(0, &x, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, 0, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, (double)NAN, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, INFINITY, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 0, -1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 0, (double)NAN, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 0, 1e200, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 0, 1, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_episodes_recall(0, 0, &x, 0, 0, 0, 1, out, &n), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_recall(0, episodes, &x, 0, 0, 0, 1, 0, &n), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_recall(0, episodes, &x, 0, 0, 0, 1, out, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_recall(0, episodes, &x, (double)NAN, 0, 0, 1, out, &n),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_recall(0, episodes, &x, 0, (double)NAN, 0, 1, out, &n),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_recall(0, episodes, &x, 0, 0, INFINITY, 1, out, &n),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_recall(0, episodes, &x, 0, 0, 0, SIZE_MAX / 8, out, &n),
                 PKERN_EOVERFLOW);
    cr_assert_eq(
        pkern_hdc_episodes_recall(0, episodes, (uint64_t *)(void *)(out + 1), 0, 0, 0, 2, out, &n),
        PKERN_EINVAL);
    cr_assert_eq(
        pkern_hdc_episodes_recall(0, episodes, (uint64_t *)(void *)&n, 0, 0, 0, 1, out, &n),
        PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_strengthen(0, out, 1, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_strengthen(episodes, 0, 1, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_strengthen(episodes, out, 1, -1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_strengthen(episodes, out, 1, 1, (double)NAN), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_strengthen(episodes, 0, 0, 1, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_episodes_consolidate(0, 0, 1, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, (double)NAN, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, 1, (double)NAN, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_episodes_consolidate(0, episodes, 1, 0, INFINITY, 0), PKERN_EINVAL);
    pkern_hdc_episodes_destroy(episodes);
}

Test(hdc_episodes, no_memory_changes_nothing) {
    hdc_allocator_state state = {0, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_hdc_episodes_config config;
    pkern_hdc_episodes *episodes = 0;
    pkern_hdc_episode out[1];
    uint64_t x = 5;
    size_t n;
    pkern_pool *pool;
    memset(&config, 0, sizeof config);
    config.words = 1;
    config.allocator = &allocator;
    cr_assert_eq(pkern_hdc_episodes_create(&config, &episodes), PKERN_ENOMEM);
    state.left = 1000000;
    pool = hdc_pool_new(2, &allocator);
    cr_assert_eq(pkern_hdc_episodes_create(&config, &episodes), PKERN_OK);
    for (int more = 0; more < 2; more++) {
        state.left = (int)pkn_atomic_load_relaxed_u32(&state.used) + more;
        cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 0, 1, 0), PKERN_ENOMEM);
        cr_assert_eq(pkern_hdc_episodes_count(episodes), 0);
    }
    state.left = 1000000;
    cr_assert_eq(pkern_hdc_episodes_store(episodes, &x, 0, 1, 0), PKERN_OK);
    for (int more = 0; more < 3; more++) {
        state.left = (int)pkn_atomic_load_relaxed_u32(&state.used) + more;
        cr_assert_eq(pkern_hdc_episodes_consolidate(pool, episodes, 0.5, 0, 0, 0), PKERN_ENOMEM);
        cr_assert_eq(pkern_hdc_episodes_count(episodes), 1);
    }
    state.left = 0;
    cr_assert_eq(pkern_hdc_episodes_recall(pool, episodes, &x, 0, 0, 0, 1, out, &n), PKERN_ENOMEM);
    state.left = 1000000;
    cr_assert_eq(episodes_recall(pool, episodes, &x, 0, 0, 0, 1, out), 1);
    pkern_hdc_episodes_destroy(episodes);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0);
}
