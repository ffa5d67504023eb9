/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The version of the sources. Two different copies of pkern in one translation unit are refused. */
#ifndef PKN_BASE_VERSION_H
#define PKN_BASE_VERSION_H

#define PKERN_VERSION_MAJOR 0
#define PKERN_VERSION_MINOR 1
#define PKERN_VERSION_PATCH 0
#define PKERN_VERSION "0.1.0"

#endif
