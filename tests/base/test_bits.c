/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"

Test(base_bits, counts_match_a_loop_over_the_bits) {
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t x = pkn_random_at(7, i) >> (i % 64);
        unsigned ones = 0, lowest = 64, highest = 64;
        for (unsigned bit = 0; bit < 64; bit++) {
            if ((x >> bit & 1u) != 0) {
                ones++;
                lowest = lowest == 64 ? bit : lowest;
                highest = bit;
            }
        }
        cr_assert_eq(pkn_popcount_u64(x), ones);
        if (x != 0) {
            cr_assert_eq(pkn_ctz_u64(x), lowest);
            cr_assert_eq(pkn_clz_u64(x), 63 - highest);
        }
    }
    cr_assert_eq(pkn_popcount_u64(0), 0);
    cr_assert_eq(pkn_popcount_u64(UINT64_MAX), 64);
}

Test(base_bits, rotation_moves_each_bit_and_takes_any_count) {
    for (unsigned count = 0; count < 200; count++) {
        for (unsigned bit = 0; bit < 64; bit += 7) {
            cr_assert_eq(pkn_rotl_u64(UINT64_C(1) << bit, count), UINT64_C(1) << ((bit + count) % 64));
        }
    }
}

Test(base_bits, checked_arithmetic_is_exact_at_the_edge) {
    static const size_t values[] = {0, 1, 2, 3, 255, 65537, SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX - 1, SIZE_MAX};
    enum { N = sizeof values / sizeof values[0] };
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            size_t a = values[i], b = values[j], out = 0;
            int product_fits = a == 0 || b <= SIZE_MAX / a;
            cr_assert_eq(pkn_mul_overflows_size(a, b, &out), !product_fits);
            cr_assert(!product_fits || out == a * b);
            cr_assert_eq(pkn_add_overflows_size(a, b, &out), b > SIZE_MAX - a);
            cr_assert(b > SIZE_MAX - a || out == a + b);
            cr_assert_eq(pkn_min_size(a, b) == a, a <= b);
            cr_assert_eq(pkn_max_size(a, b) == a, a >= b);
        }
    }
}

Test(base_bits, ranges_overlap_where_they_share_a_byte) {
    char bytes[16];
    for (size_t a = 0; a < 8; a++) {
        for (size_t a_bytes = 0; a_bytes < 8; a_bytes++) {
            for (size_t b = 0; b < 8; b++) {
                for (size_t b_bytes = 0; b_bytes < 8; b_bytes++) {
                    int shared = 0;
                    for (size_t i = 0; i < sizeof bytes; i++) {
                        shared |= i >= a && i < a + a_bytes && i >= b && i < b + b_bytes;
                    }
                    cr_assert_eq(pkn_overlaps(bytes + a, a_bytes, bytes + b, b_bytes), shared);
                }
            }
        }
    }
}
