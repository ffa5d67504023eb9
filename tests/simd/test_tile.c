/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Tile kernels of every set against one pair, one value at a time. */
#include "test.h"
#include "fence.h"

enum { TILE_SEED = 40, TILE_MAX_QUERIES = 9, TILE_MAX_TARGETS = 37 };

static uint32_t tile_oracle_distance(const uint64_t *a, const uint64_t *b, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        for (uint64_t bits = a[i] ^ b[i]; bits != 0; bits &= bits - 1) count++;
    }
    return (uint32_t)count;
}

/* pattern 1: all bits differ, the largest counts there are */
static void tile_fill(uint64_t *rows, size_t n, uint64_t seed, int pattern, uint64_t constant) {
    for (size_t i = 0; i < n; i++) rows[i] = pattern == 1 ? constant : pkn_random_at(seed, i);
}

static void tile_check(const pkn_simd_set *set, const uint64_t *queries, size_t n_queries,
                       const uint64_t *targets, size_t n_targets, size_t words) {
    static uint32_t out[TILE_MAX_QUERIES * (TILE_MAX_TARGETS + 3)];
    size_t stride = n_targets + 3;
    memset(out, 0xee, sizeof out);
    set->kernels.hamming_tile_u64(queries, n_queries, targets, n_targets, words, out, stride);
    for (size_t q = 0; q < TILE_MAX_QUERIES; q++) {
        for (size_t t = 0; t < stride; t++) {
            uint32_t expected =
                q < n_queries && t < n_targets
                    ? tile_oracle_distance(queries + q * words, targets + t * words, words)
                    : 0xeeeeeeeeu;
            cr_assert(out[q * stride + t] == expected,
                      "%s: query %zu of %zu, target %zu of %zu, words %zu: %u, not %u", set->name,
                      q, n_queries, t, n_targets, words, out[q * stride + t], expected);
        }
    }
}

Test(simd_tile, distances_of_every_set_match_pair_by_pair) {
    static const size_t words_list[] = {1,  2,  3,  7,  8,  9,   15,  16,  31,  32,  33,
                                        61, 62, 63, 64, 65, 123, 124, 125, 128, 160, 257};
    static uint64_t queries[TILE_MAX_QUERIES * 257], targets[TILE_MAX_TARGETS * 257];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
            for (int pattern = 0; pattern < 2; pattern++) {
                tile_fill(queries, sizeof queries / 8, TILE_SEED, pattern, 0);
                tile_fill(targets, sizeof targets / 8, TILE_SEED + 1, pattern, ~(uint64_t)0);
                for (size_t n_queries = 0; n_queries <= TILE_MAX_QUERIES; n_queries++) {
                    static const size_t n_targets[] = {0,  1,  2,  3,  4,  5,  7,
                                                       15, 16, 17, 31, 32, 33, 37};
                    for (size_t t = 0; t < sizeof n_targets / sizeof n_targets[0]; t++) {
                        tile_check(set, queries, n_queries, targets, n_targets[t], words_list[w]);
                    }
                }
            }
        }
    }
}

Test(simd_tile, first_words_of_longer_rows) {
    enum { STRIDE = 160 };
    static const size_t words_list[] = {1, 7, 8, 31, 63, 125, 160};
    static uint64_t queries[TILE_MAX_QUERIES * STRIDE], targets[TILE_MAX_TARGETS * STRIDE];
    tile_fill(queries, sizeof queries / 8, TILE_SEED, 0, 0);
    tile_fill(targets, sizeof targets / 8, TILE_SEED + 1, 0, 0);
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
            for (size_t n_queries = 0; n_queries <= TILE_MAX_QUERIES; n_queries++) {
                static uint32_t out[TILE_MAX_QUERIES * TILE_MAX_TARGETS];
                size_t n_targets = TILE_MAX_TARGETS - n_queries % 4;
                set->kernels.hamming_part_u64(queries, n_queries, targets, n_targets, STRIDE,
                                              words_list[w], out, n_targets);
                for (size_t i = 0; i < n_queries * n_targets; i++) {
                    cr_assert_eq(out[i], tile_oracle_distance(queries + i / n_targets * STRIDE,
                                                              targets + i % n_targets * STRIDE,
                                                              words_list[w]));
                }
            }
        }
    }
}

Test(simd_tile, long_rows_add_up_over_their_parts) {
    static const size_t words_list[] = {1015, 1016, 1017, 1024, 2031, 2032, 2033, 2040};
    static uint64_t queries[5 * 2040], targets[18 * 2040];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
            for (int pattern = 0; pattern < 2; pattern++) {
                tile_fill(queries, sizeof queries / 8, TILE_SEED, pattern, 0);
                tile_fill(targets, sizeof targets / 8, TILE_SEED + 1, pattern, ~(uint64_t)0);
                tile_check(set, queries, 5, targets, 18, words_list[w]);
            }
        }
    }
}

Test(simd_tile, distance_of_2_to_the_32_bits_is_given_as_the_largest_count) {
    /* 2^26 words are too many for this test; the sum that gets there is one function. */
    cr_assert_eq(pkn_add_counts(UINT32_MAX - 64 * 8, 64 * 8), UINT32_MAX);
    cr_assert_eq(pkn_add_counts(UINT32_MAX - 64 * 8 + 1, 64 * 8), UINT32_MAX);
    cr_assert_eq(pkn_add_counts(5, 6), 11u);
}

/* Each lane keeps the first of the nearest of every fourth target. */
static void tile_check_nearest(const pkn_simd_set *set, const uint64_t *queries, size_t n_queries,
                               const uint64_t *targets, size_t n_targets, size_t words,
                               uint32_t start) {
    uint32_t distances[17], indices[17];
    for (size_t i = 0; i < 17; i++) {
        distances[i] = start;
        indices[i] = 77;
    }
    set->kernels.nearest_tile_u64(queries, n_queries, targets, n_targets, words, 1000, distances,
                                  indices);
    for (size_t lane = 0; lane < 17; lane++) {
        uint32_t distance = start, index = 77;
        for (size_t t = lane % 4; lane < n_queries * 4 && t < n_targets; t += 4) {
            uint32_t d =
                tile_oracle_distance(queries + lane / 4 * words, targets + t * words, words);
            if (d < distance) {
                distance = d;
                index = (uint32_t)(1000 + t);
            }
        }
        cr_assert(distances[lane] == distance && indices[lane] == index,
                  "%s: lane %zu of %zu, targets %zu, words %zu", set->name, lane, n_queries,
                  n_targets, words);
    }
}

Test(simd_tile, nearest_candidates_of_every_set_match_pair_by_pair) {
    static const size_t words_list[] = {1, 3, 8, 32, 33, 63, 125, 1017},
                        n_list[] = {0, 1, 2, 3, 4, 5, 8, 18, 64, 67, 130};
    uint64_t *queries = (uint64_t *)malloc(4 * 1017 * 8),
             *targets = (uint64_t *)malloc(130 * 1017 * 8);
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
            size_t words = words_list[w];
            tile_fill(queries, 4 * words, TILE_SEED, 0, 0);
            tile_fill(targets, 130 * words, TILE_SEED + 1, 0, 0);
            for (size_t i = 0; i + 8 < 130; i += 5)
                memcpy(targets + (i + 8) * words, targets + i * words, words * 8);
            for (size_t n_queries = 0; n_queries <= 4; n_queries++) {
                for (size_t n = 0; n < sizeof n_list / sizeof n_list[0]; n++) {
                    tile_check_nearest(set, queries, n_queries, targets, n_list[n], words,
                                       UINT32_MAX);
                    tile_check_nearest(set, queries, n_queries, targets, n_list[n], words,
                                       (uint32_t)words * 31);
                }
            }
        }
    }
    free(queries);
    free(targets);
}

Test(simd_tile, reads_and_writes_stay_inside_their_arrays) {
    static const size_t words_list[] = {1, 2, 3, 5, 7, 8, 9, 31, 32, 33};
    unsigned char *fence_q = fence_new(), *fence_t = fence_new(), *fence_out = fence_new();
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
            size_t words = words_list[w];
            for (size_t n_queries = 1; n_queries <= 6; n_queries++) {
                for (int place = 0; place < FENCE_PLACES; place++) {
                    size_t n_targets = 5 + 3 * n_queries;
                    uint64_t *queries =
                        (uint64_t *)fence_place(fence_q, n_queries * words, 8, place);
                    uint64_t *targets =
                        (uint64_t *)fence_place(fence_t, n_targets * words, 8, place);
                    uint32_t *out =
                        (uint32_t *)fence_place(fence_out, n_queries * n_targets, 4, place);
                    tile_fill(queries, n_queries * words, TILE_SEED, 0, 0);
                    tile_fill(targets, n_targets * words, TILE_SEED + 1, 0, 0);
                    set->kernels.hamming_tile_u64(queries, n_queries, targets, n_targets, words,
                                                  out, n_targets);
                    cr_assert(fence_is_untouched(fence_out, out, n_queries * n_targets * 4), "%s",
                              set->name);
                    for (size_t i = 0; i < n_queries * n_targets; i++) {
                        cr_assert_eq(out[i],
                                     tile_oracle_distance(queries + i / n_targets * words,
                                                          targets + i % n_targets * words, words));
                    }
                }
            }
        }
    }
}

Test(simd_tile, values_below_a_threshold_are_found_in_order) {
    static const uint32_t thresholds[] = {0, 1, 50, 100, 0x7fffffff, 0x80000000u, UINT32_MAX};
    unsigned char *fence = fence_new();
    static uint64_t keys[200];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t n = 0; n <= 150; n++) {
            uint32_t *values = (uint32_t *)fence_place(fence, n, 4, (int)(n % FENCE_PLACES));
            for (size_t i = 0; i < n; i++) {
                uint64_t random = pkn_random_at(TILE_SEED, n * 1000 + i);
                values[i] =
                    random % 5 == 0 ? (uint32_t)(random >> 32) : (uint32_t)(random >> 32) % 101;
            }
            for (size_t t = 0; t < sizeof thresholds / sizeof thresholds[0]; t++) {
                size_t count = set->kernels.below_u32(values, n, thresholds[t], 7, keys);
                size_t expected = 0;
                for (size_t i = 0; i < n; i++) {
                    if (values[i] < thresholds[t]) {
                        cr_assert(expected < count &&
                                      keys[expected] == ((uint64_t)values[i] << 32 | (7 + i)),
                                  "%s", set->name);
                        expected++;
                    }
                }
                cr_assert_eq(count, expected);
            }
        }
    }
}

Test(simd_tile, keys_below_a_threshold_are_counted_and_kept_in_order) {
    static const uint64_t thresholds[] = {
        0, 1, 50, INT64_MAX, (uint64_t)INT64_MAX + 1, (uint64_t)INT64_MAX + 50, UINT64_MAX};
    unsigned char *fence = fence_new();
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t n = 0; n <= 70; n++) {
            uint64_t *keys = (uint64_t *)fence_place(fence, n, 8, (int)(n % FENCE_PLACES));
            for (size_t t = 0; t < sizeof thresholds / sizeof thresholds[0]; t++) {
                uint64_t expected[70];
                size_t count = 0;
                for (size_t i = 0; i < n; i++) {
                    uint64_t random = pkn_random_at(TILE_SEED, n * 1000 + i);
                    keys[i] = random >> 1 << 63 | random % 101;
                    if (keys[i] < thresholds[t]) {
                        expected[count++] = keys[i];
                    }
                }
                cr_assert_eq(set->kernels.count_below_u64(keys, n, thresholds[t]), count, "%s",
                             set->name);
                cr_assert_eq(set->kernels.keep_below_u64(keys, n, thresholds[t]), count, "%s",
                             set->name);
                cr_assert_arr_eq(keys, expected, count * 8);
            }
        }
    }
}

Test(simd_tile, similarities_have_the_same_bits_in_every_set) {
    static const uint64_t bits_list[] = {
        64, 192, 448, 2048, 2112, 10240, UINT64_C(1) << 31, UINT64_C(1) << 32};
    unsigned char *fence_in = fence_new(), *fence_out = fence_new();
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t b = 0; b < sizeof bits_list / sizeof bits_list[0]; b++) {
            uint64_t bits = bits_list[b];
            for (size_t n = 0; n <= 40; n++) {
                uint32_t *in = (uint32_t *)fence_place(fence_in, n, 4, (int)(n % FENCE_PLACES));
                float *out = (float *)fence_place(fence_out, n, 4, (int)(n % FENCE_PLACES));
                for (size_t i = 0; i < n; i++) {
                    uint64_t distance = i == 0 ? bits
                                        : i == 1
                                            ? 0
                                            : pkn_random_at(TILE_SEED, n * 64 + i) % (bits + 1);
                    in[i] = distance > UINT32_MAX ? UINT32_MAX : (uint32_t)distance;
                }
                set->kernels.similarity_u32(in, n, bits, out);
                cr_assert(fence_is_untouched(fence_out, out, n * 4));
                for (size_t i = 0; i < n; i++) {
                    double exact = 1.0 - (double)in[i] / (double)bits;
                    float scalar;
                    pkn_similarity_u32_scalar(in + i, 1, bits, &scalar);
                    cr_assert(memcmp(&scalar, out + i, 4) == 0, "%s: bits %llu", set->name,
                              (unsigned long long)bits);
                    cr_assert(out[i] - exact < 6e-8 && exact - out[i] < 6e-8);
                    cr_assert((bits & (bits - 1)) != 0 || bits > 1u << 24 ||
                              out[i] == (float)exact);
                }
            }
        }
    }
}
