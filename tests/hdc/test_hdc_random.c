/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#include <math.h>

Test(hdc_random, bits_are_the_same_everywhere) {
    uint64_t words[3];
    pkern_hdc_random(0, words, 3);
    cr_assert_eq(words[0], pkn_random_at(0, 0));
    /* fixed for all times: files of vectors rely on it */
    cr_assert_eq(words[0], UINT64_C(0xa706dd2f4d197e6f));
    cr_assert_eq(words[2], UINT64_C(0x631a9154fbabf717));
}

Test(hdc_random, a_longer_vector_begins_with_the_shorter_one) {
    uint64_t a[40], b[33];
    b[32] = 7;
    pkern_hdc_random(5, a, 40);
    pkern_hdc_random(5, b, 32);
    cr_assert_arr_eq(a, b, 32 * 8);
    cr_assert_eq(b[32], 7u);
    pkern_hdc_random(5, 0, 0);
}

Test(hdc_random, distances_have_the_mean_and_deviation_of_fair_bits) {
    enum { N = 200 };
    static uint64_t rows[N * 32];
    double sum = 0, squares = 0, n = 0;
    for (size_t i = 0; i < N; i++) pkern_hdc_random(1000 + i, rows + i * 32, 32);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = i + 1; j < N; j++) {
            double d = hdc_oracle_distance(rows + i * 32, rows + j * 32, 32);
            cr_assert(d > 1024 - 160 && d < 1024 + 160);
            sum += d;
            squares += (d - 1024) * (d - 1024);
            n += 1;
        }
    }
    cr_assert_float_eq(sum / n, 1024.0, 2.0);
    cr_assert_float_eq(squares / n / (22.63 * 22.63), 1.0, 0.05);
}
