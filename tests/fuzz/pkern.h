/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* An example that is fuzzed includes "pkern.h" and gets the library as it is in src. */
#include "pkern.in.h"
