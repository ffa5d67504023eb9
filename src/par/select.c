/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Selection in place on the caller: introselect.h with the sizes that most elements have as
   constants. */
#ifndef PKN_PAR_SELECT_C
#define PKN_PAR_SELECT_C

#include "base/bits.h"
#include "par/introselect.h"
#include "par/par.h"

/* nth < n. One function for each size, since each is a copy of the whole algorithm. */
PKN_INTERNAL PKN_NOINLINE void pkn_select_4(unsigned char *base, size_t n, size_t nth,
                                            pkern_compare_fn compare, void *ctx) {
    pkn_introselect(base, n, 4, nth, compare, ctx);
}

PKN_INTERNAL PKN_NOINLINE void pkn_select_8(unsigned char *base, size_t n, size_t nth,
                                            pkern_compare_fn compare, void *ctx) {
    pkn_introselect(base, n, 8, nth, compare, ctx);
}

PKN_INTERNAL PKN_NOINLINE void pkn_select_16(unsigned char *base, size_t n, size_t nth,
                                             pkern_compare_fn compare, void *ctx) {
    pkn_introselect(base, n, 16, nth, compare, ctx);
}

PKN_INTERNAL PKN_NOINLINE void pkn_select_any(unsigned char *base, size_t n, size_t size,
                                              size_t nth, pkern_compare_fn compare, void *ctx) {
    pkn_introselect(base, n, size, nth, compare, ctx);
}

PKN_INTERNAL void pkn_select(unsigned char *base, size_t n, size_t size, size_t nth,
                             pkern_compare_fn compare, void *ctx) {
    switch (size) {
    case 4:
        pkn_select_4(base, n, nth, compare, ctx);
        break;
    case 8:
        pkn_select_8(base, n, nth, compare, ctx);
        break;
    case 16:
        pkn_select_16(base, n, nth, compare, ctx);
        break;
    default:
        pkn_select_any(base, n, size, nth, compare, ctx);
        break;
    }
}

PKN_INTERNAL pkern_status pkn_select_check(const void *base, size_t n, size_t size, size_t nth,
                                           pkern_compare_fn compare) {
    size_t bytes;
    if (base == 0 || size == 0 || compare == 0 || nth >= n) {
        return PKERN_EINVAL;
    }
    return pkn_mul_overflows_size(n, size, &bytes) ? PKERN_EOVERFLOW : PKERN_OK;
}

PKERN_API pkern_status pkern_select_nth(void *base, size_t n, size_t size, size_t nth,
                                        pkern_compare_fn compare, void *ctx) {
    pkern_status status = pkn_select_check(base, n, size, nth, compare);
    if (status == PKERN_OK) {
        pkn_select((unsigned char *)base, n, size, nth, compare, ctx);
    }
    return status;
}

#endif
