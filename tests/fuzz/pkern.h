/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* An example that is fuzzed includes "pkern.h" and gets the declarations as they are in src. The code is a file of its own, library.c,
   which the sanitizers leave alone: to build it with them takes minutes. */
#undef PKERN_IMPLEMENTATION
#include "pkern.in.h"
