/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* n-grams of a text that comes in pieces. Symbols wait until they give a block of 256 grams; the
   last n - 1 of a block wait on, as they begin the next one. */
#ifndef PKN_HDC_ENCODE_STREAM_C
#define PKN_HDC_ENCODE_STREAM_C

#include "hdc/encode.h"
#include "hdc/encode_ngrams.c"

#define PKN_STREAM_BLOCK 256

PKERN_API pkern_status pkern_hdc_ngram_begin(pkern_hdc_ngram_stream *stream, const uint64_t *tables,
                                             size_t n_symbols, size_t n, size_t words,
                                             uint64_t *memory) {
    size_t bytes;
    pkern_status status = pkn_ngrams_check_tables(n_symbols, n, words, &bytes);
    if (status != PKERN_OK) {
        return status;
    }
    if (!stream || !tables || !memory ||
        pkn_overlaps(tables, bytes, memory, PKERN_HDC_NGRAM_STREAM_WORDS(words) * sizeof *memory)) {
        return PKERN_EINVAL;
    }
    memset(stream, 0, sizeof *stream);
    stream->tables = tables;
    stream->memory = memory;
    stream->n_symbols = n_symbols;
    stream->n = n;
    stream->words = words;
    memset(memory, 0, PKERN_HDC_NGRAM_STREAM_WORDS(words) * sizeof *memory);
    return PKERN_OK;
}

/* The counts of a block of columns as they are. */
PKN_INTERNAL pkn_terms_count pkn_stream_count(const pkern_hdc_ngram_stream *stream, size_t block) {
    pkn_terms_count count;
    count.planes = stream->memory + block * PKN_TERMS_PLANES_WORDS(PKN_TERMS_MAX_HIGH);
    count.n_high = PKN_TERMS_MAX_HIGH;
    count.n_groups = (size_t)(stream->n_grams / 16);
    return count;
}

/* All grams of the symbols that wait; with out the last ones, whatever their number. */
PKN_INTERNAL void pkn_stream_flush(pkern_hdc_ngram_stream *stream, uint64_t *out) {
    const uint64_t *rows[PKN_STREAM_BLOCK + PKERN_HDC_MAX_NGRAM - 1];
    size_t n_grams = stream->n_waiting < stream->n ? 0 : stream->n_waiting - stream->n + 1;
    uint64_t total = stream->n_grams + n_grams;
    for (size_t block = 0; block < pkn_terms_blocks(stream->words); block++) {
        size_t word = block * PKN_TERMS_WORDS;
        size_t words = pkn_min_size(PKN_TERMS_WORDS, stream->words - word);
        const uint64_t *table = stream->tables + stream->n * stream->n_symbols * word;
        pkn_terms terms = {rows, 1, stream->n, stream->n_symbols * words};
        pkn_terms_count count = pkn_stream_count(stream, block);
        for (size_t i = 0; i < stream->n_waiting; i++) {
            rows[i] = table + stream->waiting[i] * words;
        }
        pkn_simd()->count_terms_u64(&terms, n_grams / 16, words, &count);
        if (out) {
            terms.rows = rows + n_grams / 16 * 16;
            pkn_simd()->end_terms_u64(&terms, n_grams % 16, words, &count, total / 2, out + word);
        }
    }
    stream->n_grams = total;
    memmove(stream->waiting, stream->waiting + n_grams,
            (stream->n_waiting - n_grams) * sizeof *stream->waiting);
    stream->n_waiting -= n_grams;
}

/* Either bytes or symbols. */
PKN_INTERNAL pkern_status pkn_stream_add(pkern_hdc_ngram_stream *stream, const uint8_t *bytes,
                                         const uint32_t *symbols, size_t n) {
    pkn_ngrams check;
    if (n == 0) {
        return PKERN_OK;
    }
    if (!stream || (!bytes && !symbols)) {
        return PKERN_EINVAL;
    }
    if (n > PKN_ENCODE_MAX_TERMS ||
        stream->n_grams + stream->n_waiting + n > PKN_ENCODE_MAX_TERMS) {
        return PKERN_EOVERFLOW;
    }
    memset(&check, 0, sizeof check);
    check.bytes = bytes;
    check.symbols = symbols;
    check.n_symbols = stream->n_symbols;
    if (pkn_ngrams_check_symbols(0, n, &check) != PKERN_OK) {
        return PKERN_EINVAL;
    }
    for (size_t i = 0; i < n;) {
        size_t room = PKN_STREAM_BLOCK + stream->n - 1 - stream->n_waiting;
        size_t end = i + pkn_min_size(room, n - i);
        for (; i < end; i++) {
            stream->waiting[stream->n_waiting++] = bytes ? bytes[i] : symbols[i];
        }
        if (stream->n_waiting == PKN_STREAM_BLOCK + stream->n - 1) {
            pkn_stream_flush(stream, 0);
        }
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_hdc_ngram_add(pkern_hdc_ngram_stream *stream, const uint32_t *symbols,
                                           size_t n_symbols) {
    return pkn_stream_add(stream, 0, symbols, n_symbols);
}

PKERN_API pkern_status pkern_hdc_ngram_add_u8(pkern_hdc_ngram_stream *stream,
                                              const uint8_t *symbols, size_t n_symbols) {
    return pkn_stream_add(stream, symbols, 0, n_symbols);
}

PKERN_API pkern_status pkern_hdc_ngram_finish(pkern_hdc_ngram_stream *stream, uint64_t *out) {
    size_t bytes;
    if (!stream || !out ||
        pkn_ngrams_check_tables(stream->n_symbols, stream->n, stream->words, &bytes) != PKERN_OK ||
        pkn_overlaps(stream, sizeof *stream, out, stream->words * 8) ||
        pkn_overlaps(stream->tables, bytes, out, stream->words * 8) ||
        pkn_overlaps(stream->memory, PKERN_HDC_NGRAM_STREAM_WORDS(stream->words) * 8, out,
                     stream->words * 8)) {
        return PKERN_EINVAL;
    }
    pkn_stream_flush(stream, out);
    return PKERN_OK;
}

#endif
