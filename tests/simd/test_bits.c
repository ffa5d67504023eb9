/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Bit kernels of every set against oracles that go bit by bit, at both fences, at every offset, in
   place. */
#include "test.h"
#include "fence.h"

enum { BITS_SEED = 20 };

static const size_t bits_sizes[] = {
    0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15,  16,  17,
    18,  19,  20,  21,  22,  23,  24,  25,  26,  27,  28,  29,  30,  31,  32,  33,  34,  35,
    36,  37,  38,  39,  40,  41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51,  52,  53,
    54,  55,  56,  57,  58,  59,  60,  61,  62,  63,  64,  65,  66,  67,  68,  69,  70,  97,
    123, 124, 125, 127, 128, 129, 191, 192, 251, 255, 256, 257, 263, 389, 511, 512, 521, 1000};
enum { BITS_N_SIZES = sizeof bits_sizes / sizeof bits_sizes[0] };

/* Random words; pattern 1 and 2 are all ones and all zeros, where sums of bytes would overflow
   first. */
static void bits_fill(uint64_t *words, size_t n, uint64_t seed, int pattern) {
    for (size_t i = 0; i < n; i++) {
        words[i] = pattern == 1 ? ~(uint64_t)0 : pattern == 2 ? 0 : pkn_random_at(seed, i);
    }
}

static int bits_get(const uint64_t *words, size_t i) {
    return (int)(words[i / 64] >> (i % 64) & 1u);
}

enum { BITS_XOR, BITS_AND, BITS_OR, BITS_NOT, BITS_N_OPERATIONS };

static void bits_run(const pkn_simd_kernels *kernels, int operation, const uint64_t *a,
                     const uint64_t *b, size_t n, uint64_t *out) {
    switch (operation) {
    case BITS_XOR:
        kernels->xor_u64(a, b, n, out);
        break;
    case BITS_AND:
        kernels->and_u64(a, b, n, out);
        break;
    case BITS_OR:
        kernels->or_u64(a, b, n, out);
        break;
    default:
        kernels->not_u64(a, n, out);
        break;
    }
}

static void bits_oracle(int operation, const uint64_t *a, const uint64_t *b, size_t n,
                        uint64_t *out) {
    static const unsigned char truth[BITS_N_OPERATIONS][4] = {
        {0, 1, 1, 0}, {0, 0, 0, 1}, {0, 1, 1, 1}, {1, 1, 0, 0}};
    memset(out, 0, n * 8);
    for (size_t i = 0; i < n * 64; i++) {
        out[i / 64] |= (uint64_t)truth[operation][bits_get(a, i) * 2 + bits_get(b, i)] << (i % 64);
    }
}

static size_t bits_oracle_distance(const uint64_t *a, const uint64_t *b, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n * 64; i++) count += (size_t)(bits_get(a, i) != bits_get(b, i));
    return count;
}

Test(simd_bits, bitwise_kernels_of_every_set_match_a_truth_table) {
    unsigned char *fence_a = fence_new(), *fence_b = fence_new(), *fence_out = fence_new();
    static uint64_t expected[1000];
    for (size_t s = 0; s < BITS_N_SIZES; s++) {
        size_t n = bits_sizes[s];
        for (int operation = 0; operation < BITS_N_OPERATIONS; operation++) {
            for (int place = 0; place < FENCE_PLACES; place++) {
                uint64_t *a = (uint64_t *)fence_place(fence_a, n, 8, place);
                uint64_t *b =
                    (uint64_t *)fence_place(fence_b, n, 8, place < 2 ? place : (place * 3) % 8 + 1);
                bits_fill(a, n, BITS_SEED, 0);
                bits_fill(b, n, BITS_SEED + 1, 0);
                bits_oracle(operation, a, b, n, expected);
                for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
                    uint64_t *out = (uint64_t *)fence_place(
                        fence_out, n, 8, place < 2 ? place : (place * 5) % 8 + 1);
                    bits_run(&set->kernels, operation, a, b, n, out);
                    cr_assert_arr_eq(out, expected, n * 8);
                    cr_assert(fence_is_untouched(fence_out, out, n * 8),
                              "%s %d, %zu words, place %d", set->name, operation, n, place);
                }
            }
        }
    }
}

Test(simd_bits, rows_are_bound_with_a_key_by_every_set) {
    static const size_t words_of[] = {1, 2, 31, 32, 33, 40, 64, 65, 95, 96, 100};
    static const size_t rows_of[] = {0, 1, 2, 3, 7};
    unsigned char *fence_in = fence_new(), *fence_key = fence_new(), *fence_out = fence_new();
    for (size_t s = 0; s < 55; s++) {
        size_t words = words_of[s / 5], n_rows = rows_of[s % 5], n = words * n_rows;
        for (int place = 0; place < FENCE_PLACES; place++) {
            uint64_t *in = (uint64_t *)fence_place(fence_in, n, 8, place);
            uint64_t *key =
                (uint64_t *)fence_place(fence_key, words, 8, (place + 3) % FENCE_PLACES);
            bits_fill(in, n, BITS_SEED, 0);
            bits_fill(key, words, BITS_SEED + 1, 0);
            for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
                uint64_t *out =
                    (uint64_t *)fence_place(fence_out, n, 8, (place + 5) % FENCE_PLACES);
                set->kernels.xor_rows_u64(in, n_rows, key, words, out);
                for (size_t i = 0; i < n; i++) {
                    cr_assert_eq(out[i], in[i] ^ key[i % words], "%s, %zu x %zu", set->name, n_rows,
                                 words);
                }
                set->kernels.xor_rows_u64(out, n_rows, key, words, out); /* in place, and back */
                cr_assert_arr_eq(out, in, n * 8);
            }
        }
    }
}

Test(simd_bits, bitwise_kernels_work_in_place) {
    static uint64_t a[264], b[264], expected[264], out[264];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t n = 0; n <= 263; n += n < 70 ? 1 : 64) {
            for (int operation = 0; operation < BITS_N_OPERATIONS; operation++) {
                for (size_t offset = 0; offset < 2;
                     offset++) { /* a malloc'ed array is never at a line's last word */
                    bits_fill(a, 264, BITS_SEED + 2, 0);
                    bits_fill(b, 264, BITS_SEED + 3, 0);
                    bits_oracle(operation, a + offset, b + offset, n, expected);
                    memcpy(out, a, sizeof out);
                    bits_run(&set->kernels, operation, out + offset, b + offset, n, out + offset);
                    cr_assert_arr_eq(out + offset, expected, n * 8);
                    memcpy(out, b, sizeof out);
                    if (operation == BITS_NOT) continue;
                    bits_run(&set->kernels, operation, a + offset, out + offset, n, out + offset);
                    cr_assert_arr_eq(out + offset, expected, n * 8);
                }
            }
        }
    }
}

Test(simd_bits, counts_of_every_set_match_a_loop_over_bits) {
    unsigned char *fence_a = fence_new(), *fence_b = fence_new();
    static const uint64_t zeros[1000];
    for (size_t s = 0; s < BITS_N_SIZES; s++) {
        size_t n = bits_sizes[s];
        for (int place = 0; place < FENCE_PLACES; place++) {
            for (int pattern = 0; pattern < 3; pattern++) {
                uint64_t *a = (uint64_t *)fence_place(fence_a, n, 8, place);
                uint64_t *b =
                    (uint64_t *)fence_place(fence_b, n, 8, place < 2 ? place : (place * 3) % 8 + 1);
                size_t ones, distance;
                bits_fill(a, n, BITS_SEED + 4, pattern);
                bits_fill(b, n, BITS_SEED + 5, pattern == 1 ? 2 : 0);
                ones = bits_oracle_distance(a, zeros, n);
                distance = bits_oracle_distance(a, b, n);
                for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
                    cr_assert_eq(set->kernels.popcount_u64(a, n), ones, "%s, %zu words, place %d",
                                 set->name, n, place);
                    cr_assert_eq(set->kernels.hamming_u64(a, b, n), distance,
                                 "%s, %zu words, place %d", set->name, n, place);
                }
            }
        }
    }
}

Test(simd_bits, a_count_beyond_the_oracle_sizes_does_not_overflow) {
    size_t n = (size_t)1 << 17;
    uint64_t *ones = (uint64_t *)malloc(n * 8), *zeros = (uint64_t *)calloc(n, 8);
    cr_assert(ones && zeros);
    memset(ones, 0xff, n * 8);
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        cr_assert_eq(set->kernels.popcount_u64(ones, n), n * 64);
        cr_assert_eq(set->kernels.hamming_u64(ones, zeros, n), n * 64);
    }
    free(ones);
    free(zeros);
}

Test(simd_bits, nothing_is_touched_where_there_are_no_words) {
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        fence_use_set(set);
        pkern_simd_xor_u64(0, 0, 0, 0);
        pkern_simd_and_u64(0, 0, 0, 0);
        pkern_simd_or_u64(0, 0, 0, 0);
        pkern_simd_not_u64(0, 0, 0);
        cr_assert_eq(pkern_simd_popcount_u64(0, 0), 0u);
        cr_assert_eq(pkern_simd_hamming_u64(0, 0, 0), 0u);
    }
    fence_use_set(0);
}
