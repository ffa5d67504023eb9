# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# find_package(pkern) gives the target pkern::pkern: the headers and the threads library.
include(CMakeFindDependencyMacro)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_dependency(Threads)
if(NOT TARGET pkern::pkern)
    get_filename_component(pkern_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
    add_library(pkern::pkern INTERFACE IMPORTED)
    set_target_properties(pkern::pkern PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${pkern_prefix}/include"
        INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
