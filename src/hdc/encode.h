/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Encoders: from records, texts and structures to hypervectors, fused, so that no vector is written
   but the result.

   What hdc.h says of vectors, batches, errors, threads and memory holds here too. Every encoder
   here bundles terms, each the exclusive or (bind) of a few rows, as pkern_hdc_bundle would: a bit
   is 1 where more than half of the terms have a 1, and a tie is 0. Arrays of vectors that begin on
   a 64-byte line, with words a multiple of 8, are fastest. A set has at most 2^31 - 1 terms
   (PKERN_EOVERFLOW). */
#ifndef PKN_HDC_ENCODE_H
#define PKN_HDC_ENCODE_H

#include "base/base.h"
#include "pool/pool.h"

#include <stddef.h>
#include <stdint.h>

PKERN_EXTERN_C_BEGIN

/* Records of numbers to vectors: for each row r of values [n_rows x n_fields],
       out[r] = the bundle over all fields f of ids[f] ^ levels[level(values[r][f])]
       level(v) = the whole number nearest to
                  (v - low[f]) / (high[f] - low[f]) * (n_levels - 1), kept in 0 .. n_levels - 1
   so that values outside of [low[f], high[f]] count as the nearer bound, infinities too. A NaN is a
   missing value: its field is left out of the row's bundle (a row of nothing else is the zero
   vector). Where high[f] is not above low[f], either is not finite, or the range is so small that
   (n_levels - 1) / range is beyond float, every number has level 0.
   Fractions are those of float arithmetic: v - low[f] rounded (beyond float it counts as the bound),
   times (n_levels - 1) / (high[f] - low[f]) rounded (a double quotient, to float), plus 0.5f, cut.
   Shapes: ids [n_fields x words], levels [n_levels x words] (n_levels from 1 to 2^22, else
   PKERN_EINVAL and PKERN_EOVERFLOW), low and high [n_fields], out [n_rows x words]; out must not
   overlap an input. In parallel over rows and columns. Allocates 4 * n_fields bytes where there are
   more than 1024 fields.
   Source: A. Rahimi, P. Kanerva, J. Rabaey, "A robust and energy-efficient classifier using
   brain-inspired hyperdimensional computing", 2016 (ID bound with level); the order that keeps rows
   of ids in L1 for several records is own. */
PKERN_API pkern_status pkern_hdc_encode_records(pkern_pool *pool, const float *values,
                                                size_t n_rows, size_t n_fields, const uint64_t *ids,
                                                const uint64_t *levels, size_t n_levels,
                                                const float *low, const float *high, size_t words,
                                                uint64_t *out);

/* The same before the majority: out [n_rows x 64 * words], out[r][i] = ones less zeros that the
   row's terms have at bit i, so that out[r][i] > 0 is bit i of what pkern_hdc_encode_records gives.
   Sums of them are the counts of a pkern_hdc_accumulator. */
PKERN_API pkern_status pkern_hdc_encode_records_counts(pkern_pool *pool, const float *values,
                                                       size_t n_rows, size_t n_fields,
                                                       const uint64_t *ids, const uint64_t *levels,
                                                       size_t n_levels, const float *low,
                                                       const float *high, size_t words,
                                                       int32_t *out);

/* ---- n-grams ---- */

/* An n-gram has at most so many symbols. */
#define PKERN_HDC_MAX_NGRAM 64

/* Rotated copies of a codebook, in the order in which the n-gram encoders read them:
       for (b = 0; b < words; b += 32)              (columns b to b + 31 of every row)
           for (j = 0; j < n; j++) for (s = 0; s < n_symbols; s++)
               append words b .. min(b + 32, words) - 1 of codebook[s] rotated by n - 1 - j bits
   for codebook [n_symbols x words] and out [n * n_symbols * words]; n is 1 to PKERN_HDC_MAX_NGRAM
   (else PKERN_EINVAL). Up to 2048 bits that is table after table, [n x n_symbols x words]. out may
   not overlap codebook. Made once for any number of texts. In parallel over symbols. */
PKERN_API pkern_status pkern_hdc_ngram_tables(pkern_pool *pool, const uint64_t *codebook,
                                              size_t n_symbols, size_t n, size_t words,
                                              uint64_t *out);

/* Texts to vectors: text t is symbols [offsets[t], offsets[t + 1]), and
       out[t] = the bundle, over all i where all n symbols are in the text, of
                rotate(codebook[symbols[i]], n - 1) ^ rotate(codebook[symbols[i + 1]], n - 2) ^ ...
                ^ codebook[symbols[i + n - 1]]
   for tables = what pkern_hdc_ngram_tables makes of codebook. A text with less than n symbols gives
   the zero vector. offsets [n_texts + 1] must not decrease; a symbol that is not below n_symbols is
   PKERN_EINVAL, found before anything is written; out [n_texts x words] must not overlap an input.
   The second function takes bytes as symbols. In parallel over texts and columns, and where there
   are few, over parts of a long text; then it allocates up to 256 bytes a word of out and part, at
   most 8 parts a thread, and without memory does the text whole.
   Time: a trigram of 2048 bits reads three rows of 256 bytes and takes one xor of three and one
   full adder (two operations) in 64 bytes: not below 12 cycles on Zen 4 (one 64-byte load a cycle),
   6 where two such loads are done in a cycle.
   Source: A. Joshi, J. Halseth, P. Kanerva, "Language geometry using random indexing", 2016
   (n-grams by rotation); the fused counting is own. */
PKERN_API pkern_status pkern_hdc_encode_ngrams(pkern_pool *pool, const uint32_t *symbols,
                                               const size_t *offsets, size_t n_texts,
                                               const uint64_t *tables, size_t n_symbols, size_t n,
                                               size_t words, uint64_t *out);
PKERN_API pkern_status pkern_hdc_encode_ngrams_u8(pkern_pool *pool, const uint8_t *symbols,
                                                  const size_t *offsets, size_t n_texts,
                                                  const uint64_t *tables, size_t n_symbols,
                                                  size_t n, size_t words, uint64_t *out);

/* Words of memory that a stream of n-grams needs for vectors of so many words. */
#define PKERN_HDC_NGRAM_STREAM_WORDS(words) (60 * (((size_t)(words) + 31) / 32 * 32))

/* One text that comes in pieces: begin, add any number of pieces, finish. Plain data: a copy of the
   struct with a copy of its memory goes on by itself. One thread at a time. */
typedef struct pkern_hdc_ngram_stream {
    const uint64_t *tables;
    uint64_t *memory;
    size_t n_symbols, n, words;
    uint64_t n_grams; /* counted already */
    size_t n_waiting; /* symbols that are not */
    uint32_t waiting[256 + PKERN_HDC_MAX_NGRAM - 1];
} pkern_hdc_ngram_stream;

/* tables as above, kept by the caller until the end, as is memory
   [PKERN_HDC_NGRAM_STREAM_WORDS(words)]. */
PKERN_API pkern_status pkern_hdc_ngram_begin(pkern_hdc_ngram_stream *stream, const uint64_t *tables,
                                             size_t n_symbols, size_t n, size_t words,
                                             uint64_t *memory);
/* PKERN_EINVAL where a symbol is not below n_symbols, PKERN_EOVERFLOW beyond 2^31 - 1 n-grams: then
   the stream is as it was. */
PKERN_API pkern_status pkern_hdc_ngram_add(pkern_hdc_ngram_stream *stream, const uint32_t *symbols,
                                           size_t n_symbols);
PKERN_API pkern_status pkern_hdc_ngram_add_u8(pkern_hdc_ngram_stream *stream,
                                              const uint8_t *symbols, size_t n_symbols);
/* out [words] is what pkern_hdc_encode_ngrams gives for all pieces as one text. The stream is at
   its end and may begin again. */
PKERN_API pkern_status pkern_hdc_ngram_finish(pkern_hdc_ngram_stream *stream, uint64_t *out);

/* ---- Structures ---- */

/* A term has at most so many rows. */
#define PKERN_HDC_MAX_ARITY 8

/* Sets of terms to vectors: for terms t from offsets[s] to offsets[s + 1] - 1,
       out[s] = the bundle of tables[0][indices[t][0]] ^ ... ^ tables[arity - 1][indices[t][arity - 1]]
   with indices [n_terms x arity], tables [arity] of n_rows[j] rows each, offsets [n_sets + 1] that
   do not decrease. arity is 1 to PKERN_HDC_MAX_ARITY (else PKERN_EINVAL); an index that is not below
   n_rows is PKERN_EINVAL, found before anything is written; out [n_sets x words] must not overlap an
   input. In parallel over sets and columns. With arity 1 that is multisets; the functions below are
   further structures, and any other is one of terms over tables of its own, rotated or not
   (pkern_hdc_permute). What is said here of offsets, indices, overlap and threads holds for them
   too. Source: P. Kanerva, "Hyperdimensional Computing", 2009. */
PKERN_API pkern_status pkern_hdc_encode_terms(pkern_pool *pool, const uint32_t *indices,
                                              const size_t *offsets, size_t n_sets,
                                              const uint64_t *const *tables, const size_t *n_rows,
                                              size_t arity, size_t words, uint64_t *out);

/* Hash tables: for pairs p from offsets[t] to offsets[t + 1] - 1,
       out[t] = the bundle of keys[pairs[p][0]] ^ values[pairs[p][1]]
   with pairs [n_pairs x 2], keys [n_keys x words], values [n_values x words], out [n_tables x
   words]. Bind out[t] with a key, and the nearest of the values is that key's. */
PKERN_API pkern_status pkern_hdc_encode_tables(pkern_pool *pool, const uint32_t *pairs,
                                               const size_t *offsets, size_t n_tables,
                                               const uint64_t *keys, size_t n_keys,
                                               const uint64_t *values, size_t n_values,
                                               size_t words, uint64_t *out);

/* Graphs: for edges e from offsets[g] to offsets[g + 1] - 1,
       out[g] = the bundle of nodes[edges[e][0]] ^ nodes[edges[e][1]]              is_directed 0
                the bundle of nodes[edges[e][0]] ^ rotate(nodes[edges[e][1]], 1)   else
   with edges [n_edges x 2] of a source and a target each, nodes [n_nodes x words], out [n_graphs x
   words]. Undirected: out[g] bound with a node is like its neighbours; an edge from a node to
   itself is the zero vector. Directed: bound with a node and rotated by -1 it is like the node's
   successors, bound with a node that is rotated by 1, like its predecessors. Rows are rotated anew
   for each edge; where one graph has many times more edges than nodes, pkern_hdc_encode_terms over
   nodes and rotated nodes takes less than half the time.
   Source: P. Poduval et al., "GrapHD", 2022. */
PKERN_API pkern_status pkern_hdc_encode_graphs(pkern_pool *pool, const uint32_t *edges,
                                               const size_t *offsets, size_t n_graphs,
                                               const uint64_t *nodes, size_t n_nodes,
                                               int is_directed, size_t words, uint64_t *out);

/* Finite automata: for transitions t from offsets[a] to offsets[a + 1] - 1,
       out[a] = the bundle of tokens[transitions[t][0]] ^ states[transitions[t][1]]
                              ^ rotate(states[transitions[t][2]], 1)
   with transitions [n_transitions x 3] of a token, the state before and the state after it, tokens
   [n_tokens x words], states [n_states x words], out [n_automata x words]. Bind out[a] with a token
   and a state, rotate by -1, and the nearest of the states is the next one (of an automaton that is
   not deterministic: all next ones are near).
   Source: E. Osipov, D. Kleyko, A. Legalov, "Associative synthesis of finite state automata model
   of a controlled object with hyperdimensional computing", 2017; the order of terms is that of
   torchhd's FiniteStateAutomata (M. Heddes et al., "Torchhd", 2023). */
PKERN_API pkern_status pkern_hdc_encode_automata(pkern_pool *pool, const uint32_t *transitions,
                                                 const size_t *offsets, size_t n_automata,
                                                 const uint64_t *tokens, size_t n_tokens,
                                                 const uint64_t *states, size_t n_states,
                                                 size_t words, uint64_t *out);

/* Sequences: text t is symbols [offsets[t], offsets[t + 1]), n of them, s its first, and
       out[t] = the bundle of rotate(codebook[s[i]], n - 1 - i) over i from 0 to n - 1
   for codebook [n_symbols x words] and out [n_texts x words]. Texts with the same symbols at the
   same places from the end are alike; rotate out[t] by i - n + 1, and the nearest of the codebook is
   s[i]. Rotations go round, so places that are 64 * words apart are one. The second function takes
   bytes as symbols.
   Source: torchhd's bundle_sequence (M. Heddes et al., "Torchhd", 2023). */
PKERN_API pkern_status pkern_hdc_encode_sequences(pkern_pool *pool, const uint32_t *symbols,
                                                  const size_t *offsets, size_t n_texts,
                                                  const uint64_t *codebook, size_t n_symbols,
                                                  size_t words, uint64_t *out);
PKERN_API pkern_status pkern_hdc_encode_sequences_u8(pkern_pool *pool, const uint8_t *symbols,
                                                     const size_t *offsets, size_t n_texts,
                                                     const uint64_t *codebook, size_t n_symbols,
                                                     size_t words, uint64_t *out);

/* The same with the exclusive or (bind) in place of the bundle: out[t] is unlike that of every other
   text, and out[t] of a text with one symbol more is rotate(out[t], 1) ^ that symbol's row. No
   symbols give the zero vector. Source: torchhd's bind_sequence. */
PKERN_API pkern_status pkern_hdc_encode_bound_sequences(pkern_pool *pool, const uint32_t *symbols,
                                                        const size_t *offsets, size_t n_texts,
                                                        const uint64_t *codebook, size_t n_symbols,
                                                        size_t words, uint64_t *out);
PKERN_API pkern_status pkern_hdc_encode_bound_sequences_u8(pkern_pool *pool, const uint8_t *symbols,
                                                           const size_t *offsets, size_t n_texts,
                                                           const uint64_t *codebook,
                                                           size_t n_symbols, size_t words,
                                                           uint64_t *out);

/* ---- Numbers and bytes to bits ---- */

/* Signs: bit i of out[r] = values[r][i] > 0, for values [n_rows x 64 * words] and out [n_rows x
   words]; 0, -0 and NaN give 0. */
PKERN_API pkern_status pkern_hdc_encode_signs(pkern_pool *pool, const float *values, size_t n_rows,
                                              size_t words, uint64_t *out);

/* Thermometers: bit f * n_levels + i of out[r] = values[r][f] > thresholds[f][i], for values [n_rows
   x n_fields], thresholds [n_fields x n_levels] and out [n_rows x words]; bits from n_fields *
   n_levels on are 0, and words with less room than that are PKERN_EINVAL. A NaN is above nothing and
   has all bits 0, as -infinity has, and nothing is above a NaN. Where a field's thresholds ascend,
   two rows differ in one bit for each threshold between their values, so that distances are sums of
   steps over the fields. Steps of one size: thresholds[f][i] = low[f] + (high[f] - low[f]) * (i + 0.5)
   / n_levels; steps of equal weight: quantiles of the data. The comparison is that of float, so the
   bits are the same everywhere. In parallel over words of out.
   Source: J. Buckman, A. Roy, C. Raffel, I. Goodfellow, "Thermometer encoding", 2018. */
PKERN_API pkern_status pkern_hdc_encode_thermometer(pkern_pool *pool, const float *values,
                                                    size_t n_rows, size_t n_fields,
                                                    const float *thresholds, size_t n_levels,
                                                    size_t words, uint64_t *out);

/* Random projection: bit i of out[r] = (the sum over f of values[r][f] * R[i][f]) > 0, for values
   [n_rows x n_fields] and out [n_rows x words], where R[i][f] is 1 or -1 by bit f % 64 of word i *
   ceil(n_fields / 64) + f / 64 of pkern_hdc_random(seed). The angle between two rows becomes their
   distance: a share angle / pi of the bits differs on average. Sums are those of
   pkern_simd_dot_f32 over 4096 fields at a time, added in order, so bits are the same everywhere; a
   row with a NaN, or with infinities that cancel, has zeros where the sum is a NaN. Center the data
   first. In parallel over words of out; no matrix is stored.
   Source: M. Charikar, "Similarity estimation techniques from rounding algorithms", 2002; D.
   Achlioptas, "Database-friendly random projections", 2003 (signs). */
PKERN_API pkern_status pkern_hdc_encode_projection(pkern_pool *pool, const float *values,
                                                   size_t n_rows, size_t n_fields, uint64_t seed,
                                                   size_t words, uint64_t *out);

/* Hash: out [words] is a random vector that depends on the n bytes and the seed alone, the same on
   every machine; different bytes give unrelated vectors. Not for adversaries: collisions can be
   made. For vectors that are alike where texts are, use pkern_hdc_encode_ngrams_u8. bytes may be
   null where n is 0. */
PKERN_API pkern_status pkern_hdc_encode_hash(const void *bytes, size_t n, uint64_t seed,
                                             size_t words, uint64_t *out);

PKERN_EXTERN_C_END

#endif
