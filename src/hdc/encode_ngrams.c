/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* n-grams of symbols, counted without being written.

   The tables lie block of columns by block, so that a block's rows stand close together whatever
   the length of a vector: 27 letters' three rows of 256 bytes fit in L1. A symbol becomes one
   pointer, to its row in the first table; the kernel finds the rows of the later symbols of a gram
   at fixed distances from theirs. Usually an item of the parallel loop is a
   text in a block of columns; where these are few, the grams of a long text are cut into parts,
   whose counts are added at the end. */
#ifndef PKN_HDC_ENCODE_NGRAMS_C
#define PKN_HDC_ENCODE_NGRAMS_C

#include "base/alloc.h"
#include "hdc/encode.h"
#include "hdc/encode_terms.h"
#include "simd/rotate.h"

/* Grams counted in one go, a multiple of 16; their pointers take 2 KiB. */
#define PKN_NGRAMS_BLOCK 256
/* With fewer items a thread, texts of twice as many grams as a part has are cut. */
#define PKN_NGRAMS_ITEMS_PER_THREAD 4
#define PKN_NGRAMS_PART 2048
#define PKN_NGRAMS_MAX_PLANES (4 + PKN_TERMS_MAX_HIGH)

typedef struct pkn_ngrams {
    const uint8_t *bytes; /* either these symbols */
    const uint32_t *symbols;
    const size_t *offsets;
    size_t n_texts;
    const uint64_t *tables;
    size_t n_symbols, n, words;
    uint64_t *out;
    /* parts of one text */
    size_t text, part_len;
    unsigned n_planes;
    uint64_t *planes; /* [n_parts x n_planes x words] */
} pkn_ngrams;

PKN_INTERNAL size_t pkn_ngrams_of(const pkn_ngrams *ngrams, size_t text) {
    size_t length = ngrams->offsets[text + 1] - ngrams->offsets[text];
    return length < ngrams->n ? 0 : length - ngrams->n + 1;
}

/* Four at a time, since a plain loop's overhead is that of the work. */
#define PKN_NGRAMS_ROWS(symbols) \
    for (; n - i >= 4; i += 4) { \
        rows[i] = table + (symbols)[i] * stride; \
        rows[i + 1] = table + (symbols)[i + 1] * stride; \
        rows[i + 2] = table + (symbols)[i + 2] * stride; \
        rows[i + 3] = table + (symbols)[i + 3] * stride; \
    } \
    for (; i < n; i++) { \
        rows[i] = table + (symbols)[i] * stride; \
    }

/* Rows of n symbols in a block's first table. */
PKN_INTERNAL void pkn_ngrams_rows(const pkn_ngrams *ngrams, size_t first, size_t n,
                                  const uint64_t *table, size_t stride, const uint64_t **rows) {
    size_t i = 0;
    if (ngrams->bytes) {
        const uint8_t *bytes = ngrams->bytes + first;
        PKN_NGRAMS_ROWS(bytes)
    } else {
        const uint32_t *symbols = ngrams->symbols + first;
        PKN_NGRAMS_ROWS(symbols)
    }
}

/* n_grams grams from symbol `first` on, in a block of columns: out, or where it is null the planes
   of count, has the result. threshold: as of pkn_end_terms. */
PKN_INTERNAL void pkn_ngrams_count(const pkn_ngrams *ngrams, size_t first, size_t n_grams,
                                   size_t word, pkn_terms_count *count, uint64_t threshold,
                                   uint64_t *out) {
    const uint64_t *rows[PKN_NGRAMS_BLOCK + PKERN_HDC_MAX_NGRAM - 1];
    size_t words = pkn_min_size(PKN_TERMS_WORDS, ngrams->words - word);
    const uint64_t *table = pkn_hdc_at(ngrams->tables, ngrams->n * ngrams->n_symbols * word);
    pkn_terms terms = {rows, 1, ngrams->n, ngrams->n_symbols * words};
    size_t n = pkn_min_size(n_grams, PKN_NGRAMS_BLOCK), kept = 0;
    for (; n_grams > 0; n = pkn_min_size(n_grams, PKN_NGRAMS_BLOCK)) {
        /* the last n - 1 symbols of a block begin the next one */
        pkn_ngrams_rows(ngrams, first + kept, n + ngrams->n - 1 - kept, table, words, rows + kept);
        pkn_simd()->count_terms_u64(&terms, n / 16, words, count);
        n_grams -= n;
        if (n_grams == 0) {
            break;
        }
        first += n;
        kept = ngrams->n - 1;
        memmove(rows, rows + n, kept * sizeof *rows);
    }
    terms.rows = rows + n / 16 * 16;
    pkn_simd()->end_terms_u64(&terms, n % 16, words, count, threshold, out);
}

/* Items are texts in a block of columns. */
PKN_INTERNAL int pkn_ngrams_items(size_t begin, size_t end, void *ctx) {
    const pkn_ngrams *ngrams = (const pkn_ngrams *)ctx;
    PKN_ALIGNED(64) uint64_t planes[PKN_TERMS_PLANES_WORDS(PKN_TERMS_MAX_HIGH)];
    pkn_terms_count count;
    for (size_t item = begin; item < end; item++) {
        size_t text = item % ngrams->n_texts;
        size_t word = item / ngrams->n_texts * PKN_TERMS_WORDS;
        size_t n_grams = pkn_ngrams_of(ngrams, text);
        pkn_terms_begin(&count, planes, pkn_terms_n_high(n_grams));
        pkn_ngrams_count(ngrams, ngrams->offsets[text], n_grams, word, &count, n_grams / 2,
                         ngrams->out + text * ngrams->words + word);
    }
    return 0;
}

/* Items are parts of one text in a block of columns. */
PKN_INTERNAL int pkn_ngrams_parts(size_t begin, size_t end, void *ctx) {
    const pkn_ngrams *ngrams = (const pkn_ngrams *)ctx;
    PKN_ALIGNED(64) uint64_t planes[PKN_TERMS_PLANES_WORDS(PKN_TERMS_MAX_HIGH)];
    size_t n_grams = pkn_ngrams_of(ngrams, ngrams->text),
           n_blocks = pkn_terms_blocks(ngrams->words);
    pkn_terms_count count;
    for (size_t item = begin; item < end; item++) {
        size_t part = item / n_blocks, word = item % n_blocks * PKN_TERMS_WORDS;
        size_t words = pkn_min_size(PKN_TERMS_WORDS, ngrams->words - word);
        size_t first = part * ngrams->part_len;
        uint64_t *out = ngrams->planes + part * ngrams->n_planes * ngrams->words + word;
        pkn_terms_begin(&count, planes, ngrams->n_planes - 4);
        pkn_ngrams_count(ngrams, ngrams->offsets[ngrams->text] + first,
                         pkn_min_size(ngrams->part_len, n_grams - first), word, &count, 0, 0);
        for (unsigned plane = 0; plane < ngrams->n_planes; plane++) {
            memcpy(out + plane * ngrams->words, planes + plane * PKN_TERMS_WORDS, words * 8);
        }
    }
    return 0;
}

/* Adds the parts' counts and compares them with half of the grams. */
PKN_INTERNAL void pkn_ngrams_add_parts(const pkn_ngrams *ngrams, size_t n_parts, size_t n_grams,
                                       uint64_t *out) {
    unsigned n_planes = 4 + pkn_terms_n_high(n_grams);
    for (size_t word = 0; word < ngrams->words; word++) {
        uint64_t sums[PKN_NGRAMS_MAX_PLANES] = {0}, above = 0;
        for (size_t part = 0; part < n_parts; part++) {
            const uint64_t *planes =
                ngrams->planes + part * ngrams->n_planes * ngrams->words + word;
            uint64_t carry = 0;
            for (unsigned k = 0; k < n_planes; k++) {
                uint64_t a = sums[k], b = k < ngrams->n_planes ? planes[k * ngrams->words] : 0;
                sums[k] = a ^ b ^ carry;
                carry = (a & b) | ((a ^ b) & carry);
            }
        }
        for (unsigned k = 0; k < n_planes; k++) {
            above = n_grams / 2 >> k & 1 ? sums[k] & above : sums[k] | above;
        }
        out[word] = above;
    }
}

PKN_INTERNAL pkern_status pkn_ngrams_long_text(pkn_ngrams *ngrams, pkern_pool *pool, size_t text,
                                               size_t n_threads) {
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    size_t n_blocks = pkn_terms_blocks(ngrams->words), n_grams = pkn_ngrams_of(ngrams, text);
    size_t n_parts, bytes = 0;
    pkern_status status;
    ngrams->text = text;
    ngrams->part_len = pkn_max_size(n_grams / (n_threads * 8) + 1, PKN_NGRAMS_PART);
    ngrams->n_planes = 4 + pkn_terms_n_high(ngrams->part_len);
    n_parts = (n_grams + ngrams->part_len - 1) / ngrams->part_len;
    ngrams->planes = 0;
    if (!pkn_mul_overflows_size(n_parts * ngrams->n_planes, ngrams->words * 8, &bytes)) {
        ngrams->planes = (uint64_t *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    }
    if (!ngrams->planes) {
        for (size_t block = 0; block < n_blocks; block++) {
            size_t item = block * ngrams->n_texts + text;
            (void)pkn_ngrams_items(item, item + 1, ngrams);
        }
        return PKERN_OK;
    }
    status = pkn_hdc_run(pool, n_parts * n_blocks, 1,
                         pkn_terms_cost(ngrams->n, ngrams->words) * (double)ngrams->part_len,
                         pkn_ngrams_parts, ngrams);
    if (status == PKERN_OK) {
        pkn_ngrams_add_parts(ngrams, n_parts, n_grams, ngrams->out + text * ngrams->words);
    }
    pkn_release(allocator, ngrams->planes, bytes);
    return status;
}

PKN_INTERNAL pkern_status pkn_ngrams_run(pkn_ngrams *ngrams, pkern_pool *pool) {
    size_t n_items = ngrams->n_texts * pkn_terms_blocks(ngrams->words);
    size_t n_symbols = ngrams->offsets[ngrams->n_texts] - ngrams->offsets[0], n_threads;
    /* a text's begin and end are as long as about 20 grams */
    double cost = ((double)n_symbols / (double)ngrams->n_texts + 20) *
                  pkn_terms_cost(ngrams->n, ngrams->words);
    if (cost * (double)n_items < PKN_HDC_DIRECT_NS) {
        return pkn_ngrams_items(0, n_items, ngrams);
    }
    n_threads = (size_t)pkern_pool_num_threads(pool);
    if (n_threads > 1 && n_items < n_threads * PKN_NGRAMS_ITEMS_PER_THREAD &&
        n_symbols / ngrams->n_texts >= 2 * PKN_NGRAMS_PART) {
        for (size_t text = 0; text < ngrams->n_texts; text++) {
            pkern_status status = pkn_ngrams_long_text(ngrams, pool, text, n_threads);
            if (status != PKERN_OK) {
                return status;
            }
        }
        return PKERN_OK;
    }
    return pkn_hdc_run(pool, n_items, 1, cost, pkn_ngrams_items, ngrams);
}

/* PKERN_EINVAL where a symbol in [begin, end) is none. Eight bytes or two numbers at a time: without
   their high bits, and with what is missing from the limit to a high bit added, they have a high
   bit where they are not below. */
PKN_INTERNAL int pkn_ngrams_check_symbols(size_t begin, size_t end, void *ctx) {
    const pkn_ngrams *ngrams = (const pkn_ngrams *)ctx;
    size_t size = ngrams->bytes ? 1 : sizeof *ngrams->symbols, limit = ngrams->n_symbols;
    const char *symbols =
        ngrams->bytes ? (const char *)ngrams->bytes : (const char *)ngrams->symbols;
    uint64_t one = ngrams->bytes ? UINT64_C(0x0101010101010101) : UINT64_C(0x0000000100000001);
    uint64_t half = UINT64_C(1) << (8 * size - 1), high = one * half, bad = 0, x, sum;
    uint64_t is_small = limit <= half ? ~UINT64_C(0) : 0;
    uint64_t add = one * ((is_small ? half : 2 * half) - limit);
    if (limit >= 2 * half) {
        return PKERN_OK;
    }
    for (; (end - begin) * size >= 8; begin += 8 / size) {
        memcpy(&x, symbols + begin * size, 8);
        sum = (x & ~high) + add;
        bad |= (sum & (x | is_small)) | (x & is_small);
    }
    bad &= high;
    for (; begin < end; begin++) {
        bad |= (ngrams->bytes ? ngrams->bytes[begin] : ngrams->symbols[begin]) >= limit;
    }
    return bad == 0 ? PKERN_OK : PKERN_EINVAL;
}

/* Of tables [n x n_symbols x words]. */
PKN_INTERNAL pkern_status pkn_ngrams_check_tables(size_t n_symbols, size_t n, size_t words,
                                                  size_t *bytes) {
    size_t n_rows;
    if (n == 0 || n > PKERN_HDC_MAX_NGRAM) {
        return PKERN_EINVAL;
    }
    return pkn_mul_overflows_size(n, n_symbols, &n_rows) ? PKERN_EOVERFLOW
                                                         : pkn_hdc_check_rows(n_rows, words, bytes);
}

PKN_INTERNAL pkern_status pkn_ngrams_check(const pkn_ngrams *ngrams, size_t symbol_bytes) {
    const size_t *offsets = ngrams->offsets;
    const char *symbols =
        ngrams->bytes ? (const char *)ngrams->bytes : (const char *)ngrams->symbols;
    size_t table_bytes, out_bytes, n;
    pkern_status status =
        pkn_ngrams_check_tables(ngrams->n_symbols, ngrams->n, ngrams->words, &table_bytes);
    if (status == PKERN_OK) {
        status = pkn_hdc_check_rows(ngrams->n_texts, ngrams->words, &out_bytes);
    }
    if (status != PKERN_OK || ngrams->n_texts == 0) {
        return status;
    }
    if (!offsets || !ngrams->out) {
        return PKERN_EINVAL;
    }
    for (size_t text = 0; text < ngrams->n_texts; text++) {
        if (offsets[text + 1] < offsets[text]) {
            return PKERN_EINVAL;
        }
        if (offsets[text + 1] - offsets[text] > PKN_ENCODE_MAX_TERMS) {
            return PKERN_EOVERFLOW;
        }
    }
    n = offsets[ngrams->n_texts] - offsets[0];
    if (offsets[ngrams->n_texts] > SIZE_MAX / symbol_bytes) {
        return PKERN_EOVERFLOW;
    }
    if ((n > 0 && (!symbols || !ngrams->tables)) ||
        (n > 0 && pkn_overlaps(symbols + offsets[0] * symbol_bytes, n * symbol_bytes, ngrams->out,
                               out_bytes)) ||
        pkn_overlaps(offsets, (ngrams->n_texts + 1) * sizeof *offsets, ngrams->out, out_bytes) ||
        pkn_overlaps(ngrams->tables, table_bytes, ngrams->out, out_bytes)) {
        return PKERN_EINVAL;
    }
    return PKERN_OK;
}

PKN_INTERNAL pkern_status pkn_ngrams_encode(pkn_ngrams *ngrams, pkern_pool *pool,
                                            size_t symbol_bytes) {
    pkern_status status = pkn_ngrams_check(ngrams, symbol_bytes);
    size_t n;
    if (status != PKERN_OK || ngrams->n_texts == 0) {
        return status;
    }
    n = ngrams->offsets[ngrams->n_texts] - ngrams->offsets[0];
    if (n > 0) {
        pkn_ngrams shifted = *ngrams;
        shifted.bytes = ngrams->bytes ? ngrams->bytes + ngrams->offsets[0] : 0;
        shifted.symbols = ngrams->symbols ? ngrams->symbols + ngrams->offsets[0] : 0;
        status = pkn_hdc_run(pool, n, 1024, 0.1 * (double)symbol_bytes, pkn_ngrams_check_symbols,
                             &shifted);
    }
    return status == PKERN_OK ? pkn_ngrams_run(ngrams, pool) : status;
}

PKERN_API pkern_status pkern_hdc_encode_ngrams(pkern_pool *pool, const uint32_t *symbols,
                                               const size_t *offsets, size_t n_texts,
                                               const uint64_t *tables, size_t n_symbols, size_t n,
                                               size_t words, uint64_t *out) {
    pkn_ngrams ngrams = {0,     symbols, offsets, n_texts, tables, n_symbols, n,
                         words, out,     0,       0,       0,      0};
    return pkn_ngrams_encode(&ngrams, pool, sizeof *symbols);
}

PKERN_API pkern_status pkern_hdc_encode_ngrams_u8(pkern_pool *pool, const uint8_t *symbols,
                                                  const size_t *offsets, size_t n_texts,
                                                  const uint64_t *tables, size_t n_symbols,
                                                  size_t n, size_t words, uint64_t *out) {
    pkn_ngrams ngrams = {symbols, 0,   offsets, n_texts, tables, n_symbols, n,
                         words,   out, 0,       0,       0,      0};
    return pkn_ngrams_encode(&ngrams, pool, sizeof *symbols);
}

typedef struct pkn_ngram_tables {
    const uint64_t *codebook;
    size_t n_symbols, n, words;
    uint64_t *out;
} pkn_ngram_tables;

/* Items are symbols. A shift is less than a word. */
PKN_INTERNAL int pkn_ngram_tables_symbols(size_t begin, size_t end, void *ctx) {
    const pkn_ngram_tables *tables = (const pkn_ngram_tables *)ctx;
    for (size_t symbol = begin; symbol < end; symbol++) {
        const uint64_t *in = tables->codebook + symbol * tables->words;
        uint64_t before = in[tables->words - 1];
        for (size_t word = 0; word < tables->words; word += PKN_TERMS_WORDS) {
            size_t words = pkn_min_size(PKN_TERMS_WORDS, tables->words - word);
            uint64_t *out = tables->out + tables->n * tables->n_symbols * word + symbol * words;
            for (size_t j = 0; j < tables->n; j++) {
                pkn_funnel_scalar(in + word, words, (unsigned)(tables->n - 1 - j), before,
                                  out + j * tables->n_symbols * words);
            }
            before = in[word + words - 1];
        }
    }
    return 0;
}

PKERN_API pkern_status pkern_hdc_ngram_tables(pkern_pool *pool, const uint64_t *codebook,
                                              size_t n_symbols, size_t n, size_t words,
                                              uint64_t *out) {
    pkn_ngram_tables tables = {codebook, n_symbols, n, words, out};
    size_t bytes;
    pkern_status status = pkn_ngrams_check_tables(n_symbols, n, words, &bytes);
    if (status != PKERN_OK || n_symbols == 0) {
        return status;
    }
    if (!codebook || !out || pkn_overlaps(codebook, n_symbols * words * 8, out, bytes)) {
        return PKERN_EINVAL;
    }
    /* about 0.3 ns a word */
    return pkn_hdc_run(pool, n_symbols, 1, 0.3 * (double)(n * words), pkn_ngram_tables_symbols,
                       &tables);
}

#endif
