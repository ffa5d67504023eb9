/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"

static void *alloc_last_memory;
static size_t alloc_last_bytes, alloc_last_alignment;
static char alloc_block[64];

static void *alloc_from_block(size_t bytes, size_t alignment, void *user) {
    alloc_last_bytes = bytes;
    alloc_last_alignment = alignment;
    return user == alloc_block ? alloc_block : 0;
}

static void alloc_to_block(void *memory, size_t bytes, void *user) {
    alloc_last_memory = user == alloc_block ? memory : 0;
    alloc_last_bytes = bytes;
}

Test(base_alloc, memory_is_aligned_and_writable) {
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        for (size_t bytes = 0; bytes < 300; bytes += 37) {
            unsigned char *memory = (unsigned char *)pkn_allocate(0, bytes, alignment);
            cr_assert_not_null(memory);
            cr_assert_eq((uintptr_t)memory % alignment, 0);
            memset(memory, 0xa5, bytes);
            pkn_release(0, memory, bytes);
        }
    }
}

Test(base_alloc, a_size_that_cannot_be_is_refused) {
    for (volatile size_t less = 0; less < 72; less++) { /* volatile: the compiler knows what malloc can not */
        cr_assert_null(pkn_allocate(0, SIZE_MAX - less, 64));
    }
}

Test(base_alloc, the_users_allocator_gets_sizes_and_user_pointer) {
    pkern_allocator allocator;
    allocator.allocate = alloc_from_block;
    allocator.release = alloc_to_block;
    allocator.user = alloc_block;
    cr_assert_eq(pkn_allocate(&allocator, 48, 16), (void *)alloc_block);
    cr_assert_eq(alloc_last_bytes, 48);
    cr_assert_eq(alloc_last_alignment, 16);
    alloc_last_bytes = 0;
    pkn_release(&allocator, alloc_block, 48);
    cr_assert_eq(alloc_last_memory, (void *)alloc_block);
    cr_assert_eq(alloc_last_bytes, 48);
    allocator.user = 0;
    cr_assert_null(pkn_allocate(&allocator, 48, 16));
}

Test(base_alloc, nothing_is_released_as_nothing) {
    pkern_allocator allocator;
    memset(&allocator, 0, sizeof allocator);
    pkn_release(0, 0, 100);
    pkn_release(&allocator, 0, 100);
    alloc_last_bytes = 1;
    allocator.allocate = alloc_from_block;
    allocator.release = alloc_to_block;
    pkn_release(&allocator, 0, 100);
    cr_assert_eq(alloc_last_bytes, 1);
}

Test(base_alloc, an_allocator_of_nulls_is_malloc) {
    pkern_allocator allocator;
    memset(&allocator, 0, sizeof allocator);
    void *memory = pkn_allocate(&allocator, 100, 64);
    cr_assert_not_null(memory);
    pkn_release(&allocator, memory, 100);
}
