/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Structures by name: sequences, hash tables, graphs, automata. All but the bound sequences are sets
   of terms. */
#ifndef PKN_HDC_ENCODE_SHAPES_C
#define PKN_HDC_ENCODE_SHAPES_C

#include "hdc/encode.h"
#include "hdc/encode_sets.c"
#include "hdc/encode_terms.h"

PKERN_API pkern_status pkern_hdc_encode_tables(pkern_pool *pool, const uint32_t *pairs,
                                               const size_t *offsets, size_t n_tables,
                                               const uint64_t *keys, size_t n_keys,
                                               const uint64_t *values, size_t n_values,
                                               size_t words, uint64_t *out) {
    const uint64_t *tables[2];
    size_t n_rows[2];
    pkn_sets sets = {0, pairs, offsets, n_tables, tables, n_rows, 2, words, out, PKN_SETS_PLAIN};
    tables[0] = keys;
    tables[1] = values;
    n_rows[0] = n_keys;
    n_rows[1] = n_values;
    return pkn_sets_encode(&sets, pool);
}

PKERN_API pkern_status pkern_hdc_encode_graphs(pkern_pool *pool, const uint32_t *edges,
                                               const size_t *offsets, size_t n_graphs,
                                               const uint64_t *nodes, size_t n_nodes,
                                               int is_directed, size_t words, uint64_t *out) {
    const uint64_t *tables[2];
    size_t n_rows[2];
    pkn_sets sets = {0, edges, offsets, n_graphs, tables, n_rows, 2, words, out, PKN_SETS_PLAIN};
    tables[0] = tables[1] = nodes;
    n_rows[0] = n_rows[1] = n_nodes;
    sets.rotation = is_directed ? PKN_SETS_LAST : PKN_SETS_PLAIN;
    return pkn_sets_encode(&sets, pool);
}

PKERN_API pkern_status pkern_hdc_encode_automata(pkern_pool *pool, const uint32_t *transitions,
                                                 const size_t *offsets, size_t n_automata,
                                                 const uint64_t *tokens, size_t n_tokens,
                                                 const uint64_t *states, size_t n_states,
                                                 size_t words, uint64_t *out) {
    const uint64_t *tables[3];
    size_t n_rows[3];
    pkn_sets sets = {0,      transitions, offsets, n_automata, tables,
                     n_rows, 3,           words,   out,        PKN_SETS_LAST};
    tables[0] = tokens;
    tables[1] = tables[2] = states;
    n_rows[0] = n_tokens;
    n_rows[1] = n_rows[2] = n_states;
    return pkn_sets_encode(&sets, pool);
}

/* ---- sequences */

/* Items are texts in a block of columns: the xor of all rows, each rotated. */
PKN_INTERNAL int pkn_bound_items(size_t begin, size_t end, void *ctx) {
    const pkn_sets *sets = (const pkn_sets *)ctx;
    for (size_t item = begin; item < end; item++) {
        uint64_t rotated[PKN_TERMS_WORDS];
        size_t text = item % sets->n_sets, word = item / sets->n_sets * PKN_TERMS_WORDS;
        size_t words = pkn_min_size(PKN_TERMS_WORDS, sets->words - word);
        size_t last = sets->offsets[text + 1];
        uint64_t *out = sets->out + text * sets->words + word;
        memset(out, 0, words * sizeof *out);
        for (size_t i = sets->offsets[text]; i < last; i++) {
            size_t index = sets->bytes ? sets->bytes[i] : sets->indices[i];
            pkn_terms_rotate(sets->tables[0] + index * sets->words, sets->words, last - 1 - i, word,
                             words, rotated);
            pkn_simd()->xor_u64(out, rotated, words, out);
        }
    }
    return 0;
}

PKN_INTERNAL pkern_status pkn_sequences_encode(pkern_pool *pool, const uint8_t *bytes,
                                               const uint32_t *symbols, const size_t *offsets,
                                               size_t n_texts, const uint64_t *codebook,
                                               size_t n_symbols, int is_bound, size_t words,
                                               uint64_t *out) {
    pkn_sets sets = {bytes,      symbols, offsets, n_texts, &codebook,
                     &n_symbols, 1,       words,   out,     PKN_SETS_BY_PLACE};
    return is_bound ? pkn_sets_run(&sets, pool, 1.5 * pkn_terms_rotate_cost(words), pkn_bound_items)
                    : pkn_sets_encode(&sets, pool);
}

PKERN_API pkern_status pkern_hdc_encode_sequences(pkern_pool *pool, const uint32_t *symbols,
                                                  const size_t *offsets, size_t n_texts,
                                                  const uint64_t *codebook, size_t n_symbols,
                                                  size_t words, uint64_t *out) {
    return pkn_sequences_encode(pool, 0, symbols, offsets, n_texts, codebook, n_symbols, 0, words,
                                out);
}

PKERN_API pkern_status pkern_hdc_encode_sequences_u8(pkern_pool *pool, const uint8_t *symbols,
                                                     const size_t *offsets, size_t n_texts,
                                                     const uint64_t *codebook, size_t n_symbols,
                                                     size_t words, uint64_t *out) {
    return pkn_sequences_encode(pool, symbols, 0, offsets, n_texts, codebook, n_symbols, 0, words,
                                out);
}

PKERN_API pkern_status pkern_hdc_encode_bound_sequences(pkern_pool *pool, const uint32_t *symbols,
                                                        const size_t *offsets, size_t n_texts,
                                                        const uint64_t *codebook, size_t n_symbols,
                                                        size_t words, uint64_t *out) {
    return pkn_sequences_encode(pool, 0, symbols, offsets, n_texts, codebook, n_symbols, 1, words,
                                out);
}

PKERN_API pkern_status pkern_hdc_encode_bound_sequences_u8(pkern_pool *pool, const uint8_t *symbols,
                                                           const size_t *offsets, size_t n_texts,
                                                           const uint64_t *codebook,
                                                           size_t n_symbols, size_t words,
                                                           uint64_t *out) {
    return pkn_sequences_encode(pool, symbols, 0, offsets, n_texts, codebook, n_symbols, 1, words,
                                out);
}

#endif
