/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Kernels for weights met by bits, every set against sums made bit by bit. */
#include "test.h"
#include "fence.h"

enum { WEIGHTS_SEED = 60 };

static const size_t weights_words[] = {0, 1, 2, 3, 7, 8, 31, 32, 33, 64, 65};
enum { WEIGHTS_N_WORDS = sizeof weights_words / sizeof weights_words[0] };

/* pattern 1: the largest sums, 2: the smallest */
static void weights_fill(int16_t *weights, size_t n, int pattern) {
    for (size_t i = 0; i < n; i++) {
        weights[i] = pattern == 1   ? 32767
                     : pattern == 2 ? -32767 - 1
                                    : (int16_t)(pkn_random_at(WEIGHTS_SEED, i) & 0xffff);
    }
}

static void weights_fill_bits(uint64_t *bits, size_t words, int pattern) {
    for (size_t i = 0; i < words; i++) {
        bits[i] = pattern ? ~(uint64_t)0 : pkn_random_at(WEIGHTS_SEED + 1, i);
    }
}

static int weights_bit(const uint64_t *bits, size_t i) {
    return (int)(bits[i / 64] >> (i % 64) & 1);
}

Test(simd_weights, dots_of_every_set_are_sums_bit_by_bit) {
    enum { N_ROWS = 9 };
    int16_t *weights = (int16_t *)malloc(N_ROWS * 65 * 64 * sizeof *weights);
    uint64_t bits[65];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (int pattern = 0; pattern < 3; pattern++) {
            for (size_t w = 0; w < WEIGHTS_N_WORDS; w++) {
                size_t words = weights_words[w];
                weights_fill(weights, N_ROWS * words * 64, pattern);
                weights_fill_bits(bits, words, pattern);
                for (size_t n_rows = 0; n_rows <= N_ROWS; n_rows++) {
                    int64_t out[N_ROWS + 1];
                    memset(out, 0x55, sizeof out);
                    set->kernels.dot_i16(weights, n_rows, bits, words, out);
                    for (size_t r = 0; r <= N_ROWS; r++) {
                        int64_t sum = 0;
                        for (size_t i = 0; i < words * 64; i++) {
                            int64_t weight = weights[(r % N_ROWS) * words * 64 + i];
                            sum += weights_bit(bits, i) ? weight : -weight;
                        }
                        if (r >= n_rows) sum = INT64_C(0x5555555555555555);
                        cr_assert(out[r] == sum, "%s: row %zu of %zu, words %zu", set->name, r,
                                  n_rows, words);
                    }
                }
            }
        }
    }
    free(weights);
}

Test(simd_weights, additions_stop_at_the_ends) {
    static const int rates[] = {0, 1, -1, 16, 1000, 32767, -32767};
    int16_t weights[65 * 64], before[65 * 64];
    uint64_t bits[65];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t w = 0; w < WEIGHTS_N_WORDS; w++) {
            for (size_t k = 0; k < 3 * (sizeof rates / sizeof rates[0]); k++) {
                size_t words = weights_words[w];
                int rate = rates[k / 3];
                weights_fill(weights, words * 64, (int)(k % 3));
                weights_fill_bits(bits, words, 0);
                memcpy(before, weights, sizeof before);
                set->kernels.add_i16(bits, words, rate, weights);
                for (size_t i = 0; i < words * 64; i++) {
                    int sum = before[i] + (weights_bit(bits, i) ? rate : -rate);
                    sum = sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum;
                    cr_assert(weights[i] == sum, "%s: weight %zu, rate %d: %d, not %d", set->name,
                              i, rate, weights[i], sum);
                }
            }
        }
    }
}

Test(simd_weights, signs_are_one_above_zero_alone) {
    int16_t weights[65 * 64];
    uint64_t out[66];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t w = 0; w < WEIGHTS_N_WORDS; w++) {
            size_t words = weights_words[w];
            for (size_t i = 0; i < words * 64; i++) {
                weights[i] = (int16_t)((int)(pkn_random_at(WEIGHTS_SEED, i) % 5) - 2);
            }
            out[words] = 7;
            set->kernels.sign_i16(weights, words, out);
            for (size_t i = 0; i < words * 64; i++) {
                cr_assert(weights_bit(out, i) == (weights[i] > 0), "%s: weight %zu of %zu words",
                          set->name, i, words);
            }
            cr_assert_eq(out[words], 7u);
        }
    }
}

Test(simd_weights, reads_and_writes_stay_inside_their_arrays) {
    enum { WORDS = 33, ROWS = 5 };
    unsigned char *weights_fence = fence_new(), *bits_fence = fence_new();
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (int place = 0; place < FENCE_PLACES; place++) {
            for (size_t words = 1; words <= WORDS; words += 4) {
                size_t n_rows = words > 8 ? 1 : ROWS;
                int16_t *weights =
                    (int16_t *)fence_place(weights_fence, n_rows * words * 64, 2, place);
                uint64_t *bits = (uint64_t *)fence_place(bits_fence, words, 8, place);
                int64_t out[ROWS];
                set->kernels.dot_i16(weights, n_rows, bits, words, out);
                cr_assert(fence_is_untouched(weights_fence, weights, 0));
                set->kernels.add_i16(bits, words, 3, weights);
                cr_assert(fence_is_untouched(weights_fence, weights, words * 128));
                cr_assert(fence_is_untouched(bits_fence, bits, 0));
                set->kernels.sign_i16(weights, words, bits);
                cr_assert(fence_is_untouched(bits_fence, bits, words * 8));
            }
        }
    }
}
