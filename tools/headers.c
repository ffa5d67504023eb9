/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* headers SRC OUT: makes the products OUT/pkern.h, pkern_pool.h and pkern_simd.h from the spines
   SRC/<product>.in.h and checks the rules that keep the pieces under SRC fit to be joined.

   A quoted include is replaced by the text of the file the first time and by a comment after that;
   nothing else is changed. The output depends on the sources' bytes alone. Every broken rule is
   printed as file:line, and then nothing is written and the exit status is 1. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 1000, MAX_DEPTH = 16, MAX_NAME = 256 };

static const char *const products[] = {"pkern", "pkern_pool", "pkern_simd"};
/* A layer and those it may include, itself among them. */
static const char *const layers[][2] = {
    {"base", " base "},
    {"pool", " pool base "},
    {"simd", " simd base "},
    {"par", " par pool simd base "},
    {"hdc", " hdc par pool simd base "},
    {"ml", " ml hdc par pool simd base "},
    {"sync", " sync pool base "},
};
enum { N_PRODUCTS = sizeof products / sizeof *products, N_LAYERS = sizeof layers / sizeof *layers };

typedef struct {
    char  name[MAX_NAME]; /* relative to SRC */
    char *text;
    char  when[MAX_DEPTH][MAX_NAME]; /* the spine's conditions where it was expanded */
    int   n_when;
    int   in_product[N_PRODUCTS];
} piece;

typedef struct {
    char  *text;
    size_t length, capacity;
} buffer;

static const char *source_folder;
static piece       pieces[MAX_FILES];
static int         n_pieces, n_errors, product;
static char        when[MAX_DEPTH][MAX_NAME]; /* the spine's open conditions */
static int         n_when;

static void complain(const char *file, int line, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "%s/%s:%d: ", source_folder, file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    n_errors++;
}

static void die(const char *what, const char *name) {
    fprintf(stderr, "headers: %s %s\n", what, name);
    exit(1);
}

static void append(buffer *out, const char *text, size_t length) {
    if (out->length + length + 1 > out->capacity) {
        out->capacity = (out->length + length + 1) * 2;
        out->text = (char *)realloc(out->text, out->capacity);
        if (!out->text) die("no memory for", "the output");
    }
    memcpy(out->text + out->length, text, length);
    out->length += length;
    out->text[out->length] = 0;
}

static char *read_file(const char *path) {
    buffer out = {0};
    char   block[4096];
    size_t got;
    FILE  *file = fopen(path, "rb");
    if (!file) return NULL;
    append(&out, "", 0);
    while ((got = fread(block, 1, sizeof block, file)) > 0) append(&out, block, got);
    fclose(file);
    return out.text;
}

static void write_file(const char *path, const buffer *out) {
    char *old = read_file(path);
    int   same = old && strcmp(old, out->text) == 0; /* keeps the time stamp, so make stays idle */
    FILE *file;
    free(old);
    if (same) return;
    file = fopen(path, "wb");
    if (!file || fwrite(out->text, 1, out->length, file) != out->length || fclose(file))
        die("can't write", path);
}

/* "pool" for "pool/deque.h", "" for a spine. */
static const char *layer_of(const char *name, char *layer) {
    const char *slash = strchr(name, '/');
    sprintf(layer, "%.*s", slash ? (int)(slash - name) : 0, name);
    return layer;
}

static const char *allowed_by(const char *layer) {
    for (int i = 0; i < N_LAYERS; i++)
        if (strcmp(layers[i][0], layer) == 0) return layers[i][1];
    return NULL;
}

static void check_bytes(const piece *p) {
    int line = 1;
    for (const char *c = p->text; *c; c++) {
        if (*c == '\n') line++;
        else if (*c == '\t') complain(p->name, line, "tab: indent with spaces");
        else if (*c == '\r') complain(p->name, line, "carriage return: end lines with \\n");
        else if (*c < 32 || *c > 126) complain(p->name, line, "byte outside of printable ASCII");
    }
    if (strncmp(p->text, "/* SPDX-License-Identifier: MIT */\n/* SPDX-FileCopyrightText:", 61))
        complain(p->name, 1, "the first two lines have to be the SPDX lines");
    if (line == 1 || p->text[strlen(p->text) - 1] != '\n')
        complain(p->name, line, "no line end at the end of the file");
}

/* The guard is the file's first and outermost condition, named after its path. */
static void check_guard(const piece *p) {
    char  guard[MAX_NAME + 8], expected[2 * MAX_NAME + 64];
    int   n = sprintf(guard, "PKN_%s", p->name);
    char *first = strstr(p->text, "\n#");
    for (int i = 0; i < n; i++) {
        if (guard[i] >= 'a' && guard[i] <= 'z') guard[i] = (char)(guard[i] - 'a' + 'A');
        else if (guard[i] == '/' || guard[i] == '.') guard[i] = '_';
    }
    sprintf(expected, "\n#ifndef %s\n#define %s\n", guard, guard);
    if (!first || strncmp(first, expected, strlen(expected)))
        complain(p->name, 1, "the first directives have to be its guard, %s", guard);
}

static piece *load(const char *name, const char *from, int line) {
    char        path[2 * MAX_NAME], layer[MAX_NAME];
    const char *base = strrchr(name, '/');
    piece      *p = &pieces[n_pieces];
    if (n_pieces == MAX_FILES) die("too many files, at", name);
    sprintf(path, "%.250s/%.250s", source_folder, name);
    sprintf(p->name, "%.250s", name);
    p->text = read_file(path);
    if (!p->text) {
        complain(from, line, "there is no file %s", path);
        return NULL;
    }
    check_bytes(p);
    if (base) {
        check_guard(p);
        if (!allowed_by(layer_of(name, layer))) complain(name, 1, "%s is no known layer", layer);
        for (int i = 0; i < n_pieces; i++)
            if (strcmp(strchr(pieces[i].name, '/') ? strrchr(pieces[i].name, '/') : "", base) == 0)
                complain(name, 1, "%s has the same base name", pieces[i].name);
    }
    n_pieces++;
    return p;
}

static piece *find(const char *name, const char *from, int line) {
    for (int i = 0; i < n_pieces; i++)
        if (strcmp(pieces[i].name, name) == 0) return &pieces[i];
    return load(name, from, line);
}

static void banner(buffer *out, const piece *p, const char *note) {
    char text[MAX_NAME + 64];
    append(out, text, (size_t)sprintf(text, "/* ==== src/%s%s ==== */\n", p->name, note));
}

/* Directives stand at the start of a line, so that a comment may show an indented one. */
static int is_directive(const char *line, const char *name) {
    if (*line++ != '#') return 0;
    line += strspn(line, " ");
    return strncmp(line, name, strlen(name)) == 0;
}

/* Follows the conditions of a file; in a spine it also remembers their text. Returns the depth. */
static int follow(const piece *p, int spine, const char *line, int length, int number, int depth) {
    if (is_directive(line, "if")) {
        if (spine && depth < MAX_DEPTH) {
            sprintf(when[depth], "%.*s", length < MAX_NAME ? length : MAX_NAME - 1, line);
            n_when = depth + 1;
        }
        return depth + 1;
    }
    if (spine && depth && is_directive(line, "el")) /* an #else or #elif has no name of its own */
        sprintf(when[depth - 1], "%.200s line %d", p->name, number);
    if (!is_directive(line, "endif")) return depth;
    if (!depth) complain(p->name, number, "#endif without #if");
    if (spine && depth) n_when = depth - 1;
    return depth ? depth - 1 : 0;
}

static void expand(piece *p, int spine, buffer *out);

static void include(const piece *from, const char *name, int line, buffer *out) {
    char        from_layer[MAX_NAME], layer[MAX_NAME], comment[MAX_NAME + 64];
    const char *allowed = allowed_by(layer_of(from->name, from_layer));
    piece      *p = find(name, from->name, line);
    if (!p) return;
    sprintf(comment, " %s ", layer_of(name, layer));
    if (allowed && !strstr(allowed, comment))
        complain(from->name, line, "layer %s must not use layer %s", from_layer, layer);
    if (!p->in_product[product]) {
        p->in_product[product] = 1;
        memcpy(p->when, when, sizeof when);
        p->n_when = n_when;
        banner(out, p, "");
        expand(p, 0, out);
        banner(out, from, ", continued");
        return;
    }
    for (int i = 0; i < p->n_when; i++) {
        int found = 0;
        for (int j = 0; j < n_when; j++) found |= strcmp(p->when[i], when[j]) == 0;
        if (!found)
            complain(from->name, line, "%s stands inside %s, which does not hold here: include it earlier",
                     name, p->when[i]);
    }
    append(out, comment, (size_t)sprintf(comment, "/* #include \"%.250s\": above */\n", name));
}

static void expand(piece *p, int spine, buffer *out) {
    int depth = 0, number = 1;
    for (const char *line = p->text, *end; *line; line = end, number++) {
        char name[MAX_NAME];
        end = strchr(line, '\n');
        end = end ? end + 1 : line + strlen(line);
        if (is_directive(line, "include") && sscanf(line, "# include \"%255[^\"\n]\"", name) == 1) {
            if (!spine && depth != 1)
                complain(p->name, number, "a quoted include must stand right inside of the guard");
            include(p, name, number, out);
            continue;
        }
        depth = follow(p, spine, line, (int)(end - line) - 1, number, depth);
        append(out, line, (size_t)(end - line));
    }
    if (depth) complain(p->name, number - 1, "#if without #endif");
}

/* A file that no spine reaches is not part of the library; a layer is in a product whole or not. */
static void check_complete(void) {
    for (int i = 0; i < N_LAYERS; i++) {
        char           path[2 * MAX_NAME], name[2 * MAX_NAME], layer[MAX_NAME];
        DIR           *folder;
        struct dirent *entry;
        sprintf(path, "%.250s/%s", source_folder, layers[i][0]);
        folder = opendir(path);
        while (folder && (entry = readdir(folder)) != NULL) {
            const char *dot = strrchr(entry->d_name, '.');
            int         known = 0;
            if (entry->d_name[0] == '.' || !dot || (strcmp(dot, ".c") && strcmp(dot, ".h"))) continue;
            sprintf(name, "%s/%.250s", layers[i][0], entry->d_name);
            for (int j = 0; j < n_pieces; j++) known |= strcmp(pieces[j].name, name) == 0;
            if (!known) complain(name, 1, "no spine includes this file");
        }
        if (folder) closedir(folder);
        for (int k = 0; k < N_PRODUCTS && strcmp(layers[i][0], "base"); k++) {
            int some = 0;
            for (int j = 0; j < n_pieces; j++)
                some |= pieces[j].in_product[k] && !strcmp(layer_of(pieces[j].name, layer), layers[i][0]);
            for (int j = 0; some && j < n_pieces; j++)
                if (!pieces[j].in_product[k] && !strcmp(layer_of(pieces[j].name, layer), layers[i][0]))
                    complain(pieces[j].name, 1, "missing in %s.in.h, which has the layer", products[k]);
        }
    }
}

/* FNV-1a, 64 bits, over the names and texts of all files in the order the spines ask for them. */
static unsigned long long hash_sources(void) {
    unsigned long long hash = 0xcbf29ce484222325ull;
    for (int i = 0; i < n_pieces; i++) {
        const char *parts[2];
        parts[0] = pieces[i].name;
        parts[1] = pieces[i].text;
        for (int k = 0; k < 2; k++)
            for (const char *c = parts[k];; c++) {
                hash = (hash ^ (unsigned char)*c) * 0x100000001b3ull;
                if (!*c) break;
            }
    }
    return hash;
}

int main(int argc, char **argv) {
    buffer body[N_PRODUCTS] = {{0}};
    if (argc != 3) die("usage:", "headers SRC OUT");
    source_folder = argv[1];
    for (product = 0; product < N_PRODUCTS; product++) {
        char   name[MAX_NAME];
        piece *spine;
        sprintf(name, "%s.in.h", products[product]);
        spine = find(name, name, 1);
        n_when = 0;
        if (spine) expand(spine, 1, &body[product]);
    }
    check_complete();
    if (n_errors) return 1;
    for (product = 0; product < N_PRODUCTS; product++) {
        char               path[2 * MAX_NAME], head[1024];
        unsigned long long id = hash_sources();
        buffer             out = {0};
        append(&out, head, (size_t)sprintf(head,
            "/* GENERATED from src/%s.in.h, do not edit: change the files under src/, then run\n"
            "   `make headers`.  vi: set readonly: -*- mode: c; buffer-read-only: t -*- */\n"
            "#if defined(PKERN_SOURCE_ID) && PKERN_SOURCE_ID != 0x%016llxu\n"
            "#error \"two different versions of pkern in one translation unit\"\n"
            "#endif\n"
            "#undef PKERN_SOURCE_ID\n"
            "#define PKERN_SOURCE_ID 0x%016llxu /* a hash of the sources */\n",
            products[product], id, id));
        append(&out, body[product].text, body[product].length);
        sprintf(path, "%.250s/%s.h", argv[2], products[product]);
        write_file(path, &out);
    }
    return 0;
}
