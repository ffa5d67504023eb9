/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The library for the examples that are fuzzed. */
#define PKERN_IMPLEMENTATION
#include "pkern.in.h"
