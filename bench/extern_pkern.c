/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern's implementation as a translation unit of its own, for a bench that defines BENCH_EXTERN_PKERN. */
#define PKERN_IMPLEMENTATION
#include "pkern.h"
