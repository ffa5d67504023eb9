/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A whole program on pkern_pool.h, in the common part of C99 and C++11. */
#include <stdio.h>

#include "pkern_pool.h"

static int one(void *ctx) {
    *(int *)ctx = 1;
    return 0;
}

#ifdef __cplusplus
extern "C"
#endif
int use_simd(void);

int main(void) {
    pkern_pool *pool = 0;
    pkern_scope scope;
    int         done[4] = {0, 0, 0, 0};
    if (pkern_pool_create(0, &pool)) return 1;
    if (pkern_join(pool, one, &done[0], one, &done[1])) return 2;
    if (pkern_scope_begin(&scope, pool)) return 3;
    if (pkern_scope_spawn(&scope, one, &done[2]) || pkern_scope_spawn(&scope, one, &done[3])) return 4;
    if (pkern_scope_wait(&scope) || done[0] + done[1] + done[2] + done[3] != 4) return 5;
    if (pkern_pool_destroy(pool)) return 6;
#ifdef WITH_SIMD
    if (use_simd()) return 7;
#endif
    puts(pkern_status_text(PKERN_OK));
    return 0;
}
