/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Reads a trace back: a strict JSON parser that keeps of each object in the top array what a trace event has. */
#ifndef PKN_TESTS_TRACE_JSON_H
#define PKN_TESTS_TRACE_JSON_H

#include "pool_tools.h"

typedef struct trace_read_event {
    char name[32], phase[4], text[64]; /* text: args.name */
    long pid, tid, from, count, units;
    int64_t start_ns, length_ns; /* -1 where there is none */
} trace_read_event;

typedef struct trace_file {
    char *text;
    const char *at; /* 0 after an error */
    trace_read_event *events;
    size_t n_events;
} trace_file;

POOL_TOOL void trace_skip(trace_file *file) {
    while (file->at != 0 && *file->at != 0 && strchr(" \n\r\t", *file->at) != 0) {
        file->at++;
    }
}

POOL_TOOL int trace_next_is(trace_file *file, char wanted) {
    trace_skip(file);
    if (file->at != 0 && *file->at == wanted) {
        file->at++;
        return 1;
    }
    return 0;
}

POOL_TOOL void trace_need(trace_file *file, char wanted) {
    if (!trace_next_is(file, wanted)) {
        file->at = 0;
    }
}

/* A string; its first `bytes` - 1 characters go to text. */
POOL_TOOL void trace_string(trace_file *file, char *text, size_t bytes) {
    size_t length = 0;
    trace_need(file, '"');
    while (file->at != 0 && *file->at != '"') {
        char c = *file->at++;
        if ((unsigned char)c < ' ' || (unsigned char)c > '~') {
            file->at = 0;
            return;
        }
        if (c == '\\') {
            c = *file->at++;
            if (c != '"' && c != '\\') { /* all that pkern writes */
                file->at = 0;
                return;
            }
        }
        if (length + 1 < bytes) {
            text[length++] = c;
        }
    }
    if (bytes != 0) {
        text[length] = 0;
    }
    trace_need(file, '"');
}

/* A number times 1000: digits with at most three behind the point. */
POOL_TOOL int64_t trace_number(trace_file *file) {
    int64_t value = 0;
    int digits = 0, places = -1;
    trace_skip(file);
    int negative = trace_next_is(file, '-');
    while (file->at != 0 && ((*file->at >= '0' && *file->at <= '9') || (*file->at == '.' && places < 0 && digits > 0))) {
        if (*file->at == '.') {
            places = 0;
        } else {
            value = value * 10 + (*file->at - '0');
            digits++;
            places += places >= 0;
        }
        file->at++;
    }
    if (digits == 0 || places == 0 || places > 3) {
        file->at = 0;
        return 0;
    }
    for (places = places < 0 ? 0 : places; places < 3; places++) {
        value *= 10;
    }
    return negative ? -value : value;
}

POOL_TOOL void trace_object(trace_file *file, trace_read_event *event, int depth) {
    trace_need(file, '{');
    if (trace_next_is(file, '}')) {
        return;
    }
    do {
        char key[32] = "";
        char text[64] = "";
        int64_t number = 0;
        trace_string(file, key, sizeof key);
        trace_need(file, ':');
        trace_skip(file);
        if (file->at == 0) {
            return;
        }
        if (*file->at == '"') {
            trace_string(file, text, sizeof text);
        } else if (*file->at == '{' && depth < 1) {
            trace_object(file, event, depth + 1);
        } else {
            number = trace_number(file);
        }
        if (depth == 1) {
            if (!strcmp(key, "name")) memcpy(event->text, text, sizeof text);
            if (!strcmp(key, "from")) event->from = (long)(number / 1000);
            if (!strcmp(key, "count")) event->count = (long)(number / 1000);
            if (!strcmp(key, "units")) event->units = (long)(number / 1000);
        } else {
            if (!strcmp(key, "name")) memcpy(event->name, text, sizeof event->name - 1);
            if (!strcmp(key, "ph")) memcpy(event->phase, text, sizeof event->phase - 1);
            if (!strcmp(key, "pid")) event->pid = (long)(number / 1000);
            if (!strcmp(key, "tid")) event->tid = (long)(number / 1000);
            if (!strcmp(key, "ts")) event->start_ns = number;
            if (!strcmp(key, "dur")) event->length_ns = number;
        }
    } while (trace_next_is(file, ','));
    trace_need(file, '}');
}

/* 1 where the text is one JSON array of objects. */
POOL_TOOL int trace_parse(trace_file *file) {
    size_t capacity = 0;
    file->at = file->text;
    file->events = 0;
    file->n_events = 0;
    trace_need(file, '[');
    do {
        if (file->n_events == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            file->events = (trace_read_event *)realloc(file->events, capacity * sizeof *file->events);
            cr_assert_not_null(file->events);
        }
        trace_read_event *event = &file->events[file->n_events++];
        memset(event, 0, sizeof *event);
        event->pid = event->tid = event->from = event->count = -1;
        event->start_ns = event->length_ns = -1;
        trace_object(file, event, 0);
    } while (file->at != 0 && trace_next_is(file, ','));
    trace_need(file, ']');
    trace_skip(file);
    return file->at != 0 && *file->at == 0;
}

POOL_TOOL void trace_free(trace_file *file) {
    free(file->events);
    free(file->text);
}

/* The whole file; 0 where there is none. */
POOL_TOOL char *trace_text(const char *name) {
    FILE *from = fopen(name, "rb");
    char *text = 0;
    if (from != 0) {
        cr_assert_eq(fseek(from, 0, SEEK_END), 0);
        long size = ftell(from);
        cr_assert(size >= 0 && fseek(from, 0, SEEK_SET) == 0);
        text = (char *)malloc((size_t)size + 1);
        cr_assert(text != 0 && fread(text, 1, (size_t)size, from) == (size_t)size);
        text[size] = 0;
        fclose(from);
    }
    return text;
}

POOL_TOOL void trace_load(trace_file *file, const char *name) {
    file->text = trace_text(name);
    cr_assert_not_null(file->text, "%s", name);
    cr_assert(trace_parse(file), "%s is no array of events", name);
}

POOL_TOOL size_t trace_count(const trace_file *file, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < file->n_events; i++) {
        count += !strcmp(file->events[i].name, name);
    }
    return count;
}

#endif
