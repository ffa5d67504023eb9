/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { SDM_SEED = 400 };

static pkern_hdc_sdm *sdm_new(size_t n_locations, size_t address_words, size_t data_words,
                              uint32_t radius, size_t nearest) {
    pkern_hdc_sdm_config config;
    pkern_hdc_sdm *sdm = 0;
    memset(&config, 0, sizeof config);
    config.n_locations = n_locations;
    config.address_words = address_words;
    config.data_words = data_words;
    config.seed = SDM_SEED;
    config.radius = radius;
    config.nearest = nearest;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_OK);
    return sdm;
}

/* Bit i of the vector flipped where i is below n_flips, after a shuffle by the seed. */
static void sdm_flip(uint64_t *vector, size_t words, size_t n_flips, uint64_t seed) {
    for (size_t i = 0; n_flips > 0; i++) {
        size_t bit = (size_t)(pkn_random_at(seed, i) % (words * 64));
        size_t from = 0;
        for (size_t j = 0; j < i && !from; j++)
            from = (size_t)(pkn_random_at(seed, j) % (words * 64)) == bit;
        if (from) continue;
        vector[bit / 64] ^= (uint64_t)1 << (bit % 64);
        n_flips--;
    }
}

/* The definition, serially: is location l active for the address? */
static int sdm_is_active(const uint64_t *address, const uint64_t *locations, size_t n, size_t words,
                         size_t l, uint32_t radius, size_t nearest) {
    uint32_t distance = hdc_oracle_distance(address, locations + l * words, words);
    size_t better = 0;
    if (nearest == 0) return distance <= radius;
    for (size_t i = 0; i < n; i++) {
        uint32_t other = hdc_oracle_distance(address, locations + i * words, words);
        better += (size_t)(other < distance || (other == distance && i < l));
    }
    return better < nearest;
}

static void sdm_check(size_t n_locations, size_t words, size_t data_words, uint32_t radius,
                      size_t nearest, size_t n) {
    enum { LARGE = 20000 };
    pkern_hdc_sdm *sdm = sdm_new(n_locations, words, data_words, radius, nearest);
    size_t columns = data_words * 64;
    uint64_t *locations = hdc_new(n_locations * words, 0, SDM_SEED);
    uint64_t *addresses = hdc_new(n * words, 0, SDM_SEED + 1);
    uint64_t *data = hdc_new(n * data_words, 0, SDM_SEED + 2);
    uint64_t *out = hdc_new(n * data_words, 0, 0);
    int16_t *weights = (int16_t *)malloc(n * 2 + 1);
    int32_t *counters = (int32_t *)calloc(n_locations * columns, 4);
    int32_t *sums = (int32_t *)malloc(n * columns * 4 + 1);
    size_t *counts = (size_t *)malloc(n * sizeof(size_t) + 1);
    cr_assert(weights && counters && sums && counts);
    for (size_t i = 0; i < n; i++)
        weights[i] = (int16_t)(i % 7 == 0 ? LARGE : i % 5 == 0 ? -2 : i == 3 ? INT16_MIN : 1);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, addresses, data, weights, n), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, addresses, n, out, sums), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_active(0, sdm, addresses, n, counts), PKERN_OK);
    for (size_t i = 0; i < n; i++) {
        for (size_t l = 0; l < n_locations; l++) {
            if (!sdm_is_active(addresses + i * words, locations, n_locations, words, l, radius,
                               nearest))
                continue;
            for (size_t c = 0; c < columns; c++) {
                int32_t weight = weights[i] < -32767 ? -32767 : weights[i];
                int32_t *counter = counters + l * columns + c;
                *counter += data[i * data_words + c / 64] >> (c % 64) & 1 ? weight : -weight;
                *counter = *counter > 32767 ? 32767 : *counter < -32767 ? -32767 : *counter;
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        size_t count = 0;
        int32_t *expected = (int32_t *)calloc(columns, 4);
        for (size_t l = 0; l < n_locations; l++) {
            if (!sdm_is_active(addresses + i * words, locations, n_locations, words, l, radius,
                               nearest))
                continue;
            count++;
            for (size_t c = 0; c < columns; c++) expected[c] += counters[l * columns + c];
        }
        cr_assert_eq(counts[i], count);
        cr_assert_arr_eq(sums + i * columns, expected, columns * 4);
        for (size_t c = 0; c < columns; c++)
            cr_assert_eq(out[i * data_words + c / 64] >> (c % 64) & 1, expected[c] > 0);
        free(expected);
    }
    pkern_hdc_sdm_destroy(sdm);
    hdc_free(locations);
    hdc_free(addresses);
    hdc_free(data);
    hdc_free(out);
    free(weights);
    free(counters);
    free(sums);
    free(counts);
}

Test(hdc_sdm, writes_and_reads_match_the_serial_loops) {
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        sdm_check(1, 1, 1, 40, 0, 3);
        sdm_check(97, 1, 2, 30, 0, 11);
        sdm_check(97, 3, 1, 0, 7, 11);
        sdm_check(97, 3, 9, 0, 1000, 5);
        sdm_check(53, 32, 3, 1010, 0, 67); /* more than a batch */
        sdm_check(53, 2, 3, 0, 5, 0);
    }
}

Test(hdc_sdm, every_pool_gives_the_same_bits) {
    enum { LOCATIONS = 3000, WORDS = 16, N = 100 };
    uint64_t *vectors = hdc_new(N * WORDS, 0, SDM_SEED + 3);
    uint64_t *out[2] = {hdc_new(N * WORDS, 0, 0), hdc_new(N * WORDS, 0, 0)};
    int32_t *sums[2];
    size_t reads[2][N];
    for (int i = 0; i < 2; i++) sums[i] = (int32_t *)malloc(N * WORDS * 64 * 4);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        pkern_hdc_sdm *sdm = sdm_new(LOCATIONS, WORDS, 0, 0, 0);
        int at = p > 0;
        cr_assert_eq(pkern_hdc_sdm_write(pool, sdm, vectors, vectors, 0, N), PKERN_OK);
        cr_assert_eq(pkern_hdc_sdm_read(pool, sdm, vectors, N, out[at], sums[at]), PKERN_OK);
        if (at) cr_assert_arr_eq(out[1], out[0], N * WORDS * 8);
        cr_assert_eq(pkern_hdc_sdm_read_iterated(pool, sdm, vectors, N, 5, out[at], reads[at]),
                     PKERN_OK);
        if (at) {
            cr_assert_arr_eq(sums[1], sums[0], N * WORDS * 64 * 4);
            cr_assert_arr_eq(reads[1], reads[0], sizeof reads[0]);
        }
        pkern_hdc_sdm_destroy(sdm);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    for (int i = 0; i < 2; i++) {
        free(sums[i]);
        hdc_free(out[i]);
    }
    hdc_free(vectors);
}

/* Autoassociative: N words of 1024 bits in 2000 locations of which the nearest 40 are active, asked
   with bits wrong. */
static size_t sdm_recalled(size_t n, size_t n_flips, size_t max_reads) {
    enum { LOCATIONS = 2000, WORDS = 16, ASKED = 50 };
    pkern_hdc_sdm *sdm = sdm_new(LOCATIONS, WORDS, 0, 0, 40);
    uint64_t *vectors = hdc_new(n * WORDS, 0, SDM_SEED + 4);
    uint64_t cues[ASKED * WORDS], out[ASKED * WORDS];
    size_t right = 0;
    memcpy(cues, vectors, sizeof cues);
    for (size_t i = 0; i < ASKED; i++) sdm_flip(cues + i * WORDS, WORDS, n_flips, i);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, vectors, vectors, 0, n), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_read_iterated(0, sdm, cues, ASKED, max_reads, out, 0), PKERN_OK);
    for (size_t i = 0; i < ASKED; i++)
        right += (size_t)(memcmp(out + i * WORDS, vectors + i * WORDS, WORDS * 8) == 0);
    pkern_hdc_sdm_destroy(sdm);
    hdc_free(vectors);
    return right;
}

Test(hdc_sdm, capacity) {
    static const size_t n_list[] = {50, 100, 150, 300};
    size_t once[4], often[4];
    for (size_t i = 0; i < 4; i++) {
        once[i] = sdm_recalled(n_list[i], 80, 1);
        often[i] = sdm_recalled(n_list[i], 80, 10);
        printf("    sdm of 2000 locations, 40 active, 1024 bits, 80 wrong: of %zu written, %zu of "
               "50 come back exactly by one read, %zu by up to ten\n",
               n_list[i], once[i], often[i]);
    }
    cr_assert_geq(often[0], 48);
    cr_assert_geq(often[1], once[1]);
    cr_assert_lt(often[3], 50); /* beyond capacity: the check can fail */
}

Test(hdc_sdm, a_negative_weight_takes_a_write_back) {
    pkern_hdc_sdm *sdm = sdm_new(100, 2, 2, 0, 10);
    uint64_t *x = hdc_new(4, 0, SDM_SEED + 5);
    int16_t plus[2] = {3, 5}, minus[2] = {-3, -5};
    int32_t sums[256], zeros[256] = {0};
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, x, x, plus, 2), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, x, 2, 0, sums), PKERN_OK);
    cr_assert_neq(sums[0], 0);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, x, x, minus, 2), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, x, 2, 0, sums), PKERN_OK);
    cr_assert_arr_eq(sums, zeros, sizeof zeros);
    pkern_hdc_sdm_destroy(sdm);
    hdc_free(x);
}

Test(hdc_sdm, sums_past_32_bits_wrap) {
    enum { LOCATIONS = 70001 };
    const uint64_t address = 0, data = 1;
    const int16_t weight = INT16_MAX;
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        pkern_hdc_sdm *sdm = sdm_new(LOCATIONS, 1, 1, 64, 0);
        int32_t sums[64];
        cr_assert_eq(pkern_hdc_sdm_write(0, sdm, &address, &data, &weight, 1), PKERN_OK);
        cr_assert_eq(pkern_hdc_sdm_read(0, sdm, &address, 1, 0, sums), PKERN_OK);
        cr_assert_eq((uint32_t)sums[0], (uint32_t)LOCATIONS * 32767u);
        for (size_t i = 1; i < 64; i++)
            cr_assert_eq((uint32_t)sums[i], 0u - (uint32_t)LOCATIONS * 32767u);
        pkern_hdc_sdm_destroy(sdm);
    }
}

/* The tails of the kernels, which rows of whole words don't reach. */
Test(hdc_sdm, kernels_wrap_in_their_tails) {
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        int8_t bytes[37];
        int16_t numbers[37];
        int32_t sums[37];
        for (size_t i = 0; i < 37; i++) {
            bytes[i] = (int8_t)(i % 2 ? 127 : -128);
            numbers[i] = (int16_t)(i % 2 ? 32767 : -32768);
            sums[i] = i % 2 ? INT32_MAX - 1 : INT32_MIN + 1;
        }
        pkn_simd()->accumulate_i8(bytes, 37, sums);
        pkn_simd()->accumulate_i16(numbers, 37, sums);
        for (size_t i = 0; i < 37; i++)
            cr_assert_eq((uint32_t)sums[i],
                         i % 2 ? 0x7ffffffeu + 127u + 32767u : 0x80000001u - 128u - 32768u);
    }
}

/* Distances of vectors of 512 MiB, made up: 2^32 counts as 2^32 - 1. */
Test(hdc_sdm, the_greatest_distance_is_near_enough) {
    uint32_t distances[5] = {UINT32_MAX, 7, UINT32_MAX - 1, UINT32_MAX, UINT32_MAX};
    for (size_t nearest = 0; nearest <= 5; nearest++) {
        pkern_hdc_sdm *sdm = sdm_new(5, 1, 1, nearest ? 0 : UINT32_MAX, nearest);
        static const uint64_t order[5] = {1, 2, 0, 3, 4};
        uint64_t keys[5];
        size_t count = 99;
        pkn_sdm_batch batch;
        memset(&batch, 0, sizeof batch);
        batch.sdm = sdm;
        batch.distances = distances;
        batch.keys = keys;
        batch.counts = &count;
        cr_assert_eq(pkn_sdm_list_rows(0, 1, &batch), 0);
        cr_assert_eq(count, nearest ? nearest : 5);
        for (size_t i = 0; i < count; i++) {
            size_t found = 0;
            while (found < count && (keys[found] & UINT32_MAX) != order[i]) found++;
            cr_assert_lt(found, count, "nearest %zu, location %zu", nearest, (size_t)order[i]);
        }
        pkern_hdc_sdm_destroy(sdm);
    }
}

Test(hdc_sdm, given_locations_are_used) {
    static const uint64_t locations[3] = {0, 0xff, ~(uint64_t)0};
    static const uint64_t address = 0x0f, data = 0x1234;
    pkern_hdc_sdm_config config;
    pkern_hdc_sdm *sdm = 0;
    uint64_t out[3], asked[3];
    int32_t sums[3 * 64];
    memset(&config, 0, sizeof config);
    config.n_locations = 3;
    config.address_words = 1;
    config.locations = locations;
    config.radius = 4;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, &address, &data, 0, 1), PKERN_OK);
    memcpy(asked, locations, sizeof asked);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, asked, 3, out, sums), PKERN_OK);
    cr_assert_eq(out[0], data);
    cr_assert_eq(out[1], data);
    cr_assert_eq(out[2], 0);
    cr_assert_eq(sums[2], 1);
    cr_assert_eq(sums[0], -1);
    pkern_hdc_sdm_destroy(sdm);
}

Test(hdc_sdm, bad_arguments) {
    pkern_hdc_sdm_config config;
    pkern_hdc_sdm *sdm = 0, *wide;
    uint64_t x[8] = {0}, y[8] = {0};
    size_t counts[8];
    int32_t sums[64 * 4];
    memset(&config, 0, sizeof config);
    config.n_locations = 10;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_EINVAL);
    config.address_words = 2;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_create(0, 0, &sdm), PKERN_EINVAL);
    config.allocator = &hdc_half_allocator;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_EINVAL);
    config.allocator = 0;
    config.radius = 1;
    config.nearest = 1;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_EINVAL);
    config.radius = 0;
    config.n_locations = 0;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_EINVAL);
    config.n_locations = SIZE_MAX / 64;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_EOVERFLOW);
    config.n_locations = SIZE_MAX / 16 - 1;
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_EOVERFLOW);
    cr_assert_null(sdm);
    pkern_hdc_sdm_destroy(0);
    sdm = sdm_new(10, 2, 2, 0, 3);
    wide = sdm_new(10, 2, 1, 0, 3);
    cr_assert_eq(pkern_hdc_sdm_write(0, 0, x, y, 0, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, 0, y, 0, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, x, 0, 0, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, x, y, 0, SIZE_MAX / 8), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, 0, 0, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_read(0, 0, x, 1, y, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, 0, 1, y, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, x, 2, x + 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, (uint64_t *)(void *)sums, 1, y, sums), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, x, 1, (uint64_t *)(void *)sums, sums), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, x, SIZE_MAX / 256, y, 0), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, x, 1, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_read(0, sdm, 0, 0, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_read_iterated(0, wide, x, 1, 1, y, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_read_iterated(0, sdm, x, 2, 1, x + 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_read_iterated(0, sdm, x, 2, 1, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_read_iterated(0, sdm, x, 2, 1, y, (size_t *)(void *)y),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_read_iterated(0, sdm, x, 2, 0, y, counts), PKERN_OK);
    cr_assert_arr_eq(x, y, 32);
    cr_assert_eq(counts[1], 0);
    cr_assert_eq(pkern_hdc_sdm_read_iterated(0, sdm, 0, 0, 1, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_active(0, sdm, x, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_sdm_active(0, sdm, 0, 1, counts), PKERN_EINVAL);
    pkern_hdc_sdm_destroy(sdm);
    pkern_hdc_sdm_destroy(wide);
}

Test(hdc_sdm, no_memory_is_told_and_nothing_leaks) {
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_hdc_sdm_config config;
    pkern_hdc_sdm *sdm = 0;
    uint64_t x[8] = {0}, y[8];
    pkern_pool *pool = hdc_pool_new(2, &allocator);
    memset(&config, 0, sizeof config);
    config.n_locations = 10;
    config.address_words = 2;
    config.allocator = &allocator;
    state.left = 0;
    cr_assert_eq(pkern_hdc_sdm_create(pool, &config, &sdm), PKERN_ENOMEM);
    state.left = 1000000;
    cr_assert_eq(pkern_hdc_sdm_create(pool, &config, &sdm), PKERN_OK);
    state.left = 0;
    cr_assert_eq(pkern_hdc_sdm_write(pool, sdm, x, x, 0, 1), PKERN_ENOMEM);
    cr_assert_eq(pkern_hdc_sdm_read(pool, sdm, x, 1, y, 0), PKERN_ENOMEM);
    state.left = (int)pkn_atomic_load_relaxed_u32(&state.used) + 1;
    cr_assert_eq(pkern_hdc_sdm_read_iterated(pool, sdm, x, 1, 3, y, 0), PKERN_ENOMEM);
    cr_assert_eq(pkern_hdc_sdm_active(pool, sdm, x, 1, (size_t *)(void *)y), PKERN_ENOMEM);
    state.left = 1000000;
    pkern_hdc_sdm_destroy(sdm);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0);
}
