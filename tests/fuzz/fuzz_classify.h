/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* examples/hdc_classify.c, with its readers open to a fuzzer: where the program would end, the run ends; what it allocated and
   didn't free is freed then; it prints nothing. */
#ifndef PKN_FUZZ_CLASSIFY_H
#define PKN_FUZZ_CLASSIFY_H

#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pkern.h"

/* In front of each block; 32 bytes keep the alignment. */
typedef struct fuzz_block {
    struct fuzz_block *next, *before;
    size_t size;
    size_t spare;
} fuzz_block;

static fuzz_block fuzz_blocks = {&fuzz_blocks, &fuzz_blocks, 0, 0};
static jmp_buf fuzz_end;

static void *fuzz_calloc(size_t n, size_t size) {
    fuzz_block *block = (fuzz_block *)calloc(1, sizeof *block + n * size);
    if (!block) return 0;
    block->size = n * size;
    block->next = fuzz_blocks.next;
    block->before = &fuzz_blocks;
    block->next->before = fuzz_blocks.next = block;
    return block + 1;
}

static void fuzz_free(void *memory) {
    fuzz_block *block = memory ? (fuzz_block *)memory - 1 : 0;
    if (!block) return;
    block->next->before = block->before;
    block->before->next = block->next;
    free(block);
}

static void *fuzz_realloc(void *memory, size_t size) {
    void *made = fuzz_calloc(1, size);
    size_t old = memory ? ((fuzz_block *)memory - 1)->size : 0;
    if (!made) return 0;
    if (memory) memcpy(made, memory, old < size ? old : size);
    fuzz_free(memory);
    return made;
}

static void fuzz_free_all(void) {
    while (fuzz_blocks.next != &fuzz_blocks) fuzz_free(fuzz_blocks.next + 1);
}

#define calloc fuzz_calloc
#define realloc fuzz_realloc
#define free fuzz_free
#define exit(status) longjmp(fuzz_end, status)
#define main hdc_classify_main
#define isatty(file) 0
#define fputs(text, stream) ((void)0)
#define fputc(c, stream) ((void)0)
#define vfprintf(stream, format, arguments) ((void)(arguments))
#define fflush(stream) 0
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wunused-function"
#endif
#include "../../examples/hdc_classify.c"

/* What a reader promises of its examples. */
static void fuzz_check(const examples *e, const class_names *names, int wants_labels) {
    for (size_t i = 0; i < e->n; i++) {
        if (wants_labels && e->label[i] >= names->n) abort();
        if (e->row[i] == 0) abort();
        for (size_t f = 0; f < e->n_fields; f++) {
            if (!isfinite(e->values[i * e->n_fields + f])) abort();
        }
    }
}

#endif
