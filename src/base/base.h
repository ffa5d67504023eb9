/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What every layer's public header shares: version, status, allocator. */
#ifndef PKN_BASE_BASE_H
#define PKN_BASE_BASE_H

#include "base/version.h"
#include "base/config.h"
#include "base/compiler.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Where the library gets its memory: both functions or neither, else who takes it says PKERN_EINVAL. Calls may come from several threads at once. */
typedef struct pkern_allocator {
    /* bytes aligned to alignment, a power of two; 0 where there is none */
    void *(*allocate)(size_t bytes, size_t alignment, void *user);
    /* gives back what allocate returned, with the same bytes */
    void (*release)(void *memory, size_t bytes, void *user);
    void *user;
} pkern_allocator;

/* One function without the other: every function that takes an allocator refuses it. */
PKN_INLINE int pkn_allocator_is_half(const pkern_allocator *allocator) {
    return allocator != 0 && (allocator->allocate != 0) != (allocator->release != 0);
}

#endif
