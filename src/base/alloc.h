/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Memory: the user's allocator or aligned malloc, behind two calls. */
#ifndef PKN_BASE_ALLOC_H
#define PKN_BASE_ALLOC_H

#include "base/base.h"
#include "base/platform.h"

/* bytes of memory aligned to alignment (a power of two), 0 where there is none. The pointer that malloc gave stands in front
   of the block, since aligned_alloc is not in C99. */
PKN_INTERNAL void *pkn_allocate(const pkern_allocator *allocator, size_t bytes, size_t alignment) {
    if (allocator != 0 && allocator->allocate != 0) {
        return allocator->allocate(bytes, alignment, allocator->user);
    }
    size_t extra = alignment + sizeof(void *);
    if (bytes > SIZE_MAX - extra) {
        return 0;
    }
    char *base = (char *)malloc(bytes + extra);
    if (base == 0) {
        return 0;
    }
    uintptr_t first = (uintptr_t)base + sizeof(void *);
    char *memory = base + sizeof(void *) + ((alignment - first % alignment) % alignment);
    memcpy(memory - sizeof(void *), &base, sizeof base);
    return memory;
}

PKN_INTERNAL void pkn_release(const pkern_allocator *allocator, void *memory, size_t bytes) {
    if (memory == 0) {
        return;
    }
    if (allocator != 0 && allocator->allocate != 0) {
        allocator->release(memory, bytes, allocator->user);
        return;
    }
    void *base;
    memcpy(&base, (char *)memory - sizeof(void *), sizeof base);
    free(base);
}

#endif
