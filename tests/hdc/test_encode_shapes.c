/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#include <math.h>

enum {
    SHAPES_SEED = 360,
    SHAPES_ROWS = 23,
    SHAPES_OTHERS = 11,
    SHAPES_SETS = 8,
    SHAPES_TERMS = 470
};

/* Begin behind elements that belong to no set. */
static const size_t shapes_offsets[SHAPES_SETS + 1] = {3, 3, 4, 6, 22, 60, 124, 253, 470};

static uint64_t shapes_bit(const uint64_t *row, size_t words, size_t bit, size_t shift) {
    size_t from = (bit + words * 64 - shift % (words * 64)) % (words * 64);
    return row[from / 64] >> (from % 64) & 1;
}

/* One structure of each kind, bit by bit. a and b: the two codebooks. */
typedef enum {
    SHAPE_TABLE,
    SHAPE_GRAPH,
    SHAPE_DIRECTED,
    SHAPE_AUTOMATON,
    SHAPE_SEQUENCE,
    SHAPE_BOUND,
    SHAPES
} shapes_kind;

static uint64_t shapes_term(shapes_kind kind, const uint32_t *i, size_t behind, const uint64_t *a,
                            const uint64_t *b, size_t words, size_t bit) {
    switch (kind) {
    case SHAPE_TABLE:
        return shapes_bit(a + i[0] * words, words, bit, 0) ^
               shapes_bit(b + i[1] * words, words, bit, 0);
    case SHAPE_GRAPH:
        return shapes_bit(a + i[0] * words, words, bit, 0) ^
               shapes_bit(a + i[1] * words, words, bit, 0);
    case SHAPE_DIRECTED:
        return shapes_bit(a + i[0] * words, words, bit, 0) ^
               shapes_bit(a + i[1] * words, words, bit, 1);
    case SHAPE_AUTOMATON:
        return shapes_bit(b + i[0] * words, words, bit, 0) ^
               shapes_bit(a + i[1] * words, words, bit, 0) ^
               shapes_bit(a + i[2] * words, words, bit, 1);
    default:
        return shapes_bit(a + i[0] * words, words, bit, behind);
    }
}

static size_t shapes_arity(shapes_kind kind) {
    return kind < SHAPE_AUTOMATON ? 2 : kind == SHAPE_AUTOMATON ? 3 : 1;
}

static void shapes_oracle(shapes_kind kind, const uint32_t *indices, const size_t *offsets,
                          size_t n_sets, const uint64_t *a, const uint64_t *b, size_t words,
                          uint64_t *out) {
    memset(out, 0, n_sets * words * 8);
    for (size_t s = 0; s < n_sets; s++) {
        size_t n = offsets[s + 1] - offsets[s];
        for (size_t bit = 0; bit < words * 64; bit++) {
            size_t count = 0;
            for (size_t t = 0; t < n; t++)
                count += shapes_term(kind, indices + (offsets[s] + t) * shapes_arity(kind),
                                     n - 1 - t, a, b, words, bit);
            out[s * words + bit / 64] |= (uint64_t)(kind == SHAPE_BOUND ? count & 1 : count > n / 2)
                                         << (bit % 64);
        }
    }
}

static pkern_status shapes_encode(shapes_kind kind, pkern_pool *pool, const uint32_t *indices,
                                  const size_t *offsets, size_t n, const uint64_t *a, size_t n_a,
                                  const uint64_t *b, size_t n_b, size_t words, uint64_t *out) {
    switch (kind) {
    case SHAPE_TABLE:
        return pkern_hdc_encode_tables(pool, indices, offsets, n, a, n_a, b, n_b, words, out);
    case SHAPE_GRAPH:
    case SHAPE_DIRECTED:
        return pkern_hdc_encode_graphs(pool, indices, offsets, n, a, n_a, kind == SHAPE_DIRECTED,
                                       words, out);
    case SHAPE_AUTOMATON:
        return pkern_hdc_encode_automata(pool, indices, offsets, n, b, n_b, a, n_a, words, out);
    case SHAPE_SEQUENCE:
        return pkern_hdc_encode_sequences(pool, indices, offsets, n, a, n_a, words, out);
    default:
        return pkern_hdc_encode_bound_sequences(pool, indices, offsets, n, a, n_a, words, out);
    }
}

static pkern_status shapes_encode_u8(shapes_kind kind, pkern_pool *pool, const uint8_t *bytes,
                                     const size_t *offsets, size_t n, const uint64_t *a, size_t n_a,
                                     size_t words, uint64_t *out) {
    return kind == SHAPE_SEQUENCE
               ? pkern_hdc_encode_sequences_u8(pool, bytes, offsets, n, a, n_a, words, out)
               : pkern_hdc_encode_bound_sequences_u8(pool, bytes, offsets, n, a, n_a, words, out);
}

/* Every pool, with 32-bit numbers and with bytes where there are such. */
static void shapes_check(shapes_kind kind, const uint32_t *indices, const uint8_t *bytes,
                         const uint64_t *a, const uint64_t *b, size_t words,
                         const uint64_t *expected) {
    uint64_t *out = hdc_new(SHAPES_SETS * words, words % 3, 0);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        memset(out, 0x5a, SHAPES_SETS * words * 8);
        cr_assert_eq(shapes_encode(kind, pool, indices, shapes_offsets, SHAPES_SETS, a, SHAPES_ROWS,
                                   b, SHAPES_OTHERS, words, out),
                     PKERN_OK);
        cr_assert_arr_eq(out, expected, SHAPES_SETS * words * 8, "kind %d, words %zu, pool %zu",
                         (int)kind, words, p);
        if (kind >= SHAPE_SEQUENCE) {
            memset(out, 0x5a, SHAPES_SETS * words * 8);
            cr_assert_eq(shapes_encode_u8(kind, pool, bytes, shapes_offsets, SHAPES_SETS, a,
                                          SHAPES_ROWS, words, out),
                         PKERN_OK);
            cr_assert_arr_eq(out, expected, SHAPES_SETS * words * 8);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(out);
}

Test(hdc_encode_shapes, every_structure_matches_its_definition_bit_by_bit) {
    static const size_t words[] = {1, 3, 32, 33, 157};
    static uint32_t indices[SHAPES_TERMS * 3];
    static uint8_t bytes[SHAPES_TERMS];
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        uint64_t *a = hdc_new(SHAPES_ROWS * words[w], w, SHAPES_SEED);
        uint64_t *b = hdc_new(SHAPES_OTHERS * words[w], w, SHAPES_SEED + 1);
        uint64_t *expected = hdc_new(SHAPES_SETS * words[w], 0, 0);
        for (int kind = 0; kind < SHAPES; kind++) {
            size_t arity = shapes_arity((shapes_kind)kind);
            /* below the smaller codebook's size; before the first offset anything */
            for (size_t i = 0; i < SHAPES_TERMS * arity; i++)
                indices[i] = i < shapes_offsets[0] * arity
                                 ? 200
                                 : (uint32_t)(pkn_random_at(SHAPES_SEED + 2, i) % SHAPES_OTHERS);
            for (size_t i = 0; i < SHAPES_TERMS; i++) bytes[i] = (uint8_t)indices[i];
            shapes_oracle((shapes_kind)kind, indices, shapes_offsets, SHAPES_SETS, a, b, words[w],
                          expected);
            for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set))
                shapes_check((shapes_kind)kind, indices, bytes, a, b, words[w], expected);
        }
        hdc_free(a);
        hdc_free(b);
        hdc_free(expected);
    }
}

/* A text longer than its vectors have bits, so that rotations come round. */
Test(hdc_encode_shapes, a_long_sequence_comes_round) {
    enum { N = 331, WORDS = 2 };
    uint32_t symbols[N];
    size_t offsets[2] = {0, N};
    uint64_t codebook[SHAPES_ROWS * WORDS], out[WORDS], expected[WORDS];
    pkern_hdc_random(SHAPES_SEED, codebook, SHAPES_ROWS * WORDS);
    for (size_t i = 0; i < N; i++) symbols[i] = (uint32_t)(pkn_random_at(1, i) % SHAPES_ROWS);
    for (int kind = SHAPE_SEQUENCE; kind <= SHAPE_BOUND; kind++) {
        shapes_oracle((shapes_kind)kind, symbols, offsets, 1, codebook, 0, WORDS, expected);
        cr_assert_eq(shapes_encode((shapes_kind)kind, 0, symbols, offsets, 1, codebook, SHAPES_ROWS,
                                   0, 0, WORDS, out),
                     PKERN_OK);
        cr_assert_arr_eq(out, expected, sizeof out);
    }
}

static size_t shapes_nearest(const uint64_t *query, const uint64_t *rows, size_t n, size_t words) {
    pkern_hdc_match match;
    cr_assert_eq(pkern_hdc_nearest(0, query, 1, rows, n, words, &match), PKERN_OK);
    return match.index;
}

/* What the comments say of how each is asked. */
Test(hdc_encode_shapes, structures_answer_what_was_put_in) {
    enum { WORDS = 64, N = 9 };
    static uint64_t a[N * WORDS], b[N * WORDS], out[WORDS], query[WORDS], longer[WORDS];
    const size_t offsets[2] = {0, N}, less[2] = {0, N - 1};
    uint32_t indices[N * 3];
    pkern_hdc_random(1, a, N * WORDS);
    pkern_hdc_random(2, b, N * WORDS);
    for (uint32_t i = 0; i < N; i++) {
        indices[i * 2] = i;
        indices[i * 2 + 1] = (i * 2 + 3) % N;
    }
    cr_assert_eq(pkern_hdc_encode_tables(0, indices, offsets, 1, a, N, b, N, WORDS, out), PKERN_OK);
    for (uint32_t i = 0; i < N; i++) {
        cr_assert_eq(pkern_hdc_bind(0, out, 1, a + i * WORDS, WORDS, query), PKERN_OK);
        cr_assert_eq(shapes_nearest(query, b, N, WORDS), (size_t)((i * 2 + 3) % N));
    }
    cr_assert_eq(pkern_hdc_encode_graphs(0, indices, offsets, 1, a, N, 1, WORDS, out), PKERN_OK);
    for (uint32_t i = 0; i < N; i++) {
        cr_assert_eq(pkern_hdc_bind(0, out, 1, a + i * WORDS, WORDS, query), PKERN_OK);
        cr_assert_eq(pkern_hdc_permute(0, query, 1, WORDS, -1, query), PKERN_OK);
        cr_assert_eq(shapes_nearest(query, a, N, WORDS), (size_t)((i * 2 + 3) % N));
    }
    for (uint32_t i = 0; i < N; i++) {
        indices[i * 3] = i % 3;
        indices[i * 3 + 1] = i;
        indices[i * 3 + 2] = (i * 2 + 3) % N;
    }
    cr_assert_eq(pkern_hdc_encode_automata(0, indices, offsets, 1, b, 3, a, N, WORDS, out),
                 PKERN_OK);
    for (uint32_t i = 0; i < N; i++) {
        cr_assert_eq(pkern_hdc_bind(0, out, 1, b + i % 3 * WORDS, WORDS, query), PKERN_OK);
        cr_assert_eq(pkern_hdc_bind(0, query, 1, a + i * WORDS, WORDS, query), PKERN_OK);
        cr_assert_eq(pkern_hdc_permute(0, query, 1, WORDS, -1, query), PKERN_OK);
        cr_assert_eq(shapes_nearest(query, a, N, WORDS), (size_t)((i * 2 + 3) % N));
    }
    for (uint32_t i = 0; i < N; i++) indices[i] = i * 4 % N;
    cr_assert_eq(pkern_hdc_encode_sequences(0, indices, offsets, 1, a, N, WORDS, out), PKERN_OK);
    for (uint32_t i = 0; i < N; i++) {
        cr_assert_eq(pkern_hdc_permute(0, out, 1, WORDS, (long)i - N + 1, query), PKERN_OK);
        cr_assert_eq(shapes_nearest(query, a, N, WORDS), (size_t)(i * 4 % N));
    }
    cr_assert_eq(pkern_hdc_encode_bound_sequences(0, indices, less, 1, a, N, WORDS, out), PKERN_OK);
    cr_assert_eq(pkern_hdc_encode_bound_sequences(0, indices, offsets, 1, a, N, WORDS, longer),
                 PKERN_OK);
    cr_assert_eq(pkern_hdc_permute(0, out, 1, WORDS, 1, query), PKERN_OK);
    cr_assert_eq(pkern_hdc_bind(0, query, 1, a + indices[N - 1] * WORDS, WORDS, query), PKERN_OK);
    cr_assert_arr_eq(query, longer, sizeof query);
}

Test(hdc_encode_shapes, bad_arguments_change_nothing) {
    static const size_t offsets[3] = {0, 1, 2}, down[3] = {0, 2, 1}, many[2] = {0, (size_t)1 << 31};
    static const size_t none[3] = {1, 1, 1}, beyond[2] = {SIZE_MAX - 1, SIZE_MAX};
    for (int kind = 0; kind < SHAPES; kind++) {
        uint32_t indices[6] = {0, 1, 1, 0, 1, 1};
        uint8_t bytes[2] = {0, 1};
        uint64_t a[4], b[4], out[4] = {1, 2, 3, 4};
        const uint64_t before[4] = {1, 2, 3, 4};
        shapes_kind k = (shapes_kind)kind;
        pkern_hdc_random(1, a, 4);
        pkern_hdc_random(2, b, 4);
#define SHAPE(indices, offsets, n, a, n_a, b, words, out) \
    shapes_encode(k, 0, indices, offsets, n, a, n_a, b, 2, words, out)
        cr_assert_eq(SHAPE(indices, offsets, 2, a, 1, b, 2, out), PKERN_EINVAL);
        cr_assert_eq(SHAPE(indices, offsets, 2, a, 2, b, 0, out), PKERN_EINVAL);
        cr_assert_eq(SHAPE(0, offsets, 2, a, 2, b, 2, out), PKERN_EINVAL);
        cr_assert_eq(SHAPE(indices, 0, 2, a, 2, b, 2, out), PKERN_EINVAL);
        cr_assert_eq(SHAPE(indices, down, 2, a, 2, b, 2, out), PKERN_EINVAL);
        cr_assert_eq(SHAPE(indices, offsets, 2, 0, 2, b, 2, out), PKERN_EINVAL);
        cr_assert_eq(SHAPE(indices, offsets, 2, out, 2, b, 2, out), PKERN_EINVAL);
        cr_assert_eq(SHAPE(indices, offsets, 2, a, 2, b, 2, 0), PKERN_EINVAL);
        cr_assert_eq(SHAPE((uint32_t *)(void *)out, offsets, 2, a, 2, b, 2, out), PKERN_EINVAL);
        if (kind == SHAPE_TABLE || kind == SHAPE_AUTOMATON) {
            cr_assert_eq(SHAPE(indices, offsets, 2, a, 2, 0, 2, out), PKERN_EINVAL);
            cr_assert_eq(SHAPE(indices, offsets, 2, a, 2, out, 2, out), PKERN_EINVAL);
        }
        cr_assert_eq(SHAPE(indices, many, 1, a, 2, b, 2, out), PKERN_EOVERFLOW);
        cr_assert_eq(SHAPE(indices, beyond, 1, a, 2, b, 2, out), PKERN_EOVERFLOW);
        cr_assert_eq(SHAPE(indices, offsets, 2, a, SIZE_MAX / 4, b, 2, out), PKERN_EOVERFLOW);
        cr_assert_eq(SHAPE(indices, offsets, SIZE_MAX / 8, a, 2, b, 2, out), PKERN_EOVERFLOW);
        cr_assert_eq(SHAPE(indices, offsets, 2, a, 2, b, ((size_t)1 << 26) + 1, out),
                     PKERN_EOVERFLOW);
        if (kind >= SHAPE_SEQUENCE) {
            cr_assert_eq(shapes_encode_u8(k, 0, bytes, offsets, 2, a, 1, 2, out), PKERN_EINVAL);
            cr_assert_eq(shapes_encode_u8(k, 0, 0, offsets, 2, a, 2, 2, out), PKERN_EINVAL);
            cr_assert_eq(shapes_encode_u8(k, 0, (uint8_t *)(void *)out, offsets, 2, a, 2, 2, out),
                         PKERN_EINVAL);
        }
        cr_assert_arr_eq(out, before, sizeof before);
        cr_assert_eq(SHAPE(0, 0, 0, 0, 0, 0, 2, 0), PKERN_OK);
        cr_assert_eq(SHAPE(0, none, 2, 0, 0, 0, 2, out), PKERN_OK);
        cr_assert(out[0] == 0 && out[3] == 0);
#undef SHAPE
    }
}

Test(hdc_encode_bits, thermometers_compare_with_each_threshold) {
    enum { ROWS = 37 };
    static const size_t fields[] = {0, 1, 1, 3, 7, 5, 64, 13, 2},
                        levels[] = {3, 1, 64, 0, 9, 64, 1, 31, 157};
    static const float special[] = {0, -0.0f, NAN, INFINITY, -INFINITY, 1e-45f, -1e-45f};
    for (size_t k = 0; k < sizeof fields / sizeof fields[0]; k++) {
        size_t n_bits = fields[k] * levels[k], words = n_bits / 64 + 1 + k % 2;
        float *values = (float *)malloc((ROWS * fields[k] + 1) * sizeof(float));
        float *thresholds = (float *)malloc((n_bits + 1) * sizeof(float));
        uint64_t *out = hdc_new(ROWS * words, 0, 0);
        for (size_t i = 0; i < ROWS * fields[k]; i++) {
            uint64_t r = pkn_random_at(SHAPES_SEED, i);
            values[i] = r % 4 == 0 ? special[r / 4 % 7] : (float)(int)(r % 32) - 16;
        }
        for (size_t i = 0; i < n_bits; i++) {
            uint64_t r = pkn_random_at(SHAPES_SEED + 9, i);
            thresholds[i] = r % 8 == 0 ? special[r / 8 % 7] : (float)(int)(r % 32) - 16;
        }
        for (size_t p = 0; p < HDC_N_POOLS; p++) {
            pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
            memset(out, 0x55, ROWS * words * 8);
            cr_assert_eq(pkern_hdc_encode_thermometer(pool, values, ROWS, fields[k], thresholds,
                                                      levels[k], words, out),
                         PKERN_OK);
            for (size_t i = 0; i < ROWS * words * 64; i++) {
                size_t row = i / (words * 64), bit = i % (words * 64);
                uint64_t is_above =
                    bit < n_bits && values[row * fields[k] + bit / levels[k]] > thresholds[bit];
                cr_assert_eq(out[i / 64] >> (i % 64) & 1, is_above, "case %zu, row %zu, bit %zu", k,
                             row, bit);
            }
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        }
        free(values);
        free(thresholds);
        hdc_free(out);
    }
    {
        float v[2] = {1, 2}, t[66] = {0};
        uint64_t out[2] = {7, 8};
        cr_assert_eq(pkern_hdc_encode_thermometer(0, v, 1, 2, t, 33, 1, out), PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, v, 1, 2, t, 2, 0, out), PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, 0, 1, 2, t, 2, 1, out), PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, v, 1, 2, 0, 2, 1, out), PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, v, 1, 2, t, 2, 1, 0), PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, (float *)(void *)out, 1, 2, t, 2, 1, out),
                     PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, v, 1, 2, (float *)(void *)out, 2, 1, out),
                     PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, v, 1, 2, t, SIZE_MAX / 2, 1, out),
                     PKERN_EOVERFLOW);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, v, 1, 2, t, SIZE_MAX / 4, 1, out),
                     PKERN_EOVERFLOW);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, v, 1, SIZE_MAX / 2, t, 1, 1, out),
                     PKERN_EOVERFLOW);
        cr_assert(out[0] == 7 && out[1] == 8);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, v, 1, 2, t, 33, 2, out), PKERN_OK);
        cr_assert(out[0] == UINT64_MAX && out[1] == 3);
        cr_assert_eq(pkern_hdc_encode_thermometer(0, 0, 0, 2, t, 2, 1, 0), PKERN_OK);
    }
}
