/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The first include of a fuzz target. A target then includes the pieces of the library that it needs
   (all of it takes minutes to build with these sanitizers; what is static and unused is left out),
   defines LLVMFuzzerTestOneInput, and ends the process by FUZZ_CHECK where something can't be. */
#ifndef PKN_FUZZ_H
#define PKN_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma clang diagnostic ignored "-Wundefined-internal" /* pieces that are declared and not used */

#define PKERN_NO_THREADS
#define PKERN_STATIC
#include "hdc/file_read.h"
#include "hdc/file_write.h"

#include "file_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

/* The file that an input stands for, in a block of its very size: bit 0 of the first byte says
   whether its checksums are set right. free it. */
static inline unsigned char *fuzz_file(const uint8_t *data, size_t size, size_t *n_bytes) {
    unsigned char *file;
    *n_bytes = size > 0 ? size - 1 : 0;
    file = (unsigned char *)malloc(*n_bytes + (*n_bytes == 0));
    FUZZ_CHECK(file != 0);
    if (*n_bytes > 0) memcpy(file, data + 1, *n_bytes);
    if (size > 0 && (data[0] & 1)) file_seal(file, *n_bytes);
    return file;
}

/* Reads every byte, so that the sanitizer sees each. */
static inline uint64_t fuzz_touch(const void *data, size_t n_bytes) {
    return pkn_checksum_of(0, data, n_bytes);
}

#endif
