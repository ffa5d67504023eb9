/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* cc -std=c99 -O2 -I. examples/blocking.c -o blocking -pthread && ./blocking */
/*
 * Tasks that wait for something outside (here: data through pipes, written by the last task). On two threads the first two tasks
 * would wait for ever; with pkern_blocking a spare thread works in the place of each thread that waits.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PKERN_IMPLEMENTATION
#include "pkern_pool.h"

enum { READERS = 4 };

typedef struct reader {
    int pipe[2];
    char text[16];
} reader;

static reader readers[READERS];

static int wait_for_data(void *ctx) {
    reader *r = (reader *)ctx;
    return read(r->pipe[0], r->text, sizeof r->text) > 0 ? 0 : 1;
}

static int read_task(void *ctx) {
    return pkern_blocking(0, wait_for_data, ctx);
}

static int write_task(void *ctx) {
    int failed = 0;
    (void)ctx;
    for (int i = 0; i < READERS; i++) {
        failed |= write(readers[i].pipe[1], "hello", 6) != 6;
    }
    return failed;
}

int main(void) {
    pkern_pool_config config;
    pkern_pool *pool;
    pkern_scope scope;
    memset(&config, 0, sizeof config);
    config.num_threads = 2;
    config.max_spares = READERS;
    if (pkern_pool_create(&config, &pool) != PKERN_OK || pkern_scope_begin_fifo(&scope, pool) != PKERN_OK) return 1;
    for (int i = 0; i < READERS; i++) {
        if (pipe(readers[i].pipe) != 0) return 1;
        pkern_scope_spawn(&scope, read_task, &readers[i]);
    }
    pkern_scope_spawn(&scope, write_task, 0);
    pkern_status status = pkern_scope_wait(&scope);
    for (int i = 0; i < READERS; i++) {
        printf("task %d has read: %s\n", i, readers[i].text);
    }
    pkern_pool_destroy(pool);
    return status;
}
