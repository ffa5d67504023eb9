/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * A memory of what was read: store, recall and consolidation on real text.
 *
 *     cc -O2 -I. examples/episodic_memory.c -o episodic_memory -pthread && ./episodic_memory
 *
 * Every line of a text becomes one vector of 2048 bits: each three letters in a row have a random vector, and a line is
 * the majority of its trigrams' vectors. The lines are read one a minute, and each is an episode: its vector, its
 * minute, a strength that halves every hour. Then the memory is asked, by a part of a line with errors in it, by time,
 * and by both. Lines that were asked for are strengthened. The text is then read again with random errors, as if heard
 * badly; consolidation makes one episode of each line and its repetitions, and forgets what has faded.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PKERN_IMPLEMENTATION
#include "pkern.h"

enum { WORDS = PKERN_HV16_WORDS, LINE = 4096, MAX_LINES = 100000, SHOWN = 3, READINGS = 4 };
#define HALF_LIFE 60.0 /* minutes */
#define ALIKE 0.71     /* similarity above which two lines are the same episode */
#define FORGOTTEN 0.07 /* strength below which an episode is forgotten */
#define EVER 1e9       /* minutes */

static const char usage[] =
    "usage: episodic_memory [FILE [CUE]]\n"
    "Reads the lines of FILE (examples/data/udhr/eng.txt), one a minute, into an episodic memory, asks\n"
    "for them by content and by time, reads them again with errors, and consolidates.\n"
    "With a CUE, that is what is asked for, whatever its spelling.\n";

#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 1, 2)))
#endif
static void
fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("episodic_memory: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

/* Every call of pkern that can fail says so by its status. */
static void must(pkern_status status, const char *what) {
    if (status != PKERN_OK) fail("%s: %s", what, pkern_status_text(status));
}

/* ---------------------------------------------------------------------------------------------------------- text */

typedef struct text {
    char **lines;
    size_t n;
} text;

static text read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    char line[LINE];
    text t = {0, 0};
    if (!file) fail("%s: %s", path, strerror(errno));
    t.lines = (char **)calloc(MAX_LINES, sizeof *t.lines);
    if (!t.lines) fail("out of memory");
    while (fgets(line, sizeof line, file)) {
        size_t length = strcspn(line, "\r\n");
        if (line[length] == 0 && !feof(file)) fail("%s: line %lu: longer than %d bytes, or with a zero byte",
                                                   path, (unsigned long)t.n + 1, LINE - 2);
        line[length] = 0;
        if (length < 8) continue; /* too short to be told apart */
        if (t.n == MAX_LINES) fail("%s: more than %d lines", path, MAX_LINES);
        t.lines[t.n] = (char *)malloc(length + 1);
        if (!t.lines[t.n]) fail("out of memory");
        memcpy(t.lines[t.n++], line, length + 1);
    }
    if (ferror(file)) fail("%s: %s", path, strerror(errno));
    fclose(file);
    if (t.n == 0) fail("%s: no line of 8 letters or more in it", path);
    return t;
}

/* The text with one letter of ten replaced, by the numbers of a seed. */
static void mishear(const char *line, uint64_t seed, char *out) {
    uint64_t random[LINE];
    size_t i, length = strlen(line);
    pkern_hdc_random(seed, random, length);
    for (i = 0; i <= length; i++)
        out[i] = i < length && isalpha((unsigned char)line[i]) && random[i] % 10 == 0
                     ? (char)('a' + random[i] / 10 % 26)
                     : line[i];
}

/* ------------------------------------------------------------------------------------------------------- vectors */

/* The vector of a line: its trigrams, without regard to case, each a random vector, bundled. */
static void encode(const char *line, uint64_t *out) {
    static uint64_t trigrams[LINE * WORDS];
    size_t offsets[2] = {0, 0}, length = strlen(line), i;
    for (i = 0; i + 3 <= length; i++) {
        uint64_t seed = 0;
        int j;
        for (j = 0; j < 3; j++) seed = seed << 8 | (uint64_t)tolower((unsigned char)line[i + (size_t)j]);
        pkern_hdc_random(seed, trigrams + i * WORDS, WORDS);
    }
    offsets[1] = i;
    must(pkern_hdc_bundle(0, trigrams, offsets, 1, WORDS, out), "bundle");
}

/* -------------------------------------------------------------------------------------------------------- memory */

/* Episodes have ids in the order in which they were stored, so the text says which line one is. */
static void show(const text *t, const pkern_hdc_episode *found, size_t n) {
    size_t i;
    for (i = 0; i < n; i++) {
        printf("    %5.3f  strength %.2f, minute %3.0f", found[i].score, found[i].strength,
               found[i].first_time);
        if (found[i].count > 1)
            printf(" to %3.0f, %lu times", found[i].last_time, (unsigned long)found[i].count);
        printf(": %.60s\n", t->lines[found[i].id % t->n]);
    }
    if (n == 0) printf("    nothing\n");
}

static size_t recall(const pkern_hdc_episodes *memory, const char *cue, double from, double to,
                     double now, size_t k, pkern_hdc_episode *out) {
    uint64_t query[WORDS];
    size_t n;
    if (cue) encode(cue, query);
    must(pkern_hdc_episodes_recall(0, memory, cue ? query : 0, from, to, now, k, out, &n), "recall");
    return n;
}

/* Asks for each line by its second half with errors; how many are found first. */
static size_t count_recalled(const pkern_hdc_episodes *memory, const text *t, double now) {
    size_t i, right = 0;
    for (i = 0; i < t->n; i++) {
        char cue[LINE];
        pkern_hdc_episode best;
        mishear(t->lines[i] + strlen(t->lines[i]) / 2, 1000 + i, cue);
        if (recall(memory, cue, -EVER, EVER, now, 1, &best) == 1) right += best.id % t->n == i;
    }
    return right;
}

int main(int argc, char **argv) {
    const char *path = "examples/data/udhr/eng.txt", *cue = 0;
    char misheard[LINE];
    pkern_hdc_episodes_config config;
    pkern_hdc_episodes *memory;
    pkern_hdc_consolidation consolidation;
    pkern_hdc_episode found[SHOWN];
    uint64_t vector[WORDS];
    double now = 0;
    size_t i, n, reading;
    text t;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc > 1 && argv[1][0] == '-') fail("%s: no such option (--help tells more)", argv[1]);
    if (argc > 3) fail("%s: one argument too many (--help tells more)", argv[3]);
    if (argc > 1) path = argv[1];
    if (argc > 2) cue = argv[2];
    if (cue && strlen(cue) < 3) fail("a cue needs at least 3 letters");
    if (cue && strlen(cue) >= LINE) fail("the cue is longer than %d bytes", LINE - 1);
    t = read_text(path);
    memset(&config, 0, sizeof config);
    config.words = WORDS;
    config.half_life = HALF_LIFE;
    must(pkern_hdc_episodes_create(&config, &memory), "an episodic memory");

    printf("Store: %lu lines of %s, one a minute; a memory halves every %.0f minutes.\n",
           (unsigned long)t.n, path, HALF_LIFE);
    for (i = 0; i < t.n; i++, now++) {
        encode(t.lines[i], vector);
        must(pkern_hdc_episodes_store(memory, vector, now, 1, 0), "store");
    }

    if (!cue) {
        const char *line = t.lines[t.n / 3];
        mishear(line + strlen(line) / 3, 7, misheard);
        cue = misheard;
    }
    printf("\nRecall by content: \"%.70s\"\n", cue);
    n = recall(memory, cue, -EVER, EVER, now, SHOWN, found);
    show(&t, found, n);
    printf("\nThe best one is strengthened, as by thinking of it; the same question an hour later:\n");
    must(pkern_hdc_episodes_strengthen(memory, found, n > 0 ? 1 : 0, 1, now), "strengthen");
    show(&t, found, recall(memory, cue, -EVER, EVER, now + 60, SHOWN, found));
    printf("\nRecall by time, minutes 10 to 12:\n");
    show(&t, found, recall(memory, 0, 10, 12, now, SHOWN, found));
    printf("\nRecall by both, the same cue in minutes 0 to 5:\n");
    show(&t, found, recall(memory, cue, 0, 5, now, SHOWN, found));
    printf("\nEach line asked for by its second half, one letter of ten wrong: %lu of %lu found.\n",
           (unsigned long)count_recalled(memory, &t, now), (unsigned long)t.n);

    for (reading = 1; reading < READINGS; reading++) {
        for (i = 0; i < t.n; i++, now++) {
            mishear(t.lines[i], reading * 100000 + i, misheard);
            encode(misheard, vector);
            must(pkern_hdc_episodes_store(memory, vector, now, 1, 0), "store");
        }
    }
    printf("\nRead %d times more, one letter of ten wrong: %lu episodes.\n", READINGS - 1,
           (unsigned long)pkern_hdc_episodes_count(memory));
    must(pkern_hdc_episodes_consolidate(0, memory, ALIKE, FORGOTTEN, now, &consolidation), "consolidate");
    printf("Consolidation merges %lu and forgets %lu: %lu are left. The strongest:\n",
           (unsigned long)consolidation.merged, (unsigned long)consolidation.forgotten,
           (unsigned long)pkern_hdc_episodes_count(memory));
    show(&t, found, recall(memory, 0, -EVER, EVER, now, SHOWN, found));
    printf("\nEach line asked for as before: %lu of %lu found.\n",
           (unsigned long)count_recalled(memory, &t, now), (unsigned long)t.n);

    pkern_hdc_episodes_destroy(memory);
    for (i = 0; i < t.n; i++) free(t.lines[i]);
    free(t.lines);
    if (fflush(stdout) != 0 || ferror(stdout)) fail("standard output: %s", strerror(errno));
    return 0;
}
