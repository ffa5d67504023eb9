/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Rotation through the public function, every set in turn, against moving each bit on its own. */
#include "test.h"
#include "fence.h"

enum { ROTATE_SEED = 21, ROTATE_MAX = 1500 };

static void rotate_oracle(const uint64_t *in, size_t words, int64_t shift, uint64_t *out) {
    size_t bits = words * 64;
    /* reduced before it is made positive, so that no addition overflows */
    int64_t reduced = bits ? shift % (int64_t)bits : 0;
    size_t up = reduced < 0 ? (size_t)(reduced + (int64_t)bits) : (size_t)reduced;
    memset(out, 0, words * 8);
    for (size_t i = 0; i < bits; i++) {
        size_t to = (i + up) % bits;
        out[to / 64] |= (in[i / 64] >> (i % 64) & 1u) << (to % 64);
    }
}

static const int64_t rotate_shifts[] = {0,
                                        1,
                                        -1,
                                        2,
                                        13,
                                        63,
                                        -63,
                                        64,
                                        -64,
                                        65,
                                        -65,
                                        127,
                                        128,
                                        129,
                                        -200,
                                        1000,
                                        -4097,
                                        INT64_MAX,
                                        INT64_MIN,
                                        INT64_MAX - 63,
                                        INT64_MIN + 1};
enum { ROTATE_N_SHIFTS = sizeof rotate_shifts / sizeof rotate_shifts[0] };

static void rotate_check(const pkn_simd_set *set, unsigned char *fence_in, unsigned char *fence_out,
                         size_t words, int64_t shift, int place) {
    static uint64_t expected[ROTATE_MAX];
    uint64_t *in = (uint64_t *)fence_place(fence_in, words, 8, place);
    uint64_t *out =
        (uint64_t *)fence_place(fence_out, words, 8, place < 2 ? place : (place * 5) % 8 + 1);
    for (size_t i = 0; i < words; i++) in[i] = pkn_random_at(ROTATE_SEED, i);
    rotate_oracle(in, words, shift, expected);
    pkern_simd_rotate_u64(in, words, shift, out);
    cr_assert_arr_eq(out, expected, words * 8);
    cr_assert(fence_is_untouched(fence_out, out, words * 8));
    pkern_simd_rotate_u64(in, words, shift, in);
    cr_assert(memcmp(in, expected, words * 8) == 0, "%s in place, %zu words, shift %lld", set->name,
              words, (long long)shift);
    cr_assert(fence_is_untouched(fence_in, in, words * 8));
}

Test(simd_rotate, every_set_moves_each_bit_to_its_place) {
    static const size_t long_sizes[] = {127, 128, 129, 130, 200, 257, 391, 1000, 1499};
    unsigned char *fence_in = fence_new(), *fence_out = fence_new();
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        fence_use_set(set);
        for (size_t words = 0; words <= 70; words++) {
            for (size_t s = 0; s < ROTATE_N_SHIFTS; s++) {
                rotate_check(set, fence_in, fence_out, words, rotate_shifts[s],
                             (int)((words + s) % FENCE_PLACES));
            }
        }
        for (size_t i = 0; i < sizeof long_sizes / sizeof long_sizes[0]; i++) {
            for (uint64_t s = 0; s < 12; s++) {
                int64_t shift = (int64_t)(pkn_random_at(ROTATE_SEED + 1, s) % (long_sizes[i] * 64));
                rotate_check(set, fence_in, fence_out, long_sizes[i], s % 2 ? shift : -shift,
                             (int)(s % FENCE_PLACES));
                rotate_check(set, fence_in, fence_out, long_sizes[i],
                             s % 3 ? shift / 64 * 64 : shift % 64, 0);
            }
        }
    }
    fence_use_set(0);
}

Test(simd_rotate, there_and_back_is_nothing) {
    static uint64_t original[ROTATE_MAX], words[ROTATE_MAX];
    for (size_t i = 0; i < ROTATE_MAX; i++) original[i] = pkn_random_at(ROTATE_SEED + 2, i);
    memcpy(words, original, sizeof words);
    for (uint64_t i = 0; i < 50; i++) {
        int64_t shift = (int64_t)(pkn_random_at(ROTATE_SEED + 3, i) >> 1);
        pkern_simd_rotate_u64(words, ROTATE_MAX, shift, words);
        pkern_simd_rotate_u64(words, ROTATE_MAX, -shift, words);
        cr_assert_arr_eq(words, original, sizeof words);
    }
}

Test(simd_rotate, no_words_are_no_work) {
    pkern_simd_rotate_u64(0, 0, 5, 0);
}
