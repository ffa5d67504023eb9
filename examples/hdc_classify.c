/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Learns to tell classes apart from your own data, with hypervectors: tables, pictures, texts.
 *
 *     cc -O2 -I. examples/hdc_classify.c -o hdc_classify -pthread -lm && ./hdc_classify --train examples/data/digits.csv --holdout 30
 *
 * How it works. An encoder makes a vector of bits from each example. The class's prototype is the sum of its examples'
 * vectors (pkern_hdc_classifier_train); the examples that it gets wrong then move the prototypes a little, again and
 * again (pkern_hdc_classifier_retrain); a new example belongs to the class whose prototype is most similar
 * (pkern_hdc_classifier_predict). Or all examples are kept, and the nearest ones vote (pkern_hdc_knn). The encoders:
 *
 *     projection    numbers: the data is stretched to more equal widths (shrunken whitening); then each bit says on
 *                   which side of a random plane through its middle the example lies
 *     records       numbers: each field's random vector bound with the vector of its level, all bundled
 *     ngrams        texts: n characters in a row, rotated and bound, all bundled
 *
 * The file goes from small to large: reading data, encoders, the model and its file, reports, options.
 */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
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

#define UNLABELED UINT32_MAX

enum {
    PIECE = 512,         /* bytes; longer texts are learned in pieces */
    SAMPLE = 4096,       /* rows that the projection looks at */
    MAX_WHITENED = 2048, /* fields; with more the data is only centered */
    SHIFTS = 16,         /* numbers at the end of a row that shift the planes */
    BATCH = 128,         /* examples that are encoded at a time: their numbers fit the cache */
    CHARACTERS = 0x110100, /* code points, and bytes that are none */
    SHOWN_CLASSES = 26,  /* a larger confusion matrix is given as its largest entries */
    SHOWN_CONFUSIONS = 20
};

/* Added to the covariance before its inverse stretches the data, in units of the mean variance. Prototypes learned at one look
   need stretched data (0.1 to 3 are near the best for digits and pictures of clothes); learning from mistakes finds out itself
   which directions matter, and more of the data's own shape is left for it (10 to 30), as for neighbours (of digits, 3 neighbours
   with 1: 94.7 %, with 10: 95.3 %, cross-validated as below; of pictures of clothes, 5 neighbours: 84.9 and 84.7 %). */
#define SHRINKAGE_ONE_LOOK 1.0
#define SHRINKAGE_RETRAINED 10.0

/* Where mistakes are learned from, planes pass the data's middle by: each row of numbers ends with SHIFTS equal ones, together as long as
   SHIFT times the row, and a plane's random signs add up to how far it is shifted. With 0, 0.5, 0.8 and 1.1, integer prototypes knew
   92.3, 93.7, 94.1 and 94.0 % of digits (the first 1200 in four blocks, each by the other three: other people's writing), and 83.5, 84.2, 84.5
   and 84.6 % of 3000 pictures of clothes, by 10,000 others. Without retraining there is none: a shifted bit is the same in most classes,
   and binary prototypes of clothes know 6 % less. */
#define SHIFT 0.8f

/* Right answers that are ahead by less are learned from too. Against 0, mistakes alone, margins of 0.05 and 0.1 gave digits 1 to 2 %
   more right answers and pictures of clothes 2 %. */
#define MARGIN 0.07f

/* ---------------------------------------------------------------------------------------------- failing and allocating */

#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 1, 2)))
#endif
static void
fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    fputs("hdc_classify: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void must(pkern_status status, const char *what) {
    if (status != PKERN_OK) fail("%s: %s", what, pkern_status_text(status));
}

/* What is needed until the end is not freed. */
static void *allocate(size_t n, size_t size) {
    void *memory = calloc(n ? n : 1, size);
    if (!memory) fail("out of memory");
    return memory;
}

/* Makes room for `more` elements in an array of n. */
static void *grow(void *array, size_t n, size_t more, size_t *capacity, size_t size) {
    size_t wanted = *capacity ? *capacity : 64;
    if (n + more <= *capacity) return array;
    while (wanted < n + more) wanted *= 2;
    *capacity = wanted;
    array = wanted > SIZE_MAX / size ? 0 : realloc(array, wanted * size);
    if (!array) fail("out of memory");
    return array;
}

static char *copy_text(const char *text, size_t length) {
    char *copy = (char *)allocate(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

static char *join_path(const char *folder, const char *name) {
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = (char *)allocate(size, 1);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A bar on a terminal, nothing elsewhere. */
static int show_progress(size_t done, size_t total, void *what) {
    enum { WIDTH = 40 };
    static const char bar[] = "########################################";
    int filled = total ? (int)(done * WIDTH / total) : WIDTH;
    fprintf(stderr, "\r[%.*s%*s] %3d %%  %s", filled, bar, WIDTH - filled, "", filled * 100 / WIDTH,
            (const char *)what);
    if (done == total) fputs("\r\033[K", stderr);
    return 0;
}

static pkern_par_options options_with_bar(const char *what) {
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    if (isatty(STDERR_FILENO)) {
        options.progress = show_progress;
        options.progress_user = (void *)(uintptr_t)what;
    }
    return options;
}

/* ---------------------------------------------------------------------------------------------- examples and classes */

typedef struct class_names {
    char **name;
    size_t n, capacity;
} class_names;

typedef struct example_text {
    const char *bytes;
    size_t length;
} example_text;

/* Examples: rows of numbers, or texts. */
typedef struct examples {
    int is_text;
    size_t n, n_fields;
    float *values;       /* [n x n_fields] */
    example_text *texts; /* [n] */
    uint32_t *label;     /* [n] class, or UNLABELED */
    const char **path;   /* [n] where each comes from ... */
    size_t *row;         /* [n] ... and which row, line or picture of it, from 1; 0 is all of it */
    size_t value_capacity, text_capacity, label_capacity, path_capacity, row_capacity;
    size_t skipped;
} examples;

/* How to read. */
typedef struct reading {
    class_names *names;
    int learns;        /* new classes are added to the names; else their rows are bad */
    int wants_labels;  /* rows without a label are bad */
    int skip_bad;
    int label_first;   /* -1 first or last as the data says, 0 last, 1 first */
    int lines;         /* a text's lines are its examples */
    int text;          /* a file is text, not numbers: the model's examples were */
    size_t n_fields;   /* the model's, 0 = any */
    const char *labels_path; /* IDX */
} reading;

static uint32_t find_class(const class_names *names, const char *name) {
    for (size_t i = 0; i < names->n; i++) {
        if (strcmp(names->name[i], name) == 0) return (uint32_t)i;
    }
    return UNLABELED;
}

static uint32_t add_class(class_names *names, const char *name) {
    names->name = (char **)grow(names->name, names->n, 1, &names->capacity, sizeof *names->name);
    names->name[names->n] = copy_text(name, strlen(name));
    return (uint32_t)names->n++;
}

/* A bad row ends the program with one line, or is counted. */
#if defined(__GNUC__)
__attribute__((format(printf, 5, 6)))
#endif
static void
bad_row(examples *e, const reading *how, const char *path, size_t row, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!how->skip_bad) fail("%s: row %lu: %s", path, (unsigned long)row, text);
    e->skipped++;
}

/* The class of a label; 0 where the row is bad. */
static int label_of(examples *e, const reading *how, const char *path, size_t row, const char *text,
                    uint32_t *label) {
    *label = find_class(how->names, text);
    if (*label != UNLABELED) return 1;
    if (how->learns) {
        *label = add_class(how->names, text);
        return 1;
    }
    if (!how->wants_labels) return 1;
    bad_row(e, how, path, row, "the label \"%.60s\" was not in the training data", text);
    return 0;
}

static void push_example(examples *e, const char *path, size_t row, uint32_t label) {
    e->label = (uint32_t *)grow(e->label, e->n, 1, &e->label_capacity, sizeof *e->label);
    e->path = (const char **)grow(e->path, e->n, 1, &e->path_capacity, sizeof *e->path);
    e->row = (size_t *)grow(e->row, e->n, 1, &e->row_capacity, sizeof *e->row);
    e->label[e->n] = label;
    e->path[e->n] = path;
    e->row[e->n++] = row;
}

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    char *bytes = 0;
    size_t n = 0, capacity = 0;
    struct stat info;
    if (!file) fail("%s: %s", path, strerror(errno));
    if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode)) fail("%s: is a folder, not a file", path);
    do {
        bytes = (char *)grow(bytes, n, 65536, &capacity, 1);
        n += fread(bytes + n, 1, capacity - n - 1, file);
    } while (!feof(file) && !ferror(file));
    if (ferror(file)) fail("%s: %s", path, strerror(errno));
    fclose(file);
    bytes[n] = 0;
    *size = n;
    return bytes;
}

/* ------------------------------------------------------------------------------------------------------ tables (CSV) */

typedef struct cell {
    char *text;
    size_t length;
} cell;

typedef struct table_row {
    cell *cells;
    size_t n, capacity;
} table_row;

/* Of a first line: the separator that it has most of; blanks where it has none. */
static char find_separator(const char *line, size_t length) {
    static const char candidates[3] = {',', ';', '\t'};
    size_t count[3] = {0, 0, 0};
    for (size_t i = 0; i < length; i++) {
        for (int k = 0; k < 3; k++) count[k] += line[i] == candidates[k];
    }
    if (count[0] + count[1] + count[2] == 0) return ' ';
    return candidates[count[0] >= count[1] && count[0] >= count[2] ? 0 : count[1] >= count[2] ? 1 : 2];
}

/* Cuts a line into cells, in place: blanks around a cell and quotes around it are dropped. */
static void cut_line(char *line, size_t length, char separator, table_row *row) {
    size_t at = 0;
    row->n = 0;
    for (;;) {
        cell c;
        size_t begin, end;
        while (at < length && isspace((unsigned char)line[at]) && line[at] != separator) at++;
        if (separator == ' ') {
            while (at < length && isspace((unsigned char)line[at])) at++;
            if (at == length) break;
        }
        begin = at;
        if (at < length && line[at] == '"') {
            at++;
            while (at < length && line[at] != '"') at++;
            at += at < length;
        }
        while (at < length && (separator == ' ' ? !isspace((unsigned char)line[at]) : line[at] != separator)) at++;
        end = at;
        while (end > begin && isspace((unsigned char)line[end - 1])) end--;
        if (end - begin >= 2 && line[begin] == '"' && line[end - 1] == '"') begin++, end--;
        c.text = line + begin;
        c.length = end - begin;
        row->cells = (cell *)grow(row->cells, row->n, 1, &row->capacity, sizeof *row->cells);
        row->cells[row->n++] = c;
        if (at >= length) break;
        at++; /* the separator; behind it there is a cell, if an empty one */
    }
    for (size_t i = 0; i < row->n; i++) {
        if (row->cells[i].text < line + length) row->cells[i].text[row->cells[i].length] = 0;
    }
}

/* A cell's number; 0 where it is none. */
static int cell_number(const cell *c, float *value) {
    char *end;
    if (c->length == 0) return 0;
    *value = strtof(c->text, &end);
    return end == c->text + c->length && isfinite(*value);
}

static int is_label_name(const char *text) {
    static const char *const names[] = {"label", "class", "target", "y", "category", "species"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t k = 0;
        while (names[i][k] && tolower((unsigned char)text[k]) == names[i][k]) k++;
        if (!names[i][k] && !text[k]) return 1;
    }
    return 0;
}

/* What the first rows say about a table. */
typedef struct table_shape {
    char separator;
    int has_header, label_first, has_label;
    size_t n_columns;
} table_shape;

/* A header is a first row with words in most places where the second row has numbers. The label is in the first column where that is called so,
   or is the only one of the two ends that isn't a number; else in the last one. */
static void find_shape(const table_row *first, const table_row *second, const reading *how, table_shape *shape) {
    float number;
    size_t last = first->n - 1, n_words = 0, n_numbers = 0;
    const table_row *data = first;
    shape->n_columns = first->n;
    for (size_t i = 0; i < first->n && i < second->n; i++) {
        if (!cell_number(&second->cells[i], &number)) continue;
        n_words += !cell_number(&first->cells[i], &number);
        n_numbers++;
    }
    shape->has_header = n_words * 2 > n_numbers;
    if (shape->has_header) data = second;
    shape->label_first = how->label_first;
    if (shape->label_first < 0) {
        int first_is_number = cell_number(&data->cells[0], &number);
        int last_is_number = data->n <= last || cell_number(&data->cells[last], &number);
        shape->label_first = (!first_is_number && last_is_number) ||
                             (shape->has_header && first_is_number == last_is_number &&
                              is_label_name(first->cells[0].text) && !is_label_name(first->cells[last].text));
    }
    shape->has_label = how->wants_labels || how->n_fields == 0 || shape->n_columns != how->n_fields;
}

/* One row of data into the examples. */
static void add_table_row(examples *e, const reading *how, const char *path, size_t row, const table_row *cells,
                          const table_shape *shape) {
    size_t n_fields = shape->n_columns - (shape->has_label != 0), skip = shape->has_label && shape->label_first;
    uint32_t label = UNLABELED;
    float *values;
    if (cells->n != shape->n_columns) {
        bad_row(e, how, path, row, "%lu columns, not %lu", (unsigned long)cells->n, (unsigned long)shape->n_columns);
        return;
    }
    e->values = (float *)grow(e->values, e->n * n_fields, n_fields, &e->value_capacity, sizeof *e->values);
    values = e->values + e->n * n_fields;
    for (size_t i = 0; i < n_fields; i++) {
        const cell *c = &cells->cells[i + skip];
        if (!cell_number(c, &values[i])) {
            bad_row(e, how, path, row, "column %lu: %s%.40s%s", (unsigned long)(i + skip + 1), c->length ? "\"" : "",
                    c->length ? c->text : "nothing in it", c->length ? "\" is not a finite number" : "");
            return;
        }
    }
    if (shape->has_label) {
        const cell *c = &cells->cells[shape->label_first ? 0 : shape->n_columns - 1];
        if (c->length == 0) {
            bad_row(e, how, path, row, "the label is empty");
            return;
        }
        if (!label_of(e, how, path, row, c->text, &label)) return;
    }
    push_example(e, path, row, label);
}

/* The next line that isn't blank; 0 at the end. */
static int next_line(char *bytes, size_t size, size_t *at, size_t *row, char **line, size_t *length) {
    while (*at < size) {
        char *begin = bytes + *at, *end = (char *)memchr(begin, '\n', size - *at);
        size_t i = 0;
        *length = end ? (size_t)(end - begin) : size - *at;
        *at += *length + (end != 0);
        ++*row;
        *line = begin;
        while (i < *length && isspace((unsigned char)begin[i])) i++;
        if (i < *length) return 1;
    }
    return 0;
}

static void read_table(examples *e, const reading *how, const char *path, char *bytes, size_t size) {
    table_row first = {0, 0, 0}, cells = {0, 0, 0};
    table_shape shape;
    char *line;
    size_t at = 0, row = 0, first_row, length;
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) at = 3;
    if (!next_line(bytes, size, &at, &row, &line, &length)) fail("%s: the file is empty", path);
    if (memchr(bytes, 0, size)) fail("%s: is neither text nor IDX", path);
    shape.separator = find_separator(line, length);
    cut_line(line, length, shape.separator, &first);
    first_row = row;
    if (next_line(bytes, size, &at, &row, &line, &length)) cut_line(line, length, shape.separator, &cells);
    find_shape(&first, cells.n ? &cells : &first, how, &shape);
    if (shape.n_columns < 1 + (size_t)(shape.has_label != 0)) fail("%s: row %lu: a label and numbers are wanted, not one column", path, (unsigned long)first_row);
    e->n_fields = shape.n_columns - (shape.has_label != 0);
    if (how->n_fields && e->n_fields != how->n_fields)
        fail("%s: row %lu: %lu columns; the model has %lu fields%s", path, (unsigned long)first_row,
             (unsigned long)shape.n_columns, (unsigned long)how->n_fields, shape.has_label ? " and a label" : "");
    if (!shape.has_header) add_table_row(e, how, path, first_row, &first, &shape);
    if (cells.n) add_table_row(e, how, path, row, &cells, &shape);
    while (next_line(bytes, size, &at, &row, &line, &length)) {
        cut_line(line, length, shape.separator, &cells);
        add_table_row(e, how, path, row, &cells, &shape);
    }
    free(first.cells);
    free(cells.cells);
}

/* ------------------------------------------------------------------------------------------------- pictures (IDX) */

static size_t idx_number(const unsigned char *bytes) {
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

static int is_idx(const char *bytes, size_t size) {
    return size >= 4 && bytes[0] == 0 && bytes[1] == 0;
}

/* The header of an IDX file of bytes: items, bytes an item, where they begin. */
static const unsigned char *idx_open(const char *path, const char *bytes, size_t size, size_t *n, size_t *item) {
    const unsigned char *from = (const unsigned char *)bytes;
    size_t n_dimensions = size >= 4 ? from[3] : 0, total;
    if (!is_idx(bytes, size)) fail("%s: is not IDX: it begins with other bytes", path);
    if (from[2] != 8) fail("%s: IDX elements of type 0x%02x; only unsigned bytes (0x08) are read", path, from[2]);
    if (n_dimensions < 1 || size < 4 + 4 * n_dimensions) fail("%s: the IDX header is cut off", path);
    *n = idx_number(from + 4);
    *item = 1;
    for (size_t i = 1; i < n_dimensions; i++) {
        size_t length = idx_number(from + 4 + 4 * i);
        *item = length > 0 && *item > size / length ? size + 1 : *item * length; /* no more than matters */
    }
    total = *item > 0 && *n > size / *item ? SIZE_MAX : *n * *item;
    if (total != size - 4 - 4 * n_dimensions)
        fail("%s: %lu bytes behind the IDX header, which promises %lu items of %lu bytes", path,
             (unsigned long)(size - 4 - 4 * n_dimensions), (unsigned long)*n, (unsigned long)*item);
    return from + 4 + 4 * n_dimensions;
}

static void read_idx(examples *e, const reading *how, const char *path, const char *bytes, size_t size,
                     const char *label_path, const char *label_bytes, size_t label_size) {
    size_t n, item, n_labels = 0, label_item = 1;
    const unsigned char *pixels = idx_open(path, bytes, size, &n, &item), *labels = 0;
    if (item < 2) fail("%s: holds labels, not pictures", path);
    if (label_bytes) {
        labels = idx_open(label_path, label_bytes, label_size, &n_labels, &label_item);
        if (label_item != 1) fail("%s: holds pictures, not labels", label_path);
        if (n_labels != n) fail("%s: %lu labels for %lu pictures", label_path, (unsigned long)n_labels, (unsigned long)n);
    }
    if (how->n_fields && item != how->n_fields)
        fail("%s: pictures of %lu bytes; the model has %lu fields", path, (unsigned long)item, (unsigned long)how->n_fields);
    e->n_fields = item;
    e->values = (float *)grow(e->values, 0, n * item, &e->value_capacity, sizeof *e->values);
    for (size_t i = 0; i < n; i++) {
        uint32_t label = UNLABELED;
        float *values = e->values + e->n * item;
        if (labels) {
            char text[8];
            snprintf(text, sizeof text, "%u", labels[i]);
            if (!label_of(e, how, label_path, i + 1, text, &label)) continue;
        }
        for (size_t k = 0; k < item; k++) values[k] = pixels[i * item + k];
        push_example(e, path, i + 1, label);
    }
}

/* The labels of x-images-idx3-ubyte are in x-labels-idx1-ubyte; 0 where the name says nothing. */
static char *label_path_of(const char *path) {
    const char *at = 0;
    char *other = copy_text(path, strlen(path));
    for (const char *next = strstr(path, "images"); next; next = strstr(next + 1, "images")) at = next;
    if (!at || strncmp(at + 7, "idx", 3) != 0) return 0;
    memcpy(other + (at - path), "labels", 6);
    if (at[10]) other[at - path + 10] = '1';
    return other;
}

/* ------------------------------------------------------------------------------------------------------------- texts */

static void push_text(examples *e, const char *path, size_t row, uint32_t label, const char *bytes, size_t length) {
    e->texts = (example_text *)grow(e->texts, e->n, 1, &e->text_capacity, sizeof *e->texts);
    e->texts[e->n].bytes = bytes;
    e->texts[e->n].length = length;
    push_example(e, path, row, label);
}

static void read_text(examples *e, const reading *how, const char *path, uint32_t label) {
    size_t size, at = 0, row = 0, length, before = e->n;
    char *bytes = read_file(path, &size), *line;
    while (next_line(bytes, size, &at, &row, &line, &length)) {
        if (how->lines) {
            push_text(e, path, row, label, line, length);
        } else {
            push_text(e, path, 0, label, bytes, size);
            break;
        }
    }
    if (e->n == before) bad_row(e, how, path, 1, "the file is empty");
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder, sorted, without those that begin with a dot. */
static char **list_folder(const char *path, size_t *n_names) {
    DIR *folder = opendir(path);
    const struct dirent *entry;
    char **names = 0;
    size_t n = 0, capacity = 0;
    if (!folder) fail("%s: %s", path, strerror(errno));
    while ((entry = readdir(folder)) != 0) {
        if (entry->d_name[0] == '.') continue;
        names = (char **)grow(names, n, 1, &capacity, sizeof *names);
        names[n++] = copy_text(entry->d_name, strlen(entry->d_name));
    }
    closedir(folder);
    if (n) qsort(names, n, sizeof *names, compare_names);
    *n_names = n;
    return names;
}

static int is_folder(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) fail("%s: %s", path, strerror(errno));
    return S_ISDIR(info.st_mode);
}

/* <label>/<any file> and <label>.txt. */
static void read_folder(examples *e, const reading *how, const char *path) {
    size_t n_names, n_inner;
    char **names = list_folder(path, &n_names);
    e->is_text = 1;
    for (size_t i = 0; i < n_names; i++) {
        char *inner = join_path(path, names[i]);
        size_t length = strlen(names[i]);
        uint32_t label;
        if (is_folder(inner)) {
            char **files = list_folder(inner, &n_inner);
            if (!label_of(e, how, inner, 1, names[i], &label)) continue;
            for (size_t j = 0; j < n_inner; j++) {
                char *file = join_path(inner, files[j]);
                if (!is_folder(file)) read_text(e, how, file, label);
            }
        } else if (length > 4 && strcmp(names[i] + length - 4, ".txt") == 0) {
            names[i][length - 4] = 0;
            if (label_of(e, how, inner, 1, names[i], &label)) read_text(e, how, inner, label);
        }
    }
    if (e->n + e->skipped == 0) fail("%s: no texts in it: neither .txt files nor folders of files", path);
}

static examples read_examples(const char *path, const reading *how) {
    examples e;
    size_t size, label_size = 0;
    memset(&e, 0, sizeof e);
    if (is_folder(path)) {
        read_folder(&e, how, path);
    } else if (how->text) {
        e.is_text = 1;
        read_text(&e, how, path, UNLABELED);
    } else {
        char *bytes = read_file(path, &size);
        if (is_idx(bytes, size)) {
            const char *label_path = how->labels_path ? how->labels_path : label_path_of(path);
            char *label_bytes = 0;
            if (label_path && (how->labels_path || how->wants_labels || access(label_path, R_OK) == 0))
                label_bytes = read_file(label_path, &label_size);
            if (how->wants_labels && !label_bytes) fail("%s: which file has its labels? (--labels FILE)", path);
            read_idx(&e, how, path, bytes, size, label_path, label_bytes, label_size);
            free(label_bytes);
            free(bytes);
        } else {
            read_table(&e, how, path, bytes, size);
            free(bytes);
        }
    }
    if (e.n == 0) fail("%s: no examples in it%s", path, e.skipped ? " but bad rows" : "");
    return e;
}

/* Classes in the order of their names; numbers as numbers. */
static class_names *sorted_names;

static int compare_classes(const void *a, const void *b) {
    const char *x = sorted_names->name[*(const uint32_t *)a], *y = sorted_names->name[*(const uint32_t *)b];
    char *x_end, *y_end;
    double x_number = strtod(x, &x_end), y_number = strtod(y, &y_end);
    if (!*x_end && !*y_end && x_number != y_number) return x_number < y_number ? -1 : 1;
    return strcmp(x, y);
}

static void sort_classes(class_names *names, examples *e) {
    uint32_t *order = (uint32_t *)allocate(names->n, sizeof *order), *place = (uint32_t *)allocate(names->n, sizeof *place);
    char **name = (char **)allocate(names->n, sizeof *name);
    for (size_t i = 0; i < names->n; i++) order[i] = (uint32_t)i;
    sorted_names = names;
    qsort(order, names->n, sizeof *order, compare_classes);
    for (size_t i = 0; i < names->n; i++) {
        name[i] = names->name[order[i]];
        place[order[i]] = (uint32_t)i;
    }
    for (size_t i = 0; i < e->n; i++) e->label[i] = place[e->label[i]];
    free(names->name);
    names->name = name;
    names->capacity = names->n;
    free(order);
    free(place);
}

/* ---------------------------------------------------------------------------------------------------------- encoders */

enum encoder_kind { PROJECTION = 1, RECORDS = 2, NGRAMS = 3 };

static const char *const encoder_names[] = {"auto", "projection", "records", "ngrams"};

typedef struct training_options {
    size_t words;
    uint32_t kind, n_levels, n_gram;
    pkern_hdc_retraining retraining;
    size_t epochs, neighbours;
    uint64_t seed;
} training_options;

/* What makes vectors from examples; all of it is in the model's file. */
typedef struct encoder {
    uint32_t kind;
    uint32_t n_levels, n_gram; /* records, ngrams */
    uint64_t seed, words;
    uint64_t n_fields, n_live; /* of an example; of these the ones that are not the same everywhere */
    uint32_t *live;            /* [n_live] */
    float *mean;               /* [n_live] projection: what is taken from each field ... */
    uint32_t n_shifts;         /* projection: SHIFTS or 0 */
    float *factor;             /* [n_live * (n_live + 1) / 2] ... and the triangle, row after row, that the rest is solved by */
    float *low, *high;         /* [n_live] records: the range of the levels */
} encoder;

/* Fields that are the same in all rows say nothing. */
static void find_live_fields(encoder *c, const examples *e) {
    c->live = (uint32_t *)allocate(e->n_fields, sizeof *c->live);
    c->n_live = 0;
    for (size_t f = 0; f < e->n_fields; f++) {
        size_t i = 1;
        while (i < e->n && e->values[i * e->n_fields + f] == e->values[f]) i++;
        if (i < e->n) c->live[c->n_live++] = (uint32_t)f;
    }
    if (c->n_live == 0) fail("%s: all rows are the same", e->path[0]);
}

/* Numbers of the triangle; 0 where nothing is whitened. */
static size_t factor_size(const encoder *c) {
    return c->n_live > MAX_WHITENED ? 0 : (size_t)(c->n_live * (c->n_live + 1) / 2);
}

static void gather_live(const encoder *c, const float *row, float *out) {
    for (size_t f = 0; f < c->n_live; f++) out[f] = row[c->live[f]];
}

/* Learning how to whiten. The sample is spread evenly over the rows. */
typedef struct whitening {
    float *sample;      /* [n_sample x n], centered */
    double *covariance; /* [n x n], then its lower Cholesky factor */
    size_t n_sample, n;
} whitening;

static int make_covariance(size_t begin, size_t end, void *context) {
    const whitening *p = (const whitening *)context;
    size_t n = p->n;
    float *sums = (float *)allocate(n, sizeof *sums);
    for (size_t i = begin; i < end; i++) {
        memset(sums, 0, n * sizeof *sums);
        for (size_t r = 0; r < p->n_sample; r++) {
            const float *row = p->sample + r * n;
            pkern_simd_axpy_f32(row[i], row, i + 1, sums);
        }
        for (size_t j = 0; j <= i; j++) p->covariance[i * n + j] = (double)sums[j];
    }
    free(sums);
    return 0;
}

/* a = L L', in place; a is positive definite since a multiple of one was added. */
static void factor_covariance(double *a, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double rest = a[i * n + j] - pkern_simd_dot_f64(a + i * n, a + j * n, j);
            a[i * n + j] = i == j ? sqrt(rest) : rest / a[j * n + j];
        }
    }
}

static void learn_projection(encoder *c, const examples *e, double shrinkage, pkern_pool *pool) {
    pkern_par_options options = options_with_bar("looking at the data");
    whitening p;
    size_t n = c->n_live, at = 0;
    double trace = 0;
    p.n = n;
    p.n_sample = e->n < SAMPLE ? e->n : SAMPLE;
    p.sample = (float *)allocate(p.n_sample * n, sizeof *p.sample);
    c->mean = (float *)allocate(n, sizeof *c->mean);
    for (size_t r = 0; r < p.n_sample; r++) {
        gather_live(c, e->values + (size_t)((double)r * (double)e->n / (double)p.n_sample) * e->n_fields, p.sample + r * n);
        pkern_simd_axpy_f32(1.0f / (float)p.n_sample, p.sample + r * n, n, c->mean);
    }
    if (factor_size(c)) {
        for (size_t r = 0; r < p.n_sample; r++) pkern_simd_axpy_f32(-1.0f, c->mean, n, p.sample + r * n);
        p.covariance = (double *)allocate(n * n, sizeof *p.covariance);
        must(pkern_par_for(pool, 0, n, &options, make_covariance, &p), "covariance");
        for (size_t f = 0; f < n; f++) trace += p.covariance[f * n + f];
        for (size_t f = 0; f < n; f++) p.covariance[f * n + f] += trace > 0 ? shrinkage * trace / (double)n : 1;
        factor_covariance(p.covariance, n);
        c->factor = (float *)allocate(factor_size(c), sizeof *c->factor);
        for (size_t i = 0; i < n; i++) {
            double pivot = p.covariance[i * n + i];
            for (size_t j = 0; j < i; j++) c->factor[at++] = (float)(p.covariance[i * n + j] / pivot);
            c->factor[at++] = (float)(1 / pivot);
        }
        free(p.covariance);
    }
    free(p.sample);
}

static void learn_ranges(encoder *c, const examples *e) {
    c->low = (float *)allocate(c->n_live, sizeof *c->low);
    c->high = (float *)allocate(c->n_live, sizeof *c->high);
    for (size_t f = 0; f < c->n_live; f++) {
        c->low[f] = c->high[f] = e->values[c->live[f]];
        for (size_t i = 1; i < e->n; i++) {
            float value = e->values[i * e->n_fields + c->live[f]];
            if (value < c->low[f]) c->low[f] = value;
            if (value > c->high[f]) c->high[f] = value;
        }
    }
}

static void learn_encoder(encoder *c, const examples *e, const training_options *o, pkern_pool *pool) {
    if (c->kind == 0) c->kind = e->is_text ? NGRAMS : PROJECTION;
    if ((c->kind == NGRAMS) != (e->is_text != 0))
        fail("--encoder %s: is for %s", encoder_names[c->kind], e->is_text ? "numbers, not texts" : "texts, not numbers");
    if (c->kind == NGRAMS) return;
    c->n_fields = e->n_fields;
    find_live_fields(c, e);
    if (c->kind == PROJECTION) {
        c->n_shifts = o->epochs ? SHIFTS : 0;
        learn_projection(c, e, o->epochs || o->neighbours ? SHRINKAGE_RETRAINED : SHRINKAGE_ONE_LOOK, pool);
    } else {
        learn_ranges(c, e);
    }
}

/* ---- encoding */

/* What an encoder needs for some examples. */
typedef struct encoding {
    const encoder *c;
    const examples *e;
    size_t first;        /* numbers: the example that the batch begins with */
    float *rows;         /* [BATCH x (n_live + n_shifts)] */
    uint64_t *a, *b;     /* records: fields [n_live x words], levels [n_levels x words]; texts: the characters' vectors, their tables */
    uint32_t *symbols;   /* texts: numbers of characters ... */
    size_t *offsets;     /* [n + 1] ... and where each text begins */
    uint32_t *number_of; /* [CHARACTERS] from 1, 0 where a character has not come yet */
    uint32_t *characters;
    size_t n_characters;
} encoding;

/* Rows of numbers for the library: the live fields; for a projection whitened, with a row of the triangle for all rows of a part at
   once, so that both stay in the cache. */
static int prepare_rows(size_t begin, size_t end, void *context) {
    const encoding *job = (const encoding *)context;
    const encoder *c = job->c;
    const float *factor = c->factor;
    size_t n = c->n_live, stride = n + c->n_shifts;
    for (size_t i = begin; i < end; i++) {
        gather_live(c, job->e->values + (job->first + i) * job->e->n_fields, job->rows + i * stride);
        if (c->mean) pkern_simd_axpy_f32(-1.0f, c->mean, n, job->rows + i * stride);
    }
    for (size_t f = 0; factor && f < n; f++) {
        for (size_t i = begin; i < end; i++) {
            float *row = job->rows + i * stride;
            row[f] = row[f] * factor[f] - pkern_simd_dot_f32(factor, row, f);
        }
        factor += f + 1;
    }
    for (size_t i = begin; i < end && c->n_shifts; i++) {
        float *row = job->rows + i * stride, length = sqrtf(pkern_simd_dot_f32(row, row, n) / SHIFTS);
        for (size_t k = 0; k < SHIFTS; k++) row[n + k] = SHIFT * length;
    }
    return 0;
}

/* The next character: a code point of UTF-8, or a byte that isn't UTF-8; blanks in a row are one, capitals of ASCII small. */
static uint32_t next_character(const example_text *text, size_t *at) {
    const unsigned char *bytes = (const unsigned char *)text->bytes;
    uint32_t first = bytes[*at], value;
    size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0, i;
    if (first <= ' ') {
        while (*at < text->length && bytes[*at] <= ' ') ++*at;
        return ' ';
    }
    value = length > 1 ? first & (0x7Fu >> length) : first;
    for (i = 1; i < length && *at + i < text->length && (bytes[*at + i] & 0xC0) == 0x80; i++) value = value << 6 | (bytes[*at + i] & 0x3Fu);
    if (length == 0 || i < length) {
        ++*at;
        return 0x110000 + first;
    }
    *at += length;
    return value < 0x80 ? (uint32_t)tolower((int)value) : value;
}

/* The numbers of all texts' characters. A text shorter than an n-gram is filled with blanks. */
static void read_characters(encoding *job) {
    size_t n = 0, capacity = 0, character_capacity = 0;
    job->number_of = (uint32_t *)allocate(CHARACTERS, sizeof *job->number_of);
    job->offsets = (size_t *)allocate(job->e->n + 1, sizeof *job->offsets);
    for (size_t i = 0; i < job->e->n; i++) {
        const example_text *text = &job->e->texts[i];
        for (size_t at = 0; at < text->length || n < job->offsets[i] + job->c->n_gram; n++) {
            uint32_t character = at < text->length ? next_character(text, &at) : ' ', *number = &job->number_of[character];
            if (*number == 0) {
                job->characters = (uint32_t *)grow(job->characters, job->n_characters, 1, &character_capacity, sizeof character);
                job->characters[job->n_characters] = character;
                *number = (uint32_t)++job->n_characters;
            }
            job->symbols = (uint32_t *)grow(job->symbols, n, 1, &capacity, sizeof *job->symbols);
            job->symbols[n] = *number - 1;
        }
        job->offsets[i + 1] = n;
    }
}

/* The vectors of fields, levels or characters. A character's depends on nothing else, so that other texts have the same. */
static void make_codebooks(encoding *job, pkern_pool *pool) {
    const encoder *c = job->c;
    size_t words = c->words, n_rows = c->kind == RECORDS ? c->n_live : job->n_characters;
    job->a = (uint64_t *)allocate(n_rows * words, 8);
    job->b = (uint64_t *)allocate((c->kind == RECORDS ? c->n_levels : n_rows * c->n_gram) * words, 8);
    if (c->kind == RECORDS) {
        must(pkern_hdc_codebook_random(pool, c->seed, n_rows, words, job->a), "fields");
        must(pkern_hdc_codebook_level(pool, ~c->seed, c->n_levels, words, job->b), "levels");
    } else {
        for (size_t i = 0; i < n_rows; i++) pkern_hdc_random(c->seed * CHARACTERS + job->characters[i], job->a + i * words, words);
        must(pkern_hdc_ngram_tables(pool, job->a, n_rows, c->n_gram, words, job->b), "tables");
    }
}

static pkern_status encode_batch(encoding *job, size_t n, pkern_pool *pool, uint64_t *out) {
    const encoder *c = job->c;
    if (c->kind == NGRAMS)
        return pkern_hdc_encode_ngrams(pool, job->symbols, job->offsets + job->first, n, job->b, job->n_characters, c->n_gram, c->words, out);
    must(pkern_par_for(pool, 0, n, 0, prepare_rows, job), "rows");
    if (c->kind == PROJECTION) return pkern_hdc_encode_projection(pool, job->rows, n, c->n_live + c->n_shifts, c->seed, c->words, out);
    return pkern_hdc_encode_records(pool, job->rows, n, c->n_live, job->a, job->b, c->n_levels, c->low, c->high, c->words, out);
}

static uint64_t *encode(const encoder *c, const examples *e, pkern_pool *pool) {
    uint64_t *out = (uint64_t *)allocate(e->n * c->words, 8);
    encoding job;
    memset(&job, 0, sizeof job);
    job.c = c;
    job.e = e;
    job.rows = (float *)allocate(BATCH * (c->n_live + c->n_shifts), sizeof *job.rows);
    if (c->kind == NGRAMS) read_characters(&job);
    if (c->kind != PROJECTION) make_codebooks(&job, pool);
    for (size_t n; job.first < e->n; job.first += n) {
        n = e->n - job.first < BATCH ? e->n - job.first : BATCH;
        must(encode_batch(&job, n, pool, out + job.first * c->words), "encoding");
        if (isatty(STDERR_FILENO)) show_progress(job.first + n, e->n, (void *)(uintptr_t)"encoding");
    }
    free(job.rows);
    free(job.a);
    free(job.b);
    free(job.symbols);
    free(job.offsets);
    free(job.number_of);
    free(job.characters);
    return out;
}

/* -------------------------------------------------------------------------------------------- the model and its file */

typedef struct model {
    encoder c;
    class_names names;
    pkern_hdc_classifier *classifier;
    uint32_t prototypes; /* pkern_hdc_model: which of them are asked */
    size_t neighbours;   /* 0, or how many of the examples vote in place of the prototypes */
    size_t n_kept;
    uint64_t *kept;      /* [n_kept x words] the examples' vectors ... */
    uint32_t *kept_label; /* [n_kept] ... and classes */
} model;

/* The file of a model is that of its classifier, with a note that begins with this; changes of the note change its end. */
static const char model_magic[8] = {'c', 'l', 'a', 's', 's', 'i', 'f', '2'};

/* What the model's file holds beside the classifier: bytes that are written and read one after another. */
typedef struct note {
    unsigned char *bytes;
    size_t n, capacity;
    const char *path;
} note;

static void put(note *to, const void *data, size_t size) {
    if (size == 0) return;
    to->bytes = (unsigned char *)grow(to->bytes, to->n, size, &to->capacity, 1);
    memcpy(to->bytes + to->n, data, size);
    to->n += size;
}

static void put_number(note *to, uint64_t number) {
    put(to, &number, sizeof number);
}

/* from->n is what is left. */
static void *take(note *from, uint64_t n, size_t size) {
    void *data;
    if (n > from->n / size) fail("%s: is no model of hdc_classify, or damaged", from->path);
    data = allocate((size_t)n, size);
    if (n > 0) memcpy(data, from->bytes, (size_t)n * size);
    from->bytes += n * size;
    from->n -= (size_t)n * size;
    return data;
}

static uint64_t take_number(note *from, uint64_t most) {
    uint64_t number = 0, *data = (uint64_t *)take(from, 1, sizeof number);
    number = *data;
    free(data);
    if (number > most) fail("%s: is no model of hdc_classify, or damaged", from->path);
    return number;
}

static void save_model(const model *m, const char *path) {
    const encoder *c = &m->c;
    note n = {0, 0, 0, 0};
    put(&n, model_magic, sizeof model_magic);
    put_number(&n, c->kind);
    put_number(&n, m->prototypes);
    put_number(&n, m->neighbours);
    put_number(&n, c->n_levels);
    put_number(&n, c->n_gram);
    put_number(&n, c->seed);
    put_number(&n, c->n_fields);
    put_number(&n, c->n_live);
    put(&n, c->live, c->n_live * sizeof *c->live);
    if (c->kind == PROJECTION) {
        put_number(&n, c->n_shifts);
        put(&n, c->mean, c->n_live * sizeof *c->mean);
        put(&n, c->factor, factor_size(c) * sizeof *c->factor);
    } else if (c->kind == RECORDS) {
        put(&n, c->low, c->n_live * sizeof *c->low);
        put(&n, c->high, c->n_live * sizeof *c->high);
    }
    for (size_t i = 0; i < m->names.n; i++) {
        put_number(&n, strlen(m->names.name[i]));
        put(&n, m->names.name[i], strlen(m->names.name[i]));
    }
    put_number(&n, m->n_kept);
    put(&n, m->kept_label, m->n_kept * sizeof *m->kept_label);
    put(&n, m->kept, m->n_kept * c->words * sizeof *m->kept);
    must(pkern_hdc_classifier_save(m->classifier, path, n.bytes, n.n), path);
    free(n.bytes);
}

static void load_model(model *m, const char *path) {
    encoder *c = &m->c;
    note n = {0, 0, 0, 0};
    char *magic;
    memset(m, 0, sizeof *m);
    must(pkern_hdc_classifier_load(path, 0, &m->classifier), path);
    n.path = path;
    n.bytes = (unsigned char *)(uintptr_t)pkern_hdc_classifier_note(m->classifier, &n.n);
    c->words = pkern_hdc_classifier_words(m->classifier);
    magic = (char *)take(&n, sizeof model_magic, 1);
    if (memcmp(magic, "classify", 8) == 0) fail("%s: is of an older hdc_classify; train it again", path);
    if (memcmp(magic, model_magic, 8) != 0) fail("%s: is a classifier, but not of this hdc_classify", path);
    free(magic);
    c->kind = (uint32_t)take_number(&n, NGRAMS);
    m->prototypes = (uint32_t)take_number(&n, PKERN_HDC_MODEL_BINARY);
    m->neighbours = take_number(&n, UINT32_MAX);
    c->n_levels = (uint32_t)take_number(&n, 1 << 20);
    c->n_gram = (uint32_t)take_number(&n, 64);
    c->seed = take_number(&n, UINT64_MAX);
    c->n_fields = take_number(&n, UINT32_MAX);
    c->n_live = take_number(&n, c->n_fields);
    c->live = (uint32_t *)take(&n, c->n_live, sizeof *c->live);
    for (size_t f = 0; f < c->n_live; f++) {
        if (c->live[f] >= c->n_fields) fail("%s: is no model of hdc_classify, or damaged", path);
    }
    if (c->kind == PROJECTION) {
        c->n_shifts = take_number(&n, SHIFTS) ? SHIFTS : 0;
        c->mean = (float *)take(&n, c->n_live, sizeof *c->mean);
        if (factor_size(c)) c->factor = (float *)take(&n, factor_size(c), sizeof *c->factor);
    } else if (c->kind == RECORDS) {
        c->low = (float *)take(&n, c->n_live, sizeof *c->low);
        c->high = (float *)take(&n, c->n_live, sizeof *c->high);
        if (c->n_levels < 2 || c->n_levels > 4096) fail("%s: is no model of hdc_classify, or damaged", path);
    } else if (c->kind != NGRAMS || c->n_gram == 0) {
        fail("%s: is no model of hdc_classify, or damaged", path);
    }
    for (size_t i = 0; i < pkern_hdc_classifier_n_classes(m->classifier); i++) {
        size_t length = (size_t)take_number(&n, UINT32_MAX);
        char *text = (char *)take(&n, length, 1), *name = copy_text(text, length);
        add_class(&m->names, name);
        free(text);
        free(name);
    }
    m->n_kept = take_number(&n, UINT32_MAX);
    m->kept_label = (uint32_t *)take(&n, m->n_kept, sizeof *m->kept_label);
    m->kept = (uint64_t *)take(&n, m->n_kept, c->words * sizeof *m->kept);
    for (size_t i = 0; i < m->n_kept; i++) {
        if (m->kept_label[i] >= m->names.n) fail("%s: is no model of hdc_classify, or damaged", path);
    }
    if (!m->neighbours != !m->n_kept) fail("%s: is no model of hdc_classify, or damaged", path);
}

/* ---------------------------------------------------------------------------------------------- training and testing */

/* Long texts are learned in pieces, each about as long as a text that is asked about: cut at blanks. */
static void cut_texts(examples *e) {
    examples cut;
    memset(&cut, 0, sizeof cut);
    for (size_t i = 0; i < e->n; i++) {
        const char *bytes = e->texts[i].bytes;
        size_t left = e->texts[i].length;
        while (left > 0) {
            size_t length = left < 2 * PIECE ? left : PIECE;
            while (length < left && length < 2 * PIECE && (unsigned char)bytes[length] > ' ') length++;
            push_text(&cut, e->path[i], e->row[i], e->label[i], bytes, length);
            bytes += length;
            left -= length;
        }
    }
    cut.is_text = 1;
    cut.skipped = e->skipped;
    *e = cut;
}

typedef struct figures {
    size_t n_train, n_fields, n_skipped_train, n_test, n_skipped_test, n_right;
    size_t *mistakes; /* [epochs] */
    size_t n_epochs;
    size_t *confusion; /* [classes x classes], row: true */
    double encode_train_s, learn_s, encode_test_s, predict_s;
} figures;

static int show_epoch(unsigned epoch, size_t mistakes, void *user) {
    const training_options *o = (const training_options *)user;
    char what[64];
    snprintf(what, sizeof what, "epoch %u: %lu mistakes", epoch + 1, (unsigned long)mistakes);
    if (isatty(STDERR_FILENO)) show_progress(epoch + 1, o->epochs, what);
    return 0;
}

static void train_model(model *m, const examples *e, training_options *o, pkern_pool *pool, figures *f) {
    uint64_t *vectors;
    double begin = seconds_now(), encoded;
    m->c.words = o->words;
    m->c.kind = o->kind;
    m->c.n_levels = o->n_levels;
    m->c.n_gram = o->n_gram;
    m->c.seed = o->seed * 0x100000000u + 1;
    m->prototypes = o->retraining.model;
    m->neighbours = o->neighbours;
    learn_encoder(&m->c, e, o, pool);
    vectors = encode(&m->c, e, pool);
    encoded = seconds_now();
    must(pkern_hdc_classifier_create(m->names.n, o->words, 0, &m->classifier), "classifier");
    if (m->neighbours) {
        m->n_kept = e->n;
        m->kept = vectors;
        m->kept_label = e->label;
    } else {
        must(pkern_hdc_classifier_train(pool, m->classifier, vectors, e->label, e->n), "training");
    }
    if (o->epochs > 0) {
        f->mistakes = (size_t *)allocate(o->epochs, sizeof *f->mistakes);
        o->retraining.epochs = (unsigned)o->epochs;
        o->retraining.seed = o->seed;
        o->retraining.margin = MARGIN;
        o->retraining.progress = show_epoch;
        o->retraining.user = o;
        must(pkern_hdc_classifier_retrain(pool, m->classifier, vectors, e->label, e->n, &o->retraining, f->mistakes), "retraining");
        while (f->n_epochs < o->epochs && f->mistakes[f->n_epochs] != SIZE_MAX) f->n_epochs++;
        if (f->n_epochs < o->epochs && isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    }
    f->learn_s = seconds_now() - encoded;
    f->encode_train_s = encoded - begin;
    f->n_train = e->n;
    f->n_fields = e->n_fields;
    f->n_skipped_train = e->skipped;
    if (!m->neighbours) free(vectors);
}

static pkern_hdc_prediction *predict(const model *m, const examples *e, pkern_pool *pool, double *encode_s, double *predict_s) {
    pkern_hdc_prediction *answers = (pkern_hdc_prediction *)allocate(e->n, sizeof *answers);
    double begin = seconds_now(), encoded;
    uint64_t *vectors = encode(&m->c, e, pool);
    encoded = seconds_now();
    if (m->neighbours) {
        must(pkern_hdc_knn(pool, vectors, e->n, m->kept, m->kept_label, m->n_kept, m->c.words, m->neighbours, answers), "predicting");
    } else {
        must(pkern_hdc_classifier_predict(pool, m->classifier, (pkern_hdc_model)m->prototypes, vectors, e->n, answers), "predicting");
    }
    *predict_s = seconds_now() - encoded;
    *encode_s = encoded - begin;
    free(vectors);
    return answers;
}

static void test_model(const model *m, const examples *e, pkern_pool *pool, figures *f) {
    pkern_hdc_prediction *answers = predict(m, e, pool, &f->encode_test_s, &f->predict_s);
    f->confusion = (size_t *)allocate(m->names.n * m->names.n, sizeof *f->confusion);
    for (size_t i = 0; i < e->n; i++) {
        f->confusion[e->label[i] * m->names.n + answers[i].label]++;
        f->n_right += answers[i].label == e->label[i];
    }
    f->n_test = e->n;
    f->n_skipped_test = e->skipped;
    free(answers);
}

/* Moves a random share of the examples, in percent, to another set. */
static void hold_out(examples *e, unsigned percent, uint64_t seed, examples *held) {
    size_t n = e->n, kept = 0, n_fields = e->n_fields;
    uint64_t *random = (uint64_t *)allocate(n, sizeof *random);
    examples all = *e;
    memset(held, 0, sizeof *held);
    held->is_text = e->is_text;
    held->n_fields = n_fields;
    pkern_hdc_random(seed + 77, random, n);
    if (!e->is_text) held->values = (float *)allocate(n * n_fields, sizeof *held->values);
    e->n = 0;
    for (size_t i = 0; i < n; i++) {
        int goes = random[i] % 100 < percent;
        examples *to = goes ? held : e;
        if (e->is_text) {
            example_text text = all.texts[i];
            push_text(to, all.path[i], all.row[i], all.label[i], text.bytes, text.length);
        } else {
            memmove(to->values + to->n * n_fields, all.values + i * n_fields, n_fields * sizeof *all.values);
            push_example(to, all.path[i], all.row[i], all.label[i]);
        }
        kept += !goes;
    }
    free(random);
    if (kept == 0 || held->n == 0) fail("--holdout %u: leaves nothing of %lu examples on one side", percent, (unsigned long)n);
}

/* ----------------------------------------------------------------------------------------------------------- reports */

static const char *const prototype_names[] = {"integer", "binary"};

static void print_json_text(const char *text) {
    putchar('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < ' ') {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static double per_second(size_t n, double seconds) {
    return seconds > 0 ? (double)n / seconds : 0;
}

static void print_json(const model *m, const figures *f, size_t n_threads) {
    size_t n = m->names.n;
    printf("{\"encoder\":\"%s\",\"bits\":%lu,", encoder_names[m->c.kind], (unsigned long)m->c.words * 64);
    if (m->neighbours) {
        printf("\"neighbours\":%lu,", (unsigned long)m->neighbours);
    } else {
        printf("\"prototypes\":\"%s\",", prototype_names[m->prototypes]);
    }
    printf("\"threads\":%lu,\"classes\":[", (unsigned long)n_threads);
    for (size_t i = 0; i < n; i++) {
        if (i) putchar(',');
        print_json_text(m->names.name[i]);
    }
    putchar(']');
    if (f->n_train) {
        printf(",\"train\":{\"examples\":%lu,\"skipped\":%lu,\"encode_s\":%.6f,\"learn_s\":%.6f,\"mistakes\":[",
               (unsigned long)f->n_train, (unsigned long)f->n_skipped_train, f->encode_train_s, f->learn_s);
        for (size_t i = 0; i < f->n_epochs; i++) printf("%s%lu", i ? "," : "", (unsigned long)f->mistakes[i]);
        printf("]}");
    }
    if (f->n_test) {
        printf(",\"test\":{\"examples\":%lu,\"skipped\":%lu,\"right\":%lu,\"accuracy\":%.6f,\"encode_s\":%.6f,\"predict_s\":%.6f,"
               "\"confusion\":[",
               (unsigned long)f->n_test, (unsigned long)f->n_skipped_test, (unsigned long)f->n_right,
               (double)f->n_right / (double)f->n_test, f->encode_test_s, f->predict_s);
        for (size_t i = 0; i < n; i++) {
            printf("%s[", i ? "," : "");
            for (size_t j = 0; j < n; j++) printf("%s%lu", j ? "," : "", (unsigned long)f->confusion[i * n + j]);
            putchar(']');
        }
        printf("]}");
    }
    printf("}\n");
}

static void print_confusion(const model *m, const figures *f) {
    size_t n = m->names.n;
    if (n <= SHOWN_CLASSES) {
        printf("\ntrue \\ predicted");
        for (size_t j = 0; j < n; j++) printf(" %6.6s", m->names.name[j]);
        putchar('\n');
        for (size_t i = 0; i < n; i++) {
            printf("%16.16s", m->names.name[i]);
            for (size_t j = 0; j < n; j++) printf(" %6lu", (unsigned long)f->confusion[i * n + j]);
            putchar('\n');
        }
        return;
    }
    printf("\nmost frequent confusions\n");
    for (size_t shown = 0, last = SIZE_MAX, last_at = 0; shown < SHOWN_CONFUSIONS; shown++) {
        size_t best = 0, best_at = 0; /* the next one in the order of number, then of place */
        for (size_t at = 0; at < n * n; at++) {
            size_t count = f->confusion[at];
            if (at / n != at % n && count > best && (count < last || (count == last && at > last_at))) {
                best = count;
                best_at = at;
            }
        }
        if (best == 0) break;
        printf("%6lu  %s taken for %s\n", (unsigned long)best, m->names.name[best_at / n], m->names.name[best_at % n]);
        last = best;
        last_at = best_at;
    }
}

static void print_report(const model *m, const figures *f, size_t n_threads) {
    if (f->n_train) {
        printf("trained on %lu examples of %lu classes: %s encoder, %lu bits, ", (unsigned long)f->n_train, (unsigned long)m->names.n,
               encoder_names[m->c.kind], (unsigned long)m->c.words * 64);
        if (m->neighbours) {
            printf("%lu nearest neighbours, ", (unsigned long)m->neighbours);
        } else {
            printf("%s prototypes, ", prototype_names[m->prototypes]);
        }
        printf("%lu thread%s\n", (unsigned long)n_threads, n_threads == 1 ? "" : "s");
        if (f->n_skipped_train) printf("  skipped %lu bad rows\n", (unsigned long)f->n_skipped_train);
        printf("  encoding %.3f s (%.0f examples/s), learning %.3f s\n", f->encode_train_s, per_second(f->n_train, f->encode_train_s), f->learn_s);
        if (f->n_epochs)
            printf("  %lu epochs: %.2f %% of the examples wrong in the first, %.2f %% in the last\n", (unsigned long)f->n_epochs,
                   100 * (double)f->mistakes[0] / (double)f->n_train, 100 * (double)f->mistakes[f->n_epochs - 1] / (double)f->n_train);
    }
    if (f->n_test) {
        printf("accuracy %.2f %%: %lu of %lu examples\n", 100 * (double)f->n_right / (double)f->n_test, (unsigned long)f->n_right, (unsigned long)f->n_test);
        if (f->n_skipped_test) printf("  skipped %lu bad rows\n", (unsigned long)f->n_skipped_test);
        printf("  encoding %.3f s (%.0f examples/s), predicting %.3f s (%.0f examples/s)\n", f->encode_test_s,
               per_second(f->n_test, f->encode_test_s), f->predict_s, per_second(f->n_test, f->predict_s));
        print_confusion(m, f);
    }
}

static void print_predictions(const model *m, const examples *e, const pkern_hdc_prediction *answers, int json) {
    for (size_t i = 0; i < e->n; i++) {
        const char *name = m->names.name[answers[i].label];
        double score = (double)answers[i].score, margin = (double)answers[i].margin;
        if (json) {
            printf("{\"path\":");
            print_json_text(e->path[i]);
            printf(",\"row\":%lu,\"class\":", (unsigned long)e->row[i]);
            print_json_text(name);
            printf(",\"score\":%.6f,\"margin\":%.6f}\n", score, margin);
        } else if (e->row[i]) {
            printf("%s:%lu\t%s\t%.4f\t%.4f\n", e->path[i], (unsigned long)e->row[i], name, score, margin);
        } else {
            printf("%s\t%s\t%.4f\t%.4f\n", e->path[i], name, score, margin);
        }
    }
    if (e->skipped) fprintf(stderr, "hdc_classify: skipped %lu bad rows\n", (unsigned long)e->skipped);
}

/* ----------------------------------------------------------------------------------------------------------- options */

static const char help[] =
    "usage: hdc_classify --train DATA [--test DATA | --holdout PERCENT] [--save MODEL] [options]\n"
    "       hdc_classify --load MODEL (--test DATA | --predict DATA) [options]\n"
    "\n"
    "Learns classes from examples with binary hypervectors, tells how well it knows others, and predicts.\n"
    "\n"
    "DATA is one of\n"
    "  a table     text with a row an example: numbers, and the label in the first or last column;\n"
    "              separated by commas, semicolons, tabs or blanks; a header line is recognised\n"
    "  pictures    IDX with unsigned bytes (MNIST's format, unpacked); the labels of x-images-idx3-ubyte are\n"
    "              looked for in x-labels-idx1-ubyte, or in the file that --labels names\n"
    "  a folder    texts: the files in <label>/, and <label>.txt\n"
    "\n"
    "  --train DATA      learn from DATA\n"
    "  --test DATA       predict DATA and compare with its labels\n"
    "  --holdout N       test with a random N percent of the training data instead of learning from them\n"
    "  --predict DATA    print a line an example: where it is, class, similarity, margin to the next class;\n"
    "                    for a model of texts DATA may be one file\n"
    "  --save MODEL      write the model to a file\n"
    "  --load MODEL      use a model instead of training one\n"
    "  --dimension N     bits of a vector, a multiple of 64 (2048)\n"
    "  --encoder NAME    projection (numbers), records (numbers) or ngrams (texts)\n"
    "  --levels N        of records: levels of a field, 2 to 4096 (32)\n"
    "  --ngram N         of texts: characters in a row, 1 to 16 (3)\n"
    "  --epochs N        rounds of learning from mistakes; 0 learns from each example once (20)\n"
    "  --rule NAME       how far a mistake moves the prototypes: perceptron, adapt, online (perceptron)\n"
    "  --prototypes NAME integer or binary (integer)\n"
    "  --neighbours K    keep all examples, and let the K nearest vote in place of prototypes; with --load of\n"
    "                    such a model another K\n"
    "  --label PLACE     first or last column of a table (found out)\n"
    "  --labels FILE     the labels of --train pictures, or of --test where nothing is trained\n"
    "  --test-labels FILE  the labels of --test pictures\n"
    "  --lines           each line of a text is an example\n"
    "  --skip-bad        leave out bad rows and count them\n"
    "  --seed N          of all that is random (1)\n"
    "  --threads N       1 to 1024 (all CPUs); the results are the same for any number\n"
    "  --json            one JSON object for a test, one a line for predictions\n"
    "\n"
    "Bad rows (missing columns, what is not a number, unknown labels) end the program with one line that says where.\n"
    "Exit status: 0 done, 2 anything that went wrong.\n";

static size_t number_option(const char *name, const char *text, size_t least, size_t most) {
    char *end;
    unsigned long value;
    errno = 0;
    value = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || value < least || value > most)
        fail("%s %s: must be a whole number from %lu to %lu", name, text, (unsigned long)least, (unsigned long)most);
    return value;
}

static uint32_t choice_option(const char *name, const char *text, const char *const *choices, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, choices[i]) == 0) return (uint32_t)i;
    }
    fail("%s %s: there is no such choice (--help lists them)", name, text);
}

typedef struct command {
    const char *train, *test, *holdout, *predict, *save, *load, *dimension, *encoder, *levels, *ngram, *epochs, *rule, *prototypes,
        *neighbours, *label, *labels, *test_labels, *seed, *threads;
    int lines, skip_bad, json;
} command;

static void read_command(int argc, char **argv, command *c) {
    const struct {
        const char *name;
        const char **value;
        int *flag;
    } options[] = {{"--train", &c->train, 0},       {"--test", &c->test, 0},         {"--holdout", &c->holdout, 0},
                   {"--predict", &c->predict, 0},   {"--save", &c->save, 0},         {"--load", &c->load, 0},
                   {"--dimension", &c->dimension, 0}, {"--encoder", &c->encoder, 0}, {"--levels", &c->levels, 0},
                   {"--ngram", &c->ngram, 0},       {"--epochs", &c->epochs, 0},     {"--rule", &c->rule, 0},
                   {"--prototypes", &c->prototypes, 0}, {"--neighbours", &c->neighbours, 0}, {"--label", &c->label, 0}, {"--labels", &c->labels, 0},
                   {"--test-labels", &c->test_labels, 0}, {"--seed", &c->seed, 0},   {"--threads", &c->threads, 0},
                   {"--lines", 0, &c->lines},       {"--skip-bad", 0, &c->skip_bad}, {"--json", 0, &c->json}};
    const size_t n = sizeof options / sizeof *options;
    memset(c, 0, sizeof *c);
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            exit(fflush(stdout) == 0 ? 0 : 2);
        }
        while (k < n && strcmp(argv[i], options[k].name) != 0) k++;
        if (k == n) fail("%s: there is no such option (--help lists them)", argv[i]);
        if (options[k].flag) {
            *options[k].flag = 1;
        } else {
            if (++i == argc) fail("%s: its value is missing (--help tells more)", options[k].name);
            *options[k].value = argv[i];
        }
    }
    if (!c->train == !c->load) fail("needs --train or --load, and not both (--help tells more)");
    if (c->load && !c->test && !c->predict) fail("--load: what for? --test or --predict (--help tells more)");
    if (c->test && c->holdout) fail("--test and --holdout: one of them is enough");
    if (c->load && (c->holdout || c->save)) fail("--load: goes with --test and --predict alone");
    if (c->neighbours && (c->epochs || c->rule || c->prototypes)) fail("--neighbours: goes without --epochs, --rule and --prototypes");
}

static size_t neighbours_option(const command *c) {
    return c->neighbours ? number_option("--neighbours", c->neighbours, 1, 100000) : 0;
}

static void read_training_options(const command *c, training_options *o) {
    static const char *const rules[] = {"perceptron", "adapt", "online"};
    memset(o, 0, sizeof *o);
    o->words = c->dimension ? number_option("--dimension", c->dimension, 64, 1 << 24) : 2048;
    if (o->words % 64) fail("--dimension %s: must be a multiple of 64", c->dimension);
    o->words /= 64;
    o->kind = c->encoder ? choice_option("--encoder", c->encoder, encoder_names, 4) : 0;
    o->n_levels = c->levels ? (uint32_t)number_option("--levels", c->levels, 2, 4096) : 32;
    o->n_gram = c->ngram ? (uint32_t)number_option("--ngram", c->ngram, 1, 16) : 3;
    o->neighbours = neighbours_option(c);
    o->epochs = o->neighbours ? 0 : c->epochs ? number_option("--epochs", c->epochs, 0, 65535) : 20;
    o->seed = c->seed ? number_option("--seed", c->seed, 0, 0xffffffffu) : 1;
    o->retraining.rule = (pkern_hdc_rule)(c->rule ? choice_option("--rule", c->rule, rules, 3) : 0);
    o->retraining.model = (pkern_hdc_model)(c->prototypes ? choice_option("--prototypes", c->prototypes, prototype_names, 2) : 0);
}

static reading how_to_read(const command *c, model *m, const char *labels_path) {
    static const char *const places[] = {"last", "first"};
    reading how;
    memset(&how, 0, sizeof how);
    how.names = &m->names;
    how.skip_bad = c->skip_bad;
    how.lines = c->lines;
    how.label_first = c->label ? (int)choice_option("--label", c->label, places, 2) : -1;
    how.labels_path = labels_path;
    how.n_fields = m->c.n_fields;
    return how;
}

/* Training data, and what is held out of it. */
static void train_command(const command *c, model *m, pkern_pool *pool, figures *f, examples *held) {
    training_options options;
    reading how = how_to_read(c, m, c->labels);
    examples e;
    read_training_options(c, &options);
    how.learns = how.wants_labels = 1;
    e = read_examples(c->train, &how);
    sort_classes(&m->names, &e);
    if (m->names.n < 2) fail("%s: all examples are of one class, \"%s\"", c->train, m->names.name[0]);
    if (c->holdout) hold_out(&e, (unsigned)number_option("--holdout", c->holdout, 1, 99), options.seed, held);
    if (e.is_text) cut_texts(&e);
    train_model(m, &e, &options, pool, f);
    free(e.values);
}

int main(int argc, char **argv) {
    command c;
    model m;
    figures f;
    examples tested, asked;
    pkern_pool_config config;
    pkern_pool *pool = 0;
    read_command(argc, argv, &c);
    memset(&config, 0, sizeof config);
    memset(&f, 0, sizeof f);
    memset(&m, 0, sizeof m);
    memset(&tested, 0, sizeof tested);
    config.num_threads = c.threads ? (int)number_option("--threads", c.threads, 1, 1024) : 0;
    must(pkern_pool_create(&config, &pool), "threads");
    if (c.load) {
        load_model(&m, c.load);
        if (c.neighbours && !m.neighbours) fail("--neighbours: %s keeps prototypes, no examples", c.load);
        if (c.neighbours) m.neighbours = neighbours_option(&c);
    } else {
        train_command(&c, &m, pool, &f, &tested);
    }
    if (c.save) save_model(&m, c.save);
    if (c.test) {
        reading how = how_to_read(&c, &m, c.test_labels ? c.test_labels : c.load ? c.labels : 0);
        how.wants_labels = 1;
        tested = read_examples(c.test, &how);
        if ((tested.is_text != 0) != (m.c.kind == NGRAMS)) fail("%s: the model is for %s", c.test, tested.is_text ? "numbers" : "texts");
    }
    if (tested.n) test_model(&m, &tested, pool, &f);
    if (f.n_train || f.n_test) {
        if (c.json) {
            print_json(&m, &f, (size_t)pkern_pool_num_threads(pool));
        } else {
            print_report(&m, &f, (size_t)pkern_pool_num_threads(pool));
        }
    }
    if (c.predict) {
        reading how = how_to_read(&c, &m, 0);
        pkern_hdc_prediction *answers;
        double encode_s, predict_s;
        how.text = m.c.kind == NGRAMS;
        asked = read_examples(c.predict, &how);
        if ((asked.is_text != 0) != (m.c.kind == NGRAMS)) fail("%s: the model is for %s", c.predict, asked.is_text ? "numbers" : "texts");
        answers = predict(&m, &asked, pool, &encode_s, &predict_s);
        print_predictions(&m, &asked, answers, c.json);
        free(answers);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) fail("standard output: %s", strerror(errno));
    pkern_hdc_classifier_destroy(m.classifier);
    must(pkern_pool_destroy(pool), "threads");
    return 0;
}
