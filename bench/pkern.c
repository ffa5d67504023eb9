/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* pkern's implementation as a translation unit of its own, as in a program of several files; the benches link it. */
#define PKERN_IMPLEMENTATION
#include "pkern.h"
