/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { NGRAMS_SEED = 330 };

/* One text's vector, bit by bit, from the codebook itself. */
static void ngrams_check(const uint32_t *symbols, size_t length, const uint64_t *codebook, size_t n,
                         size_t words, const uint64_t *out) {
    size_t n_grams = length < n ? 0 : length - n + 1, bits = words * 64;
    for (size_t bit = 0; bit < bits; bit++) {
        size_t count = 0;
        for (size_t i = 0; i < n_grams; i++) {
            uint64_t term = 0;
            for (size_t j = 0; j < n; j++) {
                size_t from = (bit + bits - (n - 1 - j)) % bits;
                term ^= codebook[symbols[i + j] * words + from / 64] >> (from % 64) & 1;
            }
            count += term;
        }
        cr_assert((out[bit / 64] >> (bit % 64) & 1) == (count > n_grams / 2),
                  "n %zu, length %zu, words %zu, bit %zu, count %zu", n, length, words, bit, count);
    }
}

typedef struct ngrams_case {
    size_t n_symbols, n, words, n_texts, length;
    uint64_t *codebook, *tables;
    uint32_t *symbols;
    uint8_t *bytes;
    size_t *offsets;
} ngrams_case;

/* Texts of the lengths given, the first one behind `first` symbols that belong to none. */
static ngrams_case ngrams_new(size_t n_symbols, size_t n, size_t words, const size_t *lengths,
                              size_t n_texts, size_t first) {
    ngrams_case c = {n_symbols, n, words, n_texts, first, 0, 0, 0, 0, 0};
    c.codebook = hdc_new(n_symbols * words, n % 8, NGRAMS_SEED);
    c.tables = hdc_new(n * n_symbols * words, words % 8, 0);
    c.offsets = (size_t *)malloc((n_texts + 1) * sizeof(size_t));
    for (size_t t = 0; t < n_texts; t++) {
        c.offsets[t] = c.length;
        c.length += lengths[t];
    }
    c.offsets[n_texts] = c.length;
    c.symbols = (uint32_t *)malloc((c.length + 1) * 4);
    c.bytes = (uint8_t *)malloc(c.length + 1);
    for (size_t i = 0; i < c.length; i++) {
        c.symbols[i] =
            i < first ? UINT32_MAX : (uint32_t)(pkn_random_at(NGRAMS_SEED + 1, i) % n_symbols);
        c.bytes[i] = (uint8_t)c.symbols[i];
    }
    cr_assert_eq(pkern_hdc_ngram_tables(0, c.codebook, n_symbols, n, words, c.tables), PKERN_OK);
    return c;
}

static void ngrams_free(ngrams_case *c) {
    hdc_free(c->codebook);
    hdc_free(c->tables);
    free(c->symbols);
    free(c->bytes);
    free(c->offsets);
}

Test(hdc_encode_ngrams, tables_are_rotated_codebooks_block_by_block) {
    const size_t length = 3;
    ngrams_case c = ngrams_new(5, 4, 41, &length, 1, 0);
    for (size_t j = 0; j < 4; j++) {
        for (size_t s = 0; s < 5; s++) {
            for (size_t bit = 0; bit < 41 * 64; bit++) {
                size_t to = (bit + 3 - j) % (41 * 64), row = j * 5 + s;
                size_t at = to / 64 < 32 ? row * 32 + to / 64 : 20 * 32 + row * 9 + to / 64 - 32;
                cr_assert_eq(c.codebook[s * 41 + bit / 64] >> (bit % 64) & 1,
                             c.tables[at] >> (to % 64) & 1);
            }
        }
    }
    ngrams_free(&c);
}

Test(hdc_encode_ngrams, every_set_matches_a_count_of_each_bit) {
    static const size_t words[] = {1, 3, 32, 157}, grams[] = {1, 2, 3, 4, 5, 8, 64};
    static const size_t lengths[] = {0, 1, 2, 3, 17, 18, 33, 64, 65, 0, 97, 300, 530};
    enum { N_TEXTS = sizeof lengths / sizeof lengths[0] };
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < 4; w++) {
            for (size_t g = 0; g < sizeof grams / sizeof grams[0]; g++) {
                size_t n = grams[g], n_texts = words[w] < 32 ? N_TEXTS : n == 3 ? 12 : 6;
                ngrams_case c = ngrams_new(29, n, words[w], lengths, n_texts, 5);
                uint64_t *out = hdc_new(n_texts * words[w] + 1, n % 8, 3);
                uint64_t *of_bytes = hdc_new(n_texts * words[w], 1, 4);
                uint64_t guard = out[n_texts * words[w]];
                cr_assert_eq(pkern_hdc_encode_ngrams(0, c.symbols, c.offsets, n_texts, c.tables, 29,
                                                     n, words[w], out),
                             PKERN_OK);
                cr_assert_eq(pkern_hdc_encode_ngrams_u8(0, c.bytes, c.offsets, n_texts, c.tables,
                                                        29, n, words[w], of_bytes),
                             PKERN_OK);
                for (size_t t = 0; t < n_texts; t++)
                    ngrams_check(c.symbols + c.offsets[t], lengths[t], c.codebook, n, words[w],
                                 out + t * words[w]);
                cr_assert_arr_eq(of_bytes, out, n_texts * words[w] * 8);
                cr_assert_eq(out[n_texts * words[w]], guard);
                ngrams_free(&c);
                hdc_free(out);
                hdc_free(of_bytes);
            }
        }
    }
}

Test(hdc_encode_ngrams, every_pool_gives_the_same_bits_however_texts_are_cut) {
    static const size_t many[] = {700, 3, 0, 1201, 2, 900, 64, 1000, 31, 5, 800, 400};
    static const size_t few[] = {20011, 7}, one[] = {30011};
    static const size_t *const lengths[] = {many, few, one};
    static const size_t n_texts[] = {12, 2, 1}, words[] = {33, 3, 1};
    for (size_t k = 0; k < 3; k++) {
        ngrams_case c = ngrams_new(256, 3, words[k], lengths[k], n_texts[k], 0);
        uint64_t *expected = hdc_new(n_texts[k] * words[k], 0, 0);
        uint64_t *out = hdc_new(n_texts[k] * words[k], 0, 0);
        for (size_t p = 0; p < HDC_N_POOLS; p++) {
            pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
            cr_assert_eq(pkern_hdc_encode_ngrams_u8(pool, c.bytes, c.offsets, n_texts[k], c.tables,
                                                    256, 3, words[k], p == 0 ? expected : out),
                         PKERN_OK);
            if (p > 0) cr_assert_arr_eq(out, expected, n_texts[k] * words[k] * 8);
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        }
        for (size_t t = 0; t < n_texts[k]; t++)
            ngrams_check(c.symbols + c.offsets[t], lengths[k][t], c.codebook, 3, words[k],
                         expected + t * words[k]);
        ngrams_free(&c);
        hdc_free(expected);
        hdc_free(out);
    }
}

Test(hdc_encode_ngrams, without_memory_for_parts_a_long_text_is_done_whole) {
    const size_t length = 9001;
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    ngrams_case c = ngrams_new(27, 3, 33, &length, 1, 0);
    uint64_t *out = hdc_new(33, 0, 0);
    pkern_pool *pool = hdc_pool_new(3, &allocator);
    state.left = 0;
    cr_assert_eq(pkern_hdc_encode_ngrams(pool, c.symbols, c.offsets, 1, c.tables, 27, 3, 33, out),
                 PKERN_OK);
    state.left = 1000000;
    ngrams_check(c.symbols, length, c.codebook, 3, 33, out);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    ngrams_free(&c);
    hdc_free(out);
}

Test(hdc_encode_ngrams, a_text_in_pieces_gives_the_same_bits) {
    static const size_t pieces[] = {0, 1, 2, 1, 5, 255, 256, 300, 17, 1000, 3};
    const size_t length = 1840;
    static const size_t words[] = {1, 32, 40}, grams[] = {1, 3, 64};
    for (size_t w = 0; w < 3; w++) {
        for (size_t g = 0; g < 3; g++) {
            ngrams_case c = ngrams_new(27, grams[g], words[w], &length, 1, 0);
            uint64_t expected[40], out[40];
            uint64_t *memory = hdc_new(PKERN_HDC_NGRAM_STREAM_WORDS(words[w]), 0, 9);
            pkern_hdc_ngram_stream stream;
            size_t at = 0;
            cr_assert_eq(pkern_hdc_encode_ngrams(0, c.symbols, c.offsets, 1, c.tables, 27, grams[g],
                                                 words[w], expected),
                         PKERN_OK);
            for (int again = 0; again < 2; again++) {
                cr_assert_eq(
                    pkern_hdc_ngram_begin(&stream, c.tables, 27, grams[g], words[w], memory),
                    PKERN_OK);
                at = 0;
                for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
                    cr_assert_eq(again ? pkern_hdc_ngram_add_u8(&stream, c.bytes + at, pieces[i])
                                       : pkern_hdc_ngram_add(&stream, c.symbols + at, pieces[i]),
                                 PKERN_OK);
                    at += pieces[i];
                }
                cr_assert_eq(at, length);
                cr_assert_eq(pkern_hdc_ngram_finish(&stream, out), PKERN_OK);
                cr_assert_arr_eq(out, expected, words[w] * 8);
            }
            cr_assert_eq(pkern_hdc_ngram_begin(&stream, c.tables, 27, grams[g], words[w], memory),
                         PKERN_OK);
            cr_assert_eq(pkern_hdc_ngram_finish(&stream, out), PKERN_OK);
            for (size_t i = 0; i < words[w]; i++) cr_assert_eq(out[i], 0u);
            hdc_free(memory);
            ngrams_free(&c);
        }
    }
}

Test(hdc_encode_ngrams, a_stream_refuses_bad_arguments_and_stays_as_it_was) {
    uint64_t tables[4] = {1, 2, 3, 4}, out[1];
    static uint64_t memory[PKERN_HDC_NGRAM_STREAM_WORDS(1)];
    pkern_hdc_ngram_stream stream;
    const uint32_t good[3] = {0, 1, 0}, bad[3] = {0, 2, 0};
    const uint8_t bad_bytes[1] = {2};
    cr_assert_eq(pkern_hdc_ngram_begin(&stream, tables, 2, 0, 1, memory), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_begin(&stream, tables, 2, 65, 1, memory), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_begin(&stream, tables, 2, 2, 0, memory), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_begin(&stream, 0, 2, 2, 1, memory), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_begin(&stream, tables, 2, 2, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_begin(0, tables, 2, 2, 1, memory), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_begin(&stream, tables, SIZE_MAX / 2, 2, 1, memory),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_ngram_begin(&stream, tables, 2, 2, 1, memory), PKERN_OK);
    cr_assert_eq(pkern_hdc_ngram_add(&stream, good, 3), PKERN_OK);
    cr_assert_eq(pkern_hdc_ngram_add(&stream, bad, 3), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_add_u8(&stream, bad_bytes, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_add(&stream, 0, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_add(0, good, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_add(&stream, good, SIZE_MAX), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_ngram_add(&stream, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_ngram_finish(&stream, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_finish(&stream, stream.memory), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_finish(&stream, (uint64_t *)(uintptr_t)stream.tables),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_finish(0, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_finish(&stream, out), PKERN_OK);
    cr_assert_eq(out[0], ((tables[0] ^ tables[3]) & (tables[1] ^ tables[2])));
}

Test(hdc_encode_ngrams, the_largest_symbol_is_found_wherever_it_stands) {
    static const size_t limits[] = {1, 2, 100, 128, 129, 200, 255, 256};
    static uint64_t tables[256];
    uint32_t symbols[19];
    uint8_t bytes[19];
    uint64_t out;
    for (size_t k = 0; k < 8; k++) {
        for (size_t length = 1; length <= 19; length++) {
            const size_t offsets[2] = {0, length};
            for (size_t at = 0; at < length; at++) {
                for (size_t value = limits[k] - 1; value <= limits[k]; value++) {
                    pkern_status expected = value < limits[k] ? PKERN_OK : PKERN_EINVAL;
                    memset(symbols, 0, sizeof symbols);
                    memset(bytes, 0, sizeof bytes);
                    symbols[at] = (uint32_t)value;
                    bytes[at] = (uint8_t)value;
                    cr_assert_eq(pkern_hdc_encode_ngrams(0, symbols, offsets, 1, tables, limits[k],
                                                         1, 1, &out),
                                 expected);
                    symbols[at] |= 0x80000000u;
                    cr_assert_eq(pkern_hdc_encode_ngrams(0, symbols, offsets, 1, tables, limits[k],
                                                         1, 1, &out),
                                 PKERN_EINVAL);
                    if (value == 256) continue;
                    cr_assert_eq(pkern_hdc_encode_ngrams_u8(0, bytes, offsets, 1, tables, limits[k],
                                                            1, 1, &out),
                                 expected);
                }
            }
        }
    }
}

Test(hdc_encode_ngrams, bad_arguments_change_nothing) {
    static const size_t down[3] = {0, 3, 2}, many[2] = {0, (size_t)1 << 31};
    static const size_t beyond[2] = {SIZE_MAX / 2, SIZE_MAX / 2};
    static const size_t offsets[3] = {0, 4, 8}, none[3] = {5, 5, 5};
    uint32_t symbols[8] = {0, 1, 2, 0, 1, 2, 0, 3};
    uint8_t bytes[8] = {0, 1, 2, 0, 1, 2, 0, 3};
    uint64_t tables[2 * 3 * 2], out[4] = {1, 2, 3, 4};
    const uint64_t before[4] = {1, 2, 3, 4};
    size_t own[3] = {0, 1, 2};
    pkern_hdc_random(1, tables, 12);
#define NGRAMS(symbols, offsets, n_texts, tables, n_symbols, n, words, out) \
    pkern_hdc_encode_ngrams(0, symbols, offsets, n_texts, tables, n_symbols, n, words, out)
    cr_assert_eq(NGRAMS(symbols, offsets, 2, tables, 3, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_encode_ngrams_u8(0, bytes, offsets, 2, tables, 3, 2, 2, out),
                 PKERN_EINVAL);
    symbols[7] = bytes[7] = 2;
    cr_assert_eq(NGRAMS(symbols, offsets, 2, tables, 3, 2, 0, out), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, offsets, 2, tables, 3, 0, 2, out), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, offsets, 2, tables, 3, 65, 2, out), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, offsets, 2, tables, 0, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(0, offsets, 2, tables, 3, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, 0, 2, tables, 3, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, down, 2, tables, 3, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, offsets, 2, 0, 3, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, offsets, 2, tables, 3, 2, 2, 0), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, offsets, 2, tables, 3, 2, 2, tables + 8), PKERN_EINVAL);
    cr_assert_eq(NGRAMS((uint32_t *)(void *)(out + 3), offsets, 1, tables, 3, 2, 4, out),
                 PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, own, 2, tables, 3, 2, 1, (uint64_t *)(void *)own), PKERN_EINVAL);
    cr_assert_eq(NGRAMS(symbols, many, 1, tables, 3, 2, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(NGRAMS(symbols, beyond, 1, tables, 3, 2, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(NGRAMS(symbols, offsets, SIZE_MAX / 8, tables, 3, 2, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(NGRAMS(symbols, offsets, 2, tables, SIZE_MAX / 2, 2, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(NGRAMS(symbols, offsets, 2, tables, 3, 2, ((size_t)1 << 26) + 1, out),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_ngram_tables(0, tables, 3, 0, 2, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_tables(0, 0, 3, 1, 2, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_tables(0, tables, 3, 2, 2, tables), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_ngram_tables(0, 0, 0, 2, 2, 0), PKERN_OK);
    cr_assert_arr_eq(out, before, sizeof before);
    cr_assert_eq(NGRAMS(0, 0, 0, 0, 3, 2, 2, 0), PKERN_OK);
    cr_assert_eq(NGRAMS(0, none, 2, 0, 3, 2, 2, out), PKERN_OK);
    cr_assert(out[0] == 0 && out[3] == 0);
#undef NGRAMS
}
