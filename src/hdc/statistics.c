/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What to expect of random vectors. Without libm, so that the library needs none; products that are
   added are kept from being fused, so that every machine gives the same bits. */
#ifndef PKN_HDC_STATISTICS_C
#define PKN_HDC_STATISTICS_C

#include "base/platform.h"
#include "hdc/compare.h"
#include "hdc/fade.h"
#include "simd/exact.h"

#define PKN_LN_2_HIGH 0.693147180369123816490 /* 32 bits of ln 2, so that n times it is exact */
#define PKN_LN_2_LOW 1.90821492927058770002e-10
#define PKN_1_LN_2 1.44269504088896340736
#define PKN_1_SQRT_2PI 0.398942280401432677940
#define PKN_PI 3.14159265358979323846

PKN_INTERNAL double pkn_nan(void) {
    uint64_t bits = UINT64_C(0x7ff8000000000000);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* exp(-x), x from 0 to 760: 2^-n * exp(rest), |rest| <= ln 2 / 2, by Taylor's series. */
PKN_INTERNAL double pkn_exp_minus(double x) {
    int n = (int)(pkn_product_f64(x, PKN_1_LN_2) + 0.5);
    double rest = pkn_product_f64(n, PKN_LN_2_HIGH) - x + pkn_product_f64(n, PKN_LN_2_LOW);
    double sum = 1;
    for (int k = 14; k > 0; k--) {
        sum = 1 + pkn_product_f64(sum, rest / k);
    }
    return n <= 1000 ? sum * pkn_power_of_two(-n)
                     : sum * pkn_power_of_two(-1000) * pkn_power_of_two(1000 - n);
}

PKERN_API double pkern_hdc_chance(double z) {
    double square, density;
    if (z < 0) {
        return 1 - pkern_hdc_chance(-z);
    }
    if (!(z < 39)) {
        return z >= 39 ? 0 : z;
    }
    square = pkn_product_f64(z, z);
    density = PKN_1_SQRT_2PI * pkn_exp_minus(square / 2);
    if (z < 3) { /* z + z^3 / 3 + z^5 / (3 * 5) + ... */
        double sum = z, term = z;
        for (int k = 3; k < 120; k += 2) {
            term = term * square / k;
            sum += term;
        }
        return 0.5 - pkn_product_f64(density, sum);
    }
    {
        double fraction = z; /* z + 1 / (z + 2 / (z + 3 / ...)) */
        for (int k = 120; k > 0; k--) {
            fraction = z + k / fraction;
        }
        return density / fraction;
    }
}

PKERN_API double pkern_hdc_expected_distance(size_t words) {
    return words == 0 ? pkn_nan() : (double)words * 32;
}

PKERN_API double pkern_hdc_distance_deviation(size_t words) {
    return words == 0 ? pkn_nan() : pkn_sqrt_one_f64((double)words * 64) / 2;
}

PKERN_API double pkern_hdc_z_score(uint64_t distance, size_t words) {
    return words == 0
               ? pkn_nan()
               : ((double)words * 32 - (double)distance) / pkern_hdc_distance_deviation(words);
}

/* C(n - 1, floor(n / 2)) / 2^n is half of the product of (2 i - 1) / (2 i) up to m = floor(n / 2);
   for large m by Stirling's series. */
PKERN_API double pkern_hdc_bundle_similarity(size_t n) {
    size_t m = n / 2;
    double excess = 0.5;
    if (n == 0) {
        return 0.5;
    }
    if (m <= 256) {
        for (size_t i = 1; i <= m; i++) {
            excess = excess * (double)(2 * i - 1) / (double)(2 * i);
        }
    } else {
        double x = 1 / (double)m;
        double series = 5.0 / 1024 - pkn_product_f64(x, 21.0 / 32768);
        series = 1.0 / 128 + pkn_product_f64(x, series);
        series = -1.0 / 8 + pkn_product_f64(x, series);
        series = 1 + pkn_product_f64(x, series);
        excess = 0.5 * series / pkn_sqrt_one_f64(PKN_PI * (double)m);
    }
    return 0.5 + excess;
}

PKERN_API double pkern_hdc_bundle_error(size_t n, size_t n_others, size_t words) {
    double s = pkern_hdc_bundle_similarity(n), bits = (double)words * 64, bound;
    double variance = pkn_product_f64(s, 1 - s) + 0.25;
    if (words == 0) {
        return pkn_nan();
    }
    bound = (double)n_others * pkern_hdc_chance((s - 0.5) * pkn_sqrt_one_f64(bits / variance));
    return bound < 1 ? bound : 1;
}

/* The error never falls as n grows. */
PKERN_API size_t pkern_hdc_bundle_capacity(size_t n_others, double error_rate, size_t words) {
    size_t fits = 0, step = 1;
    if (words == 0 || !(error_rate >= 0)) {
        return 0;
    }
    if (pkern_hdc_bundle_error(SIZE_MAX, n_others, words) <= error_rate) {
        return SIZE_MAX;
    }
    while (step <= SIZE_MAX / 4 && pkern_hdc_bundle_error(step, n_others, words) <= error_rate) {
        fits = step;
        step *= 2;
    }
    for (; step != 0; step /= 2) {
        if (pkern_hdc_bundle_error(fits + step, n_others, words) <= error_rate) {
            fits += step;
        }
    }
    return fits;
}

#endif
