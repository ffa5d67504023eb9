/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Tells languages apart and finds passages again, with nothing but hypervectors.
 *
 *     cc -O2 -I. examples/language_search.c -o language_search -pthread && ./language_search
 *
 * How it works. Every character has a random vector of 2048 bits. Three characters in a row become one vector: rotate,
 * bind (XOR), rotate, bind. A text is the majority of its trigrams' vectors (its bundle). Texts that share trigrams
 * have vectors that agree in more than half of their bits; everything below follows from that:
 *
 *     a language    the bundle of what was learned      classify: the nearest language       (pkern_hdc_nearest)
 *     a memory      the vectors of all passages         search: the k most similar passages  (pkern_hdc_top_k)
 *
 * The file goes from small to large: reading, characters, cutting into texts, vectors, the demo and its page,
 * the commands for your own files. To learn pkern, read the section "Vectors" first: all the parallel work is there.
 */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PKERN_IMPLEMENTATION
#include "pkern.h"

enum {
    WORDS = PKERN_HV16_WORDS, /* 2048 bits a vector */
    GRAM = 3,                 /* characters bound together */
    BATCH = 8192,             /* texts that are encoded between looks of the progress bar */
    WINDOW = 64,              /* characters of a passage in the memory ... */
    STEP = 16,                /* ... and from the beginning of one to that of the next */
    LEARNED_BLOCKS =
        21, /* the demo learns the preamble and articles 1 to 20, and asks about 21 to 30 */
    ASKED_LETTERS = 40, /* shorter sentences are not asked about */
    N_QUERIES = 100,
    WORST = 12, /* confusions to show */
    TOP = 10,
    ROUNDS = 7 /* of each time the best of so many is reported */
};
#define GOAL 0.97 /* the demo fails below this accuracy */

/* ---------------------------------------------------------------------------------------------- failing and allocating */

static const char *unfinished_file; /* removed when the program fails */

#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 1, 2)))
#endif
static void
fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("language_search: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (unfinished_file) remove(unfinished_file);
    exit(2);
}

/* Every call of pkern that can fail says so by its status. */
static void must(pkern_status status, const char *what) {
    if (status != PKERN_OK) fail("%s: %s", what, pkern_status_text(status));
}

/* What is needed until the end is not freed. */
static void *allocate(size_t n, size_t size) {
    void *memory = calloc(n ? n : 1, size);
    if (!memory) fail("out of memory");
    return memory;
}

/* Makes room for one more element in an array of n. */
static void *grow(void *array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity) return array;
    *capacity = *capacity ? *capacity * 2 : 64;
    array = realloc(array, *capacity * size);
    if (!array) fail("out of memory");
    return array;
}

static uint64_t *allocate_vectors(size_t n) {
    return (uint64_t *)allocate(n, WORDS * sizeof(uint64_t));
}

static char *join_text(const char *a, const char *b, const char *c) {
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = (char *)allocate(size, 1);
    snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

/* ---------------------------------------------------------------------------------------------------- documents */

/* A stretch of a document's characters: a sentence, a line, a window, a piece to learn from. */
typedef struct span {
    uint32_t document;
    uint32_t begin,
        end; /* in characters; a sentence begins and ends with a space that is not in the text */
    uint32_t line;  /* counted from 1 */
    uint32_t block; /* blocks are separated by empty lines; counted from 0 */
} span;

typedef struct document {
    const char *path;
    const char *bytes;   /* the text as it was */
    uint32_t label;      /* index in corpus.labels */
    uint32_t *character; /* numbers of the alphabet */
    uint32_t *byte;      /* where in bytes each character begins */
    size_t n_characters, capacity, byte_capacity;
    span *sentence;
    size_t n_sentences, sentence_capacity;
} document;

typedef struct corpus {
    document *documents;
    size_t n_documents, document_capacity;
    const char **labels;
    size_t n_labels, label_capacity;
    uint32_t *
        number_of; /* code point -> number in the alphabet; 0 is the space and all that counts as one */
    uint32_t *code_point; /* number -> code point */
    size_t n_alphabet, alphabet_capacity;
    uint64_t *tables; /* of the vectors of the alphabet */
} corpus;

enum split { SPLIT_LINES, SPLIT_SENTENCES };

static uint32_t corpus_number(corpus *c, uint32_t code_point) {
    if (!c->number_of) {
        c->number_of = (uint32_t *)allocate(0x110000, sizeof *c->number_of);
        c->code_point =
            (uint32_t *)grow(c->code_point, 0, &c->alphabet_capacity, sizeof *c->code_point);
        c->code_point[c->n_alphabet++] = ' ';
    }
    if (code_point != ' ' && c->number_of[code_point] == 0) {
        c->code_point = (uint32_t *)grow(c->code_point, c->n_alphabet, &c->alphabet_capacity,
                                         sizeof *c->code_point);
        c->code_point[c->n_alphabet] = code_point;
        c->number_of[code_point] = (uint32_t)c->n_alphabet++;
    }
    return c->number_of[code_point];
}

/* The length in bytes of the code point at text, 0 where the bytes are not UTF-8. */
static size_t decode_utf8(const unsigned char *text, size_t size, uint32_t *code_point) {
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned first = text[0];
    size_t length = first < 0x80   ? 1
                    : first < 0xC2 ? 0
                    : first < 0xE0 ? 2
                    : first < 0xF0 ? 3
                    : first < 0xF5 ? 4
                                   : 0;
    uint32_t value = length == 1 ? first : first & (0x7Fu >> length);
    size_t i;
    if (length > size) return 0;
    for (i = 1; i < length; i++) {
        if ((text[i] & 0xC0u) != 0x80) return 0;
        value = value << 6 | (text[i] & 0x3Fu);
    }
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return 0;
    *code_point = value;
    return length;
}

static int is_between(uint32_t c, uint32_t low, uint32_t high) {
    return c >= low && c <= high;
}

/* Letters stay as they are; digits, marks and blanks of all kinds become a space; joiners and direction marks vanish (0). */
static uint32_t simplify(uint32_t c) {
    if (c == 0x2019) return '\'';
    if (c < 0x80) return is_between(c | 0x20, 'a', 'z') || c == '\'' ? c : ' ';
    if (is_between(c, 0x200B, 0x200F) || c == 0xFEFF || c == 0xAD) return 0;
    if (c < 0xC0 || c == 0xD7 || c == 0xF7 || c == 0x589 || c == 0x60C || c == 0x61B ||
        c == 0x61F || c == 0x6D4 || c == 0x964 || c == 0x965 || is_between(c, 0x1361, 0x1368) ||
        is_between(c, 0x2000, 0x206F) || is_between(c, 0x3000, 0x3004) ||
        is_between(c, 0x3008, 0x303F) || is_between(c, 0xFF00, 0xFF20))
        return ' ';
    return c;
}

/* Full stops of the world's scripts. All but the last need a blank behind them to end a sentence. */
static int ends_sentence(uint32_t c) {
    return c == '.' || c == '!' || c == '?' || c == 0x589 || c == 0x61F || c == 0x6D4 ||
           c == 0x964 || c == 0x1362;
}

static void push_character(document *d, uint32_t number, size_t byte) {
    d->character =
        (uint32_t *)grow(d->character, d->n_characters, &d->capacity, sizeof *d->character);
    d->byte = (uint32_t *)grow(d->byte, d->n_characters, &d->byte_capacity, sizeof *d->byte);
    d->character[d->n_characters] = number;
    d->byte[d->n_characters++] = (uint32_t)byte;
}

static void push_sentence(document *d, const span *sentence) {
    d->sentence =
        (span *)grow(d->sentence, d->n_sentences, &d->sentence_capacity, sizeof *d->sentence);
    d->sentence[d->n_sentences++] = *sentence;
}

/* Adds a text to the corpus: characters, and the sentences or lines that it falls into. Fails unless it is UTF-8 with letters. */
static document *corpus_add(corpus *c, const char *path, const char *bytes, size_t size,
                            uint32_t label, enum split split) {
    document *d;
    span now = {0, 0, 0, 1, 0};
    size_t at, length, line_begin = 0;
    int stopped = 0;
    if (size >= UINT32_MAX / 2) fail("%s: too large, the limit is 2 GB", path);
    c->documents =
        (document *)grow(c->documents, c->n_documents, &c->document_capacity, sizeof *c->documents);
    d = &c->documents[c->n_documents];
    memset(d, 0, sizeof *d);
    d->path = path;
    d->bytes = bytes;
    d->label = label;
    now.document = (uint32_t)c->n_documents++;
    push_character(d, 0, 0);
    for (at = 0; at <= size; at += length) {
        uint32_t code_point = '\n', simple;
        length =
            at < size ? decode_utf8((const unsigned char *)bytes + at, size - at, &code_point) : 1;
        if (length == 0)
            fail("%s: line %u, byte %lu: not valid UTF-8", path, now.line,
                 (unsigned long)(at - line_begin + 1));
        simple = simplify(code_point);
        if (simple && !(simple == ' ' && d->character[d->n_characters - 1] == 0))
            push_character(d, corpus_number(c, simple), at);
        if (code_point == '\n' ||
            (split == SPLIT_SENTENCES && (code_point == 0x3002 || (stopped && simple == ' ')))) {
            if (d->n_characters - now.begin > 2) { /* letters, and the space behind them */
                now.end = (uint32_t)d->n_characters;
                push_sentence(d, &now);
                now.begin = now.end;
                push_character(d, 0, at + length);
            }
            d->byte[now.begin] = (uint32_t)(at + length);
        }
        stopped = ends_sentence(code_point);
        if (code_point == '\n') {
            now.block += at + 1 < size && bytes[at + 1] == '\n';
            now.line++;
            line_begin = at + 1;
        }
    }
    if (d->n_sentences == 0)
        fail("%s: %s", path, size == 0 ? "the file is empty" : "there are no letters in it");
    return d;
}

/* The text of a span as it was written, without the spaces around it. */
static const char *span_text(const corpus *c, const span *s, int *length) {
    const document *d = &c->documents[s->document];
    uint32_t begin = s->begin, end = s->end;
    while (begin + 1 < end && d->character[begin] == 0) begin++;
    while (end - 1 > begin && d->character[end - 1] == 0) end--;
    *length = (int)(d->byte[end] - d->byte[begin]);
    return d->bytes + d->byte[begin];
}

/* ------------------------------------------------------------------------------------------------ files and folders */

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    char *bytes = 0;
    size_t n = 0, capacity = 0;
    struct stat info;
    if (!file) fail("%s: %s", path, strerror(errno));
    if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode))
        fail("%s: is a directory, not a file", path);
    do {
        bytes = (char *)grow(bytes, n + 1, &capacity, 1);
        n += fread(bytes + n, 1, capacity - n - 1, file);
    } while (!feof(file) && !ferror(file));
    if (ferror(file)) fail("%s: %s", path, strerror(errno));
    fclose(file);
    bytes[n] = 0;
    *size = n;
    return bytes;
}

static document *corpus_read(corpus *c, const char *path, uint32_t label, enum split split) {
    size_t size;
    char *bytes = read_file(path, &size);
    return corpus_add(c, path, bytes, size, label, split);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a directory, sorted, without those that begin with a dot. */
static char **list_directory(const char *path, size_t *n_names) {
    DIR *directory = opendir(path);
    const struct dirent *entry;
    char **names = 0;
    size_t n = 0, capacity = 0;
    if (!directory) fail("%s: %s", path, strerror(errno));
    while ((entry = readdir(directory)) != 0) {
        if (entry->d_name[0] == '.') continue;
        names = (char **)grow(names, n, &capacity, sizeof *names);
        names[n++] = join_text(entry->d_name, "", "");
    }
    closedir(directory);
    if (n) qsort(names, n, sizeof *names, compare_names);
    *n_names = n;
    return names;
}

/* Reads a folder of <label>.txt files and of folders <label>/ whose files all belong to that label. */
static void corpus_read_folder(corpus *c, const char *path) {
    size_t i, j, n_names, n_inner;
    char **names = list_directory(path, &n_names);
    for (i = 0; i < n_names; i++) {
        char *inner_path = join_text(path, "/", names[i]);
        size_t length = strlen(names[i]);
        uint32_t label = (uint32_t)c->n_labels;
        struct stat info;
        if (stat(inner_path, &info) != 0) fail("%s: %s", inner_path, strerror(errno));
        if (S_ISDIR(info.st_mode)) {
            char **inner = list_directory(inner_path, &n_inner);
            if (n_inner == 0) fail("%s: nothing in it", inner_path);
            for (j = 0; j < n_inner; j++)
                corpus_read(c, join_text(inner_path, "/", inner[j]), label, SPLIT_SENTENCES);
        } else if (length > 4 && strcmp(names[i] + length - 4, ".txt") == 0) {
            corpus_read(c, inner_path, label, SPLIT_SENTENCES);
            names[i][length - 4] = 0;
        } else {
            continue;
        }
        c->labels =
            (const char **)grow(c->labels, c->n_labels, &c->label_capacity, sizeof *c->labels);
        c->labels[c->n_labels++] = names[i];
    }
    if (c->n_labels == 0) fail("%s: nothing in it: no .txt files, no folders of text", path);
}

/* A result appears under its name complete or not at all: it is written beside it and renamed. */
static FILE *begin_file(const char *path) {
    FILE *file;
    char *slash, *temporary = join_text(path, ".tmp", "");
    for (slash = strchr(temporary + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(temporary, 0777) != 0 && errno != EEXIST)
            fail("%s: can't create this folder: %s", temporary, strerror(errno));
        *slash = '/';
    }
    file = fopen(temporary, "wb");
    if (!file) fail("%s: can't write: %s", path, strerror(errno));
    unfinished_file = temporary;
    return file;
}

static void end_file(FILE *file, const char *path) {
    int failed = ferror(file);
    if (fclose(file) != 0 || failed || rename(unfinished_file, path) != 0)
        fail("%s: can't write: %s", path, strerror(errno));
    unfinished_file = 0;
}

/* ------------------------------------------------------------------------------------------------ cutting into texts */

/* Texts to encode: the characters of text t are those from offsets[t] up to, but not including, offsets[t + 1]. */
typedef struct texts {
    span *from; /* [n] where each text is from; of several stretches the first */
    uint32_t *characters;
    size_t *offsets; /* [n + 1] */
    size_t n, n_characters, from_capacity, character_capacity, offset_capacity;
} texts;

/* Adds a stretch of any length to the text that was added last. */
static void add_to_text(texts *t, const corpus *c, const span *s) {
    uint32_t i;
    for (i = s->begin; i < s->end; i++) {
        t->characters = (uint32_t *)grow(t->characters, t->n_characters, &t->character_capacity,
                                         sizeof *t->characters);
        t->characters[t->n_characters++] = c->documents[s->document].character[i];
    }
    t->offsets[t->n] = t->n_characters;
}

static void add_text(texts *t, const corpus *c, const span *s) {
    t->from = (span *)grow(t->from, t->n, &t->from_capacity, sizeof *t->from);
    t->offsets = (size_t *)grow(t->offsets, t->n + 1, &t->offset_capacity, sizeof *t->offsets);
    t->from[t->n] = *s;
    t->offsets[t->n++] = t->n_characters;
    add_to_text(t, c, s);
}

static void add_windows(texts *t, const corpus *c, const span *sentence) {
    span window = *sentence;
    do {
        window.end = sentence->end - window.begin > WINDOW ? window.begin + WINDOW : sentence->end;
        add_text(t, c, &window);
        window.begin += STEP;
    } while (window.end < sentence->end);
}

/* One text a label: its documents' sentences in the blocks below end_block. */
static void add_labels(texts *t, const corpus *c, size_t n_documents, uint32_t end_block) {
    size_t i, j;
    for (i = 0; i < n_documents; i++) {
        const document *d = &c->documents[i];
        span all = d->sentence[0];
        for (j = 0; j < d->n_sentences && d->sentence[j].block < end_block; j++)
            all.end = d->sentence[j].end;
        if (i == 0 || d->label != c->documents[i - 1].label)
            add_text(t, c, &all);
        else
            add_to_text(t, c, &all);
    }
}

/* ---------------------------------------------------------------------------------------------------------- vectors */

/* Random vectors for the alphabet, in the tables that the encoder reads. The seed is the code point, so they don't depend on
   what was read, or in which order. */
static void make_tables(corpus *c) {
    uint64_t *letters = allocate_vectors(c->n_alphabet);
    size_t i;
    for (i = 0; i < c->n_alphabet; i++)
        pkern_hdc_random(c->code_point[i], letters + i * WORDS, WORDS);
    c->tables = allocate_vectors(c->n_alphabet * GRAM);
    must(pkern_hdc_ngram_tables(0, letters, c->n_alphabet, GRAM, WORDS, c->tables), "the alphabet");
    free(letters);
}

static void show_progress(size_t done, size_t total, const char *what) {
    enum { WIDTH = 40 };
    static const char bar[] = "########################################";
    int filled = (int)(done * WIDTH / total);
    fprintf(stderr, "\r[%.*s%*s] %3d %%  %s", filled, bar, WIDTH - filled, "",
            (int)(done * 100 / total), what);
    if (done == total) fputs("\r\033[K", stderr);
}

/* The vectors of all texts: each is the majority of its trigrams, which are bound and counted without being written. */
static void encode(pkern_pool *pool, const corpus *c, const texts *t, const char *what,
                   uint64_t *out) {
    size_t first, n;
    for (first = 0; first < t->n; first += n) {
        n = t->n - first < BATCH ? t->n - first : BATCH;
        must(pkern_hdc_encode_ngrams(pool, t->characters, t->offsets + first, n, c->tables,
                                     c->n_alphabet, GRAM, WORDS, out + first * WORDS),
             what);
        if (isatty(STDERR_FILENO)) show_progress(first + n, t->n, what);
    }
}

/* ------------------------------------------------------------------------------------------- the demo: what it does */

enum step { LEARN, ENCODE, CLASSIFY, REMEMBER, SEARCH, COMPARE, N_STEPS };

typedef struct results {
    uint64_t *languages, *asked, *memory;
    pkern_hdc_match *answers; /* [questions]: the nearest language */
    pkern_hdc_match *found;   /* [N_QUERIES x TOP]: the nearest windows */
    uint32_t *distances;      /* [languages x languages] */
    double seconds[N_STEPS];  /* the best of the rounds */
} results;

typedef struct demo {
    corpus corpus;
    size_t n_languages, n_questions, n_windows;
    texts learned, asked, windows; /* asked: the questions, then the queries */
    const span *query_source[N_QUERIES];
    const char **names;
    int *own_script;                 /* [languages] */
    unsigned *confusions;            /* [languages x languages]: of a language, told as another */
    size_t most_confused[WORST];     /* indices there, the most frequent first */
    size_t asked_of[2], right_of[2]; /* [own script] */
    size_t found_first, found_top;
    size_t work[N_STEPS]; /* in the units of step_texts */
    int threads;
    results serial, parallel;
} demo;

/* A passage as one misremembers it: cut elsewhere, up to 8 letters left out, two letters wrong. Returns the bytes written. */
static size_t misquote(const document *from, uint32_t begin, uint64_t seed, char *text) {
    uint64_t dice[4];
    uint32_t k, gap, gap_end, wrong[2];
    size_t n = 0;
    pkern_hdc_random(seed, dice, 4);
    gap = gap_end = begin + (uint32_t)(dice[0] % (WINDOW - 8));
    while (gap_end < gap + 8 && from->character[gap_end] != 0) gap_end++;
    wrong[0] = begin + (uint32_t)(dice[1] % WINDOW);
    wrong[1] = begin + (uint32_t)(dice[2] % WINDOW);
    for (k = begin; k < begin + WINDOW; k++) {
        uint32_t letter = k == wrong[0] || k == wrong[1] ? begin + (uint32_t)(dice[3] % WINDOW) : k;
        size_t length = from->byte[letter + 1] - from->byte[letter];
        if (k >= gap && k < gap_end) continue;
        if (from->character[letter] == 0)
            text[n++] = ' ';
        else
            memcpy(text + n, from->bytes + from->byte[letter], length), n += length;
    }
    text[n++] = '\n';
    return n;
}

/* Makes queries that are in the memory nowhere, spread over all languages: the lines of one more document. */
static void make_queries(demo *d) {
    char *text = (char *)allocate(N_QUERIES, WINDOW * 8);
    size_t i, w, n = 0, tried;
    for (i = 0; i < N_QUERIES; i++) {
        const span *s = 0;
        for (w = i * d->n_windows / N_QUERIES, tried = 0; tried <= d->n_windows; w++, tried++) {
            s = &d->windows
                     .from[w % (d->n_windows - 1)]; /* one that is continued by the next window */
            if (s[1].document == s->document && s[1].begin == s->begin + STEP &&
                s[1].end >= s->end + STEP / 2)
                break;
        }
        if (tried > d->n_windows) fail("there is too little text for the demo");
        d->query_source[i] = s;
        n += misquote(&d->corpus.documents[s->document], s->begin + STEP / 2, i, text + n);
    }
    corpus_add(&d->corpus, "queries", text, n, 0, SPLIT_LINES);
}

static void prepare(demo *d) {
    corpus *c = &d->corpus;
    const document *queries;
    size_t i, j;
    add_labels(&d->learned, c, d->n_languages, LEARNED_BLOCKS);
    for (i = 0; i < d->n_languages; i++)
        for (j = 0; j < c->documents[i].n_sentences; j++) {
            const span *s = &c->documents[i].sentence[j];
            add_windows(&d->windows, c, s);
            if (s->block >= LEARNED_BLOCKS && s->end - s->begin >= ASKED_LETTERS + 2)
                add_text(&d->asked, c, s);
        }
    d->n_questions = d->asked.n;
    d->n_windows = d->windows.n;
    make_queries(d);
    queries = &c->documents[d->n_languages];
    for (i = 0; i < N_QUERIES; i++) add_text(&d->asked, c, &queries->sentence[i]);
    make_tables(c);
    d->work[LEARN] = d->learned.n_characters;
    d->work[ENCODE] = d->asked.n;
    d->work[CLASSIFY] = d->n_questions * d->n_languages;
    d->work[REMEMBER] = d->n_windows;
    d->work[SEARCH] = N_QUERIES * d->n_windows;
    d->work[COMPARE] = d->n_languages * d->n_languages;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void allocate_results(const demo *d, results *r) {
    r->languages = allocate_vectors(d->n_languages);
    r->asked = allocate_vectors(d->asked.n);
    r->memory = allocate_vectors(d->n_windows);
    r->answers = (pkern_hdc_match *)allocate(d->n_questions, sizeof *r->answers);
    r->found = (pkern_hdc_match *)allocate((size_t)N_QUERIES * TOP, sizeof *r->found);
    r->distances = (uint32_t *)allocate(d->n_languages * d->n_languages, sizeof *r->distances);
}

/* The whole job on one pool. */
static void run_once(const demo *d, pkern_pool *pool, results *r) {
    double at[N_STEPS + 1];
    int i;
    at[LEARN] = seconds_now();
    encode(pool, &d->corpus, &d->learned, "learning the languages", r->languages);
    at[ENCODE] = seconds_now();
    encode(pool, &d->corpus, &d->asked, "encoding the questions", r->asked);
    at[CLASSIFY] = seconds_now();
    must(pkern_hdc_nearest(pool, r->asked, d->n_questions, r->languages, d->n_languages, WORDS,
                           r->answers),
         "classify");
    at[REMEMBER] = seconds_now();
    encode(pool, &d->corpus, &d->windows, "building the memory", r->memory);
    at[SEARCH] = seconds_now();
    must(pkern_hdc_top_k(pool, r->asked + d->n_questions * WORDS, N_QUERIES, r->memory,
                         d->n_windows, WORDS, TOP, r->found),
         "search");
    at[COMPARE] = seconds_now();
    must(pkern_hdc_distances(pool, r->languages, d->n_languages, r->languages, d->n_languages,
                             WORDS, r->distances),
         "compare");
    at[N_STEPS] = seconds_now();
    for (i = 0; i < N_STEPS; i++)
        if (r->seconds[i] <= 0 || at[i + 1] - at[i] < r->seconds[i])
            r->seconds[i] = at[i + 1] - at[i];
}

static int same_results(const demo *d, const results *a, const results *b) {
    return memcmp(a->languages, b->languages, d->n_languages * WORDS * 8) == 0 &&
           memcmp(a->asked, b->asked, d->asked.n * WORDS * 8) == 0 &&
           memcmp(a->memory, b->memory, d->n_windows * WORDS * 8) == 0 &&
           memcmp(a->answers, b->answers, d->n_questions * sizeof *a->answers) == 0 &&
           memcmp(a->found, b->found, (size_t)N_QUERIES * TOP * sizeof *a->found) == 0 &&
           memcmp(a->distances, b->distances,
                  d->n_languages * d->n_languages * sizeof *a->distances) == 0;
}

static pkern_pool *make_pool(int threads) {
    pkern_pool_config config = {0};
    pkern_pool *pool = 0;
    config.num_threads = threads; /* 0: all that this process may use */
    must(pkern_pool_create(&config, &pool), "creating the threads");
    return pool;
}

/* Runs everything on one thread and on all threads, in turn, and compares every bit. */
static void run_demo(demo *d, int threads) {
    pkern_pool *one = make_pool(1), *all = make_pool(threads);
    int round;
    d->threads = pkern_pool_num_threads(all);
    allocate_results(d, &d->serial);
    allocate_results(d, &d->parallel);
    for (round = 0; round < ROUNDS; round++) {
        run_once(d, one, &d->serial);
        run_once(d, all, &d->parallel);
        if (!same_results(d, &d->serial, &d->parallel))
            fail("the results on 1 thread and on %d threads differ", d->threads);
    }
    must(pkern_pool_destroy(all), "ending the threads");
    must(pkern_pool_destroy(one), "ending the threads");
}

/* A script gives its language away when no other language uses half of the letters that this one writes. */
static void find_own_scripts(demo *d) {
    size_t i, j, k, a = d->corpus.n_alphabet, n = d->n_languages;
    uint32_t *uses = (uint32_t *)allocate(n * a, sizeof *uses);
    for (i = 0; i < n; i++) {
        const document *doc = &d->corpus.documents[i];
        for (k = 0; k < doc->n_characters; k++)
            uses[i * a + doc->character[k]] += doc->character[k] != 0;
    }
    for (i = 0; i < n; i++) {
        uint64_t total = 0, most = 0;
        for (k = 1; k < a; k++) total += uses[i * a + k];
        for (j = 0; j < n; j++) {
            uint64_t shared = 0;
            for (k = 1; k < a && j != i; k++) shared += uses[j * a + k] ? uses[i * a + k] : 0;
            most = shared > most ? shared : most;
        }
        d->own_script[i] = most * 2 < total;
    }
    free(uses);
}

static int is_same_passage(const span *a, const span *b) {
    return a->document == b->document && a->begin < b->end && b->begin < a->end;
}

static int compare_counts(const void *a, const void *b, void *context) {
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    (void)context;
    return x > y ? -1 : x < y;
}

static void judge(demo *d) {
    size_t i, k;
    find_own_scripts(d);
    for (i = 0; i < d->n_questions; i++) {
        size_t truth = d->asked.from[i].document, told = d->parallel.answers[i].index;
        d->asked_of[d->own_script[truth]]++;
        d->right_of[d->own_script[truth]] += truth == told;
        if (truth != told) d->confusions[truth * d->n_languages + told]++;
    }
    must(pkern_par_top_k(0, d->confusions, d->n_languages * d->n_languages, sizeof *d->confusions,
                         WORST, compare_counts, 0, d->most_confused),
         "finding the confusions");
    for (i = 0; i < N_QUERIES; i++) {
        const pkern_hdc_match *found = d->parallel.found + i * TOP;
        for (k = 0;
             k < TOP && !is_same_passage(d->query_source[i], &d->windows.from[found[k].index]); k++)
            ;
        d->found_first += k == 0;
        d->found_top += k < TOP;
    }
}

static double percent(size_t part, size_t whole) {
    return whole ? 100.0 * (double)part / (double)whole : 100.0;
}

/* ----------------------------------------------------------------------------------------- the demo: what it prints */

static const struct {
    const char *name;
    const char *unit;
} step_texts[N_STEPS] = {{"learn the languages", "characters"}, {"encode questions", "texts"},
                         {"tell the languages", "pairs"},       {"build the memory", "vectors"},
                         {"search, top 10", "pairs"},           {"compare languages", "pairs"}};

static double total(const double *seconds) {
    double sum = 0;
    int i;
    for (i = 0; i < N_STEPS; i++) sum += seconds[i];
    return sum;
}

static const char *best_match(const demo *d, size_t query, const span **found, float *similarity) {
    const pkern_hdc_match *match = &d->parallel.found[query * TOP];
    *found = &d->windows.from[match->index];
    *similarity = match->similarity;
    return d->names[(*found)->document];
}

static unsigned confused_count(const demo *d, size_t i) {
    return d->most_confused[i] == SIZE_MAX ? 0 : d->confusions[d->most_confused[i]];
}

static const char *confused_language(const demo *d, size_t i) {
    return d->names[d->most_confused[i] / d->n_languages];
}

static const char *confused_with(const demo *d, size_t i) {
    return d->names[d->most_confused[i] % d->n_languages];
}

static void print_report(const demo *d) {
    static const char *const groups[2] = {"languages that share their script",
                                          "languages that their script alone gives away"};
    size_t i, of_group[2] = {0, 0};
    int k, length;
    for (i = 0; i < d->n_languages; i++) of_group[d->own_script[i]]++;
    printf("\n1. Which language is it? Learned: preamble and articles 1-20. Asked: %lu sentences "
           "of the rest, %d characters or more\n",
           (unsigned long)d->n_questions, ASKED_LETTERS);
    for (k = 0; k < 2; k++)
        printf("   %6.2f %%  of %4lu sentences right, %lu %s\n",
               percent(d->right_of[k], d->asked_of[k]), (unsigned long)d->asked_of[k],
               (unsigned long)of_group[k], groups[k]);
    printf("   taken for another most often: ");
    for (i = 0; i < 8 && confused_count(d, i); i++)
        printf("%s%s for %s %u", i ? ", " : "", confused_language(d, i), confused_with(d, i),
               confused_count(d, i));
    printf("\n\n2. Where was it said? %lu passages of %d characters; %d queries: cut elsewhere, "
           "letters left out, two wrong\n",
           (unsigned long)d->n_windows, WINDOW, N_QUERIES);
    printf("   the passage came first for %lu, among the first %d for %lu\n",
           (unsigned long)d->found_first, TOP, (unsigned long)d->found_top);
    for (i = 4; i < N_QUERIES; i += 16) {
        const span *found, *query = &d->corpus.documents[d->n_languages].sentence[i];
        float similarity;
        const char *name = best_match(d, i, &found, &similarity),
                   *text = span_text(&d->corpus, query, &length);
        printf("   query  %.*s\n", length, text);
        text = span_text(&d->corpus, found, &length);
        printf("   %.3f  %.*s  (%s, line %u)\n", (double)similarity, length, text, name,
               found->line);
    }
    printf("\n3. How fast? Best of %d; the same bits on 1 thread and on %d, compared each time\n",
           ROUNDS, d->threads);
    printf("   %-20s %12s %10d threads %9s   %s\n", "", "1 thread", d->threads, "speed-up",
           "per second");
    for (k = 0; k < N_STEPS; k++)
        printf("   %-20s %9.3f ms %15.3f ms %8.2fx   %.3g million %s\n", step_texts[k].name,
               1e3 * d->serial.seconds[k], 1e3 * d->parallel.seconds[k],
               d->serial.seconds[k] / d->parallel.seconds[k],
               1e-6 * (double)d->work[k] / d->parallel.seconds[k], step_texts[k].unit);
    printf("   %-20s %9.3f ms %15.3f ms %8.2fx\n", "all", 1e3 * total(d->serial.seconds),
           1e3 * total(d->parallel.seconds), total(d->serial.seconds) / total(d->parallel.seconds));
}

/* ------------------------------------------------------------------------------------------ the demo: the HTML page */

enum { CELL = 9, TREE = 190, NAMES = 130, HEAD = 8 }; /* of the heat map, in pixels */

static void put_html(FILE *page, const char *text, int length) {
    int i;
    for (i = 0; i < length && text[i]; i++) {
        if (text[i] == '<' || text[i] == '&')
            fputs(text[i] == '<' ? "&lt;" : "&amp;", page);
        else
            putc(text[i], page);
    }
}

static void put_name(FILE *page, const char *before, const char *name) {
    fputs(before, page);
    put_html(page, name, INT_MAX);
}

typedef struct cluster {
    size_t size, first, last; /* its languages are a list */
    size_t left, right;       /* the groups that it joined */
    double x, y; /* where its branch begins in the drawing; until that is known x is its distance */
    int is_part; /* of another group */
} cluster;

/* Joins the two groups of languages that are nearest on average, again and again. The order of the languages goes to next. */
static void grow_tree(const demo *d, cluster *tree, size_t *next) {
    size_t n = d->n_languages, all = 2 * n - 1, m, i, j;
    double *mean = (double *)allocate(all * all, sizeof *mean);
    for (i = 0; i < n; i++) {
        tree[i].size = 1;
        tree[i].first = tree[i].last = i;
        for (j = 0; j < n; j++) mean[i * all + j] = d->parallel.distances[i * n + j];
    }
    for (m = n; m < all; m++) {
        size_t a = 0, b = 0;
        for (i = 0; i < m; i++)
            for (j = i + 1; j < m; j++)
                if (!tree[i].is_part && !tree[j].is_part &&
                    (a == b || mean[i * all + j] < mean[a * all + b]))
                    a = i, b = j;
        tree[m].size = tree[a].size + tree[b].size;
        for (i = 0; i < m; i++)
            mean[m * all + i] = mean[i * all + m] = (mean[i * all + a] * (double)tree[a].size +
                                                     mean[i * all + b] * (double)tree[b].size) /
                                                    (double)tree[m].size;
        tree[m].left = a;
        tree[m].right = b;
        tree[m].first = tree[a].first;
        tree[m].last = tree[b].last;
        tree[m].x = mean[a * all + b];
        tree[a].is_part = tree[b].is_part = 1;
        next[tree[a].last] = tree[b].first;
    }
    free(mean);
}

/* Blue where two languages are alike, white where they have no more in common than chance. */
static void put_cell(FILE *page, double share, size_t x, const char *title_a, const char *title_b,
                     double similarity) {
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    fprintf(page, "<rect x=%lu fill=#%02x%02x%02x><title>", (unsigned long)(x * CELL),
            (unsigned)(247 - 239 * share * (2 - share)), (unsigned)(250 - 202 * share),
            (unsigned)(253 - 146 * share * share));
    put_name(page, "", title_a);
    put_name(page, " – ", title_b);
    fprintf(page, ": %.3f</title></rect>", similarity);
}

static void put_heat_map(FILE *page, const demo *d) {
    size_t n = d->n_languages, i, j, row, at, nearest = 2048;
    cluster *tree = (cluster *)allocate(2 * n, sizeof *tree);
    size_t *next = (size_t *)allocate(n, sizeof *next),
           *order = (size_t *)allocate(n, sizeof *order);
    grow_tree(d, tree, next);
    for (i = 0; i < n * n; i++)
        if (i % (n + 1) && d->parallel.distances[i] < nearest) nearest = d->parallel.distances[i];
    for (row = 0, at = tree[2 * n - 2].first; row < n; row++, at = next[at]) {
        order[row] = at;
        tree[at].x = TREE;
        tree[at].y = (double)(HEAD + row * CELL) + CELL / 2.0;
    }
    fprintf(page,
            "<svg width=%lu height=%lu role=img aria-label='Similarity of the languages'><g "
            "class=tree>",
            (unsigned long)(TREE + NAMES + n * CELL + 10), (unsigned long)(2 * HEAD + n * CELL));
    for (i = n; i < 2 * n - 1; i++) {
        const cluster *a = &tree[tree[i].left], *b = &tree[tree[i].right];
        tree[i].y = (a->y + b->y) / 2;
        tree[i].x = TREE * (1 - (tree[i].x - (double)nearest + 20) / (1024 - (double)nearest + 40));
        fprintf(page, "<path d='M%.1f %.1fH%.1fV%.1fH%.1f'/>", a->x, a->y, tree[i].x, b->y, b->x);
    }
    fputs("</g>", page);
    for (row = 0; row < n; row++) {
        const char *name = d->names[order[row]];
        fprintf(page, "<text x=%d y=%lu>", TREE + 6, (unsigned long)(HEAD + row * CELL + CELL - 2));
        put_name(page, "", name);
        fprintf(page, "</text><g class=row transform='translate(%d %lu)'>", TREE + NAMES,
                (unsigned long)(HEAD + row * CELL));
        for (j = 0; j < n; j++) {
            double distance = d->parallel.distances[order[row] * n + order[j]];
            put_cell(page, (1024 - distance) / (1024 - (double)nearest), j, name,
                     d->names[order[j]], 1 - distance / 2048);
        }
        fputs("</g>\n", page);
    }
    fputs("</svg>\n", page);
    free(tree);
    free(next);
    free(order);
}

static void put_speed_bars(FILE *page, const demo *d) {
    int k, width = 420;
    fprintf(page, "<svg width=860 height=%d role=img aria-label='Speed-up'>", N_STEPS * 44);
    for (k = 0; k < N_STEPS; k++) {
        double one = d->serial.seconds[k], all = d->parallel.seconds[k],
               longest = one > all ? one : all;
        int y = k * 44;
        fprintf(page,
                "<g class=bars><text x=0 y=%d>%s</text><rect class=one x=150 y=%d width=%.1f "
                "height=14 />",
                y + 21, step_texts[k].name, y + 4, width * one / longest);
        fprintf(page, "<rect class=all x=150 y=%d width=%.1f height=14 />", y + 20,
                width * all / longest);
        fprintf(page,
                "<text x=%.1f y=%d>%.3f ms</text><text x=%.1f y=%d>%.3f ms <tspan "
                "class=gain>%.2f×</tspan></text></g>",
                156 + width * one / longest, y + 15, 1e3 * one, 156 + width * all / longest, y + 31,
                1e3 * all, one / all);
    }
    fputs("</svg>\n", page);
}

/* clang-format off */
static const char page_head[] =
    "<!doctype html><html lang=en><meta charset=utf-8><title>pkern: language search</title>\n"
    "<meta name=viewport content='width=device-width'><style>\n"
    "body{font:15px/1.5 system-ui,sans-serif;color:#1c2430;background:#fff;max-width:1240px;margin:32px auto;padding:0 24px}\n"
    "h1{font-size:28px;margin:0}h2{font-size:19px;margin:44px 0 6px}p{max-width:760px;margin:6px 0 14px}\n"
    ".tiles{display:flex;flex-wrap:wrap;gap:16px;margin:24px 0}\n"
    ".tiles div{background:#f1f5f9;border-radius:8px;padding:14px 20px}\n"
    ".tiles b{display:block;font-size:26px;color:#08306b}\n"
    "svg{display:block;font:8px system-ui,sans-serif}.wide{overflow-x:auto}\n"
    ".tree path{fill:none;stroke:#8796a8}.row rect{width:9px;height:9px}.row rect:hover{stroke:#e4572e;stroke-width:2}\n"
    ".bars text{font-size:13px}.gain{font-weight:700}.k{display:inline-block;width:12px;height:12px;margin:0 4px 0 12px}\n"
    ".one{fill:#b8c4d2;background:#b8c4d2}.all{fill:#2171b5;background:#2171b5}\n"
    "table{border-collapse:collapse}\n"
    "td,th{padding:4px 16px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid #e2e8f0}\n"
    "</style>\n";
/* clang-format on */

static void put_matches(FILE *page, const demo *d) {
    size_t i;
    int length;
    fputs("<table><tr><th>Query<th>Best match<th>Similarity<th>Language\n", page);
    for (i = 0; i < N_QUERIES; i += 5) {
        const span *found, *query = &d->corpus.documents[d->n_languages].sentence[i];
        float similarity;
        const char *name = best_match(d, i, &found, &similarity),
                   *text = span_text(&d->corpus, query, &length);
        fputs("<tr><td dir=auto>", page);
        put_html(page, text, length);
        fputs("<td dir=auto>", page);
        text = span_text(&d->corpus, found, &length);
        put_html(page, text, length);
        fprintf(page, "<td>%.3f", (double)similarity);
        put_name(page, "<td>", name);
    }
    fputs("</table>\n", page);
}

static void write_page(const demo *d, const char *path) {
    FILE *page = begin_file(path);
    size_t i;
    fputs(page_head, page);
    fprintf(page,
            "<h1>Languages and passages, found by hypervectors</h1><p>The Universal Declaration of "
            "Human Rights in %lu "
            "languages, as majorities of trigrams in 2048 bits.</p>",
            (unsigned long)d->n_languages);
    fprintf(page,
            "<div class=tiles><div><b>%.2f %%</b>of %lu sentences told right<br>(languages that "
            "share their script)</div>",
            percent(d->right_of[0], d->asked_of[0]), (unsigned long)d->asked_of[0]);
    fprintf(page, "<div><b>%lu of %d</b>misquoted passages found first<br>among %lu</div>",
            (unsigned long)d->found_first, N_QUERIES, (unsigned long)d->n_windows);
    fprintf(page,
            "<div><b>%.0f million</b>pairs a second compared<br>in the search, %d threads</div>",
            1e-6 * (double)d->work[SEARCH] / d->parallel.seconds[SEARCH], d->threads);
    fprintf(page, "<div><b>%.2f×</b>faster on %d threads<br>with the same bits</div></div>",
            total(d->serial.seconds) / total(d->parallel.seconds), d->threads);
    fputs("<h2>Which languages are alike</h2><p>The darker, the more of two languages' 2048 bits "
          "agree. The order and the tree "
          "come from the same numbers. Hover over a cell to read it.</p><div class=wide>",
          page);
    put_heat_map(page, d);
    fprintf(page,
            "</div><h2>How fast</h2><p><span class='k one'></span>1 thread<span class='k "
            "all'></span>%d threads; the best "
            "of %d runs. Each row has its own scale.</p>",
            d->threads, ROUNDS);
    put_speed_bars(page, d);
    fputs("<h2>Sentences taken for another language</h2><table><tr><th>Language<th>taken "
          "for<th>Sentences\n",
          page);
    for (i = 0; i < WORST && confused_count(d, i); i++) {
        put_name(page, "<tr><td>", confused_language(d, i));
        put_name(page, "<td>", confused_with(d, i));
        fprintf(page, "<td>%u\n", confused_count(d, i));
    }
    fputs("</table><h2>Passages found again</h2><p>Every fifth query. A query is a passage cut "
          "elsewhere, with up to 8 letters "
          "left out and two letters wrong.</p>",
          page);
    put_matches(page, d);
    end_file(page, path);
}

/* Names of the languages from the file beside the folder, where there is one: code, tab, name, tab, anything. */
static void read_names(demo *d, const char *folder) {
    char *path = join_text(folder, "/../languages.tsv", ""), *line, *tab, *text;
    size_t i, size;
    d->names = (const char **)allocate(d->n_languages, sizeof *d->names);
    for (i = 0; i < d->n_languages; i++) d->names[i] = d->corpus.labels[i];
    if (access(path, R_OK) != 0) return;
    text = read_file(path, &size);
    for (line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
        tab = strchr(line, '\t');
        for (i = 0; tab && i < d->n_languages; i++)
            if (strncmp(line, d->corpus.labels[i], (size_t)(tab - line)) == 0 &&
                d->corpus.labels[i][tab - line] == 0) {
                d->names[i] = tab + 1;
                tab[1 + strcspn(tab + 1, "\t")] = 0;
            }
    }
}

static int demo_main(const char *folder, int threads, const char *output) {
    demo d = {0};
    corpus_read_folder(&d.corpus, folder);
    d.n_languages = d.corpus.n_labels;
    if (d.corpus.n_documents != d.n_languages || d.n_languages < 2)
        fail("%s: the demo needs a .txt file for each of two or more languages", folder);
    read_names(&d, folder);
    d.own_script = (int *)allocate(d.n_languages, sizeof *d.own_script);
    d.confusions = (unsigned *)allocate(d.n_languages * d.n_languages, sizeof *d.confusions);
    prepare(&d);
    printf("pkern language search: %lu languages, %lu different characters, hypervectors of %d "
           "bits, %s\n",
           (unsigned long)d.n_languages, (unsigned long)d.corpus.n_alphabet, 64 * WORDS, folder);
    run_demo(&d, threads);
    judge(&d);
    print_report(&d);
    write_page(&d, output);
    printf("\nPictures: %s\n", output);
    if (percent(d.right_of[0], d.asked_of[0]) < 100 * GOAL) {
        fprintf(stderr, "language_search: accuracy is below %.0f %%\n", 100 * GOAL);
        return 1;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------- your own files */

static void classify_main(const char *folder, char **files, size_t n_files, int threads,
                          FILE *out) {
    pkern_pool *pool = make_pool(threads);
    corpus c = {0};
    texts learned = {0}, lines = {0};
    uint64_t *labels, *vectors;
    pkern_hdc_match *answers;
    size_t i, j, n_learned;
    corpus_read_folder(&c, folder);
    n_learned = c.n_documents;
    for (i = 0; i < n_files; i++) corpus_read(&c, files[i], 0, SPLIT_LINES);
    add_labels(&learned, &c, n_learned, UINT32_MAX);
    for (i = n_learned; i < c.n_documents; i++)
        for (j = 0; j < c.documents[i].n_sentences; j++)
            add_text(&lines, &c, &c.documents[i].sentence[j]);
    make_tables(&c);
    labels = allocate_vectors(learned.n);
    vectors = allocate_vectors(lines.n);
    answers = (pkern_hdc_match *)allocate(lines.n, sizeof *answers);
    encode(pool, &c, &learned, "learning", labels);
    encode(pool, &c, &lines, "encoding the lines", vectors);
    must(pkern_hdc_nearest(pool, vectors, lines.n, labels, learned.n, WORDS, answers), "classify");
    for (i = 0; i < lines.n; i++) {
        const span *line = &lines.from[i];
        fprintf(out, "%s:%u\t%s\t%.3f\n", c.documents[line->document].path, line->line,
                c.labels[answers[i].index], (double)answers[i].similarity);
    }
    must(pkern_pool_destroy(pool), "ending the threads");
}

static void search_main(const char *file, const char *query, size_t top, int threads, FILE *out) {
    pkern_pool *pool = make_pool(threads);
    enum { OVERLAPS = 2 * (WINDOW / STEP) }; /* of one window with others, itself included */
    corpus c = {0};
    texts windows = {0}, asked = {0};
    uint64_t *memory, asked_vector[WORDS];
    pkern_hdc_match *found;
    size_t i, j, k, n_shown = 0, n_found;
    const document *d;
    corpus_read(&c, file, 0, SPLIT_SENTENCES);
    d = corpus_add(&c, "the text to search for", query, strlen(query), 0, SPLIT_LINES);
    add_text(&asked, &c, &d->sentence[0]);
    for (i = 1; i < d->n_sentences; i++) add_to_text(&asked, &c, &d->sentence[i]);
    for (i = 0; i < c.documents[0].n_sentences; i++)
        add_windows(&windows, &c, &c.documents[0].sentence[i]);
    make_tables(&c);
    n_found = windows.n / OVERLAPS < top ? windows.n : top * OVERLAPS;
    memory = allocate_vectors(windows.n);
    found = (pkern_hdc_match *)allocate(n_found, sizeof *found);
    encode(pool, &c, &windows, "building the memory", memory);
    encode(pool, &c, &asked, "encoding the query", asked_vector);
    must(pkern_hdc_top_k(pool, asked_vector, 1, memory, windows.n, WORDS, n_found, found),
         "search");
    for (i = 0; i < n_found && n_shown < top;
         i++) { /* of matches that overlap only the best is shown */
        const span *s = &windows.from[found[i].index];
        int length;
        const char *text = span_text(&c, s, &length);
        for (j = k = 0; j < n_shown; j++)
            k += (size_t)is_same_passage(s, &windows.from[found[j].index]);
        if (k) continue;
        fprintf(out, "%.3f\t%s:%u\t%.*s\n", (double)found[i].similarity, file, s->line, length,
                text);
        found[n_shown++] = found[i];
    }
    must(pkern_pool_destroy(pool), "ending the threads");
}

/* --------------------------------------------------------------------------------------------------------- options */

static const char help[] =
    "usage: language_search [--demo] [--data DIR]            the demo; also with no arguments (run "
    "it where examples/ is)\n"
    "       language_search --train DIR --classify FILE...   tells what each line of the files is "
    "most like\n"
    "       language_search --search FILE TEXT               finds the passages of a file that are "
    "most like TEXT\n"
    "\n"
    "  --data DIR       the demo's texts, one <language>.txt each (examples/data/udhr)\n"
    "  --train DIR      what to learn: a file <label>.txt or a folder <label>/ of files for each "
    "label\n"
    "  --classify FILE  prints FILE:LINE, label and similarity of each line with letters, "
    "separated by tabs\n"
    "  --search FILE    prints similarity, FILE:LINE and the passage, separated by tabs, the best "
    "first\n"
    "  --top N          how many passages (5)\n"
    "  --threads N      how many threads (all)\n"
    "  --output FILE    writes there (the demo's page: build/demo/index.html; else standard "
    "output)\n"
    "\n"
    "All text is UTF-8. Similarity is the share of equal bits: 0.5 is chance, 1 the same. The "
    "results are the same for any\n"
    "number of threads. Exit status: 0 done, 1 the demo's accuracy is below 97 %, 2 anything else "
    "that went wrong.\n";

static size_t number_option(const char *option, const char *text, size_t most) {
    char *end;
    unsigned long value;
    errno = 0;
    value = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || value < 1 || value > most)
        fail("%s %s: must be a whole number from 1 to %lu", option, text, (unsigned long)most);
    return value;
}

int main(int argc, char **argv) {
    const char *data = 0, *train = 0, *search = 0, *output = 0, *top = 0, *threads = 0;
    const struct {
        const char *name;
        const char **value;
    } options[] = {{"--data", &data},     {"--train", &train}, {"--search", &search},
                   {"--output", &output}, {"--top", &top},     {"--threads", &threads}};
    const size_t n_options = sizeof options / sizeof *options;
    int i, n_words = 0, classify = 0, demo_asked = 0, n_threads, status = 0;
    size_t k;
    FILE *out = stdout;
    char **words = (char **)allocate((size_t)argc, sizeof *words);
    for (i = 1; i < argc; i++) {
        for (k = 0; k < n_options && strcmp(argv[i], options[k].name) != 0; k++)
            ;
        if (k < n_options) {
            if (++i == argc) fail("%s: its value is missing (--help tells more)", options[k].name);
            *options[k].value = argv[i];
        } else if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return fflush(stdout) == 0 ? 0 : 2;
        } else if (strcmp(argv[i], "--classify") == 0) {
            classify = 1;
        } else if (strcmp(argv[i], "--demo") == 0) {
            demo_asked = 1;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            fail("%s: there is no such option (--help lists them)", argv[i]);
        } else {
            words[n_words++] = argv[i];
        }
    }
    n_threads = threads ? (int)number_option("--threads", threads, 1024) : 0;
    if ((train != 0) != classify || (train && search) || (demo_asked && (train || search)))
        fail("needs --train and --classify together, or --search, or --demo, alone (--help tells "
             "more)");
    if (train && n_words == 0) fail("--classify: names no file (--help tells more)");
    if (search && n_words != 1) fail("--search: needs one text to search for (--help tells more)");
    if (!train && !search && n_words)
        fail("%s: what should be done with it? (--help tells more)", words[0]);
    if (!train && !search) {
        status = demo_main(data ? data : "examples/data/udhr", n_threads,
                           output ? output : "build/demo/index.html");
    } else {
        if (output) out = begin_file(output);
        if (train)
            classify_main(train, words, (size_t)n_words, n_threads, out);
        else
            search_main(search, words[0], top ? number_option("--top", top, 1000000) : 5, n_threads,
                        out);
        if (output) end_file(out, output);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) fail("standard output: %s", strerror(errno));
    free(words);
    return status;
}
