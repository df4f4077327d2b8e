#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// OpenVINO's C API, found with dlopen: a program with this in it neither links OpenVINO nor needs it to start.
//
// What fails returns NULL or false; the reason, OpenVINO's own words, is then in `covino_message()` of that thread.
// Objects may be made by any thread; a request is for one thread at a time.

/// The loaded library with the processor as its device. There is one in a process, and it stays.
typedef struct covino_library covino_library;
/// A graph as it is in its file.
typedef struct covino_graph covino_graph;
/// A graph that is ready to run, with its own memory.
typedef struct covino_request covino_request;

/// The codes of OpenVINO for the types of elements that are used here.
enum { COVINO_F32 = 4, COVINO_I64 = 10 };

/// An input or output of a graph. The dimensions are -1 where they vary.
typedef struct {
    char name[64];
    int32_t type;
    int32_t rank;
    int64_t dimensions[4];
} covino_port;

/// A result: borrowed until the request runs again.
typedef struct {
    const void *_Nullable data;
    int32_t type;
    int32_t rank;
    int64_t dimensions[4];
} covino_tensor;

/// Why the last call of this thread failed.
const char *_Nonnull covino_message(void);

/// Loads the library from two files: OpenVINO's C API, and the extension for tokenizers.
covino_library *_Nullable covino_open(const char *_Nonnull library, const char *_Nonnull tokenizers);
/// Such as `2026.4.1-22982-…`.
const char *_Nonnull covino_version(const covino_library *_Nonnull library);

/// Reads a graph: IR (.xml, its weights in the .bin beside it) or ONNX.
covino_graph *_Nullable covino_read(covino_library *_Nonnull library, const char *_Nonnull path);
void covino_graph_free(covino_graph *_Nonnull graph);
size_t covino_count(const covino_graph *_Nonnull graph, bool outputs);
bool covino_describe(
    const covino_graph *_Nonnull graph, bool outputs, size_t index, covino_port *_Nonnull port);

/// Makes a graph ready to run in single precision. With one thread it is the caller that computes, else threads of OpenVINO's.
covino_request *_Nullable covino_compile(const covino_graph *_Nonnull graph, int32_t threads);
void covino_request_free(covino_request *_Nonnull request);

/// Sets the only input: strings that end with NUL.
bool covino_set_strings(
    covino_request *_Nonnull request, const char *_Nonnull const *_Nonnull strings, size_t count);
/// Sets an input: a matrix that has to stay where it is until the request has run.
bool covino_set_matrix(
    covino_request *_Nonnull request, const char *_Nonnull name, int64_t *_Nonnull values, int64_t rows,
    int64_t columns);
bool covino_run(covino_request *_Nonnull request);
/// An output by its index.
bool covino_result(covino_request *_Nonnull request, size_t index, covino_tensor *_Nonnull tensor);
