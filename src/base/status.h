/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The status that every call returns, and its text. One list makes both. */
#ifndef PKN_BASE_STATUS_H
#define PKN_BASE_STATUS_H

#include "base/compiler.h"

/* 0 is success, below 0 the library's own codes, above 0 what a callback returned. */
typedef int pkern_status;

#define PKN_STATUS_LIST(X) \
    X(PKERN_OK, 0, "success") \
    X(PKERN_EINVAL, -1, "invalid argument; nothing was done") \
    X(PKERN_ENOMEM, -2, "out of memory") \
    X(PKERN_ETHREAD, -3, "threads could not be created") \
    X(PKERN_ECANCELED, -4, "canceled") \
    X(PKERN_EDEADLK, -5, "the call would wait for itself") \
    X(PKERN_EOVERFLOW, -6, "a size does not fit; nothing was done") \
    X(PKERN_EIO, -7, "input or output failed") \
    X(PKERN_EFORMAT, -8, "data is not of the expected format") \
    X(PKERN_ETIMEDOUT, -9, "timed out") \
    X(PKERN_ECLOSED, -10, "closed") \
    X(PKERN_EFULL, -11, "full") \
    X(PKERN_EEMPTY, -12, "empty") \
    X(PKERN_EVERSION, -13, "a newer version wrote this") \
    X(PKERN_ECORRUPT, -14, "data is damaged or cut off") \
    X(PKERN_ENOENT, -15, "not found")

#define PKN_STATUS_ENUM(name, value, text) name = (value),
enum { PKN_STATUS_LIST(PKN_STATUS_ENUM) PKN_STATUS_END = 1 };
#undef PKN_STATUS_ENUM

/* The text of a status: never 0. Codes above 0 are "the callback's own code". Any thread; no allocation. */
PKN_INLINE const char *pkern_status_text(pkern_status status) {
#define PKN_STATUS_CASE(name, value, text) \
    case value: \
        return text;
    switch (status) {
        PKN_STATUS_LIST(PKN_STATUS_CASE)
    default:
        return status > 0 ? "the callback's own code" : "unknown status";
    }
#undef PKN_STATUS_CASE
}

#endif
