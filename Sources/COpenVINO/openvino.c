#define _GNU_SOURCE
#include "COpenVINO.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The part of OpenVINO's C interface that is used, as its headers declare it (2026.4). All but 0 is a failure.

typedef int32_t status;
typedef struct {
    int64_t rank;
    int64_t *dims;
} shape;
typedef struct {
    int64_t min, max;
} dimension;
typedef struct {
    dimension rank;
    dimension *dims;
} partial_shape;
typedef struct {
    const char *build;
    const char *description;
} version;

#define FUNCTIONS(X) \
    X(const char *, ov_get_last_err_msg, (void)) \
    X(status, ov_get_openvino_version, (version *)) \
    X(status, ov_core_create, (void **core)) \
    X(status, ov_core_add_extension, (const void *core, const char *path)) \
    X(status, ov_core_set_property, (const void *core, const char *device, ...)) \
    X(status, ov_core_read_model, (const void *core, const char *model, const char *weights, void **graph)) \
    X(status, ov_core_compile_model, \
        (const void *core, const void *graph, const char *device, size_t properties, void **compiled, ...)) \
    X(void, ov_model_free, (void *graph)) \
    X(status, ov_model_inputs_size, (const void *graph, size_t *)) \
    X(status, ov_model_outputs_size, (const void *graph, size_t *)) \
    X(status, ov_model_const_input_by_index, (const void *graph, size_t, void **port)) \
    X(status, ov_model_const_output_by_index, (const void *graph, size_t, void **port)) \
    X(status, ov_port_get_any_name, (const void *port, char **name)) \
    X(status, ov_port_get_partial_shape, (const void *port, partial_shape *)) \
    X(status, ov_port_get_element_type, (const void *port, int32_t *)) \
    X(void, ov_output_const_port_free, (void *port)) \
    X(void, ov_partial_shape_free, (partial_shape *)) \
    X(void, ov_free, (const char *)) \
    X(status, ov_compiled_model_create_infer_request, (const void *compiled, void **request)) \
    X(void, ov_compiled_model_free, (void *compiled)) \
    X(void, ov_infer_request_free, (void *request)) \
    X(status, ov_infer_request_set_tensor, (void *request, const char *name, const void *tensor)) \
    X(status, ov_infer_request_set_input_tensor, (void *request, const void *tensor)) \
    X(status, ov_infer_request_infer, (void *request)) \
    X(status, ov_infer_request_get_output_tensor_by_index, (const void *request, size_t, void **tensor)) \
    X(status, ov_tensor_create_from_host_ptr, (int32_t type, shape, void *, void **tensor)) \
    X(status, ov_tensor_create_from_string_array, (const char **, size_t, shape, void **tensor)) \
    X(status, ov_tensor_get_shape, (const void *tensor, shape *)) \
    X(status, ov_tensor_get_element_type, (const void *tensor, int32_t *)) \
    X(status, ov_tensor_data, (const void *tensor, void **)) \
    X(void, ov_tensor_free, (void *tensor)) \
    X(status, ov_shape_free, (shape *))

struct covino_library {
#define FIELD(result, name, parameters) result(*name) parameters;
    FUNCTIONS(FIELD)
    void *core;
    version version;
};
struct covino_graph {
    covino_library *library;
    void *graph;
};
struct covino_request {
    covino_library *library;
    void *compiled, *request;
};

static _Thread_local char message[512];

const char *covino_message(void) { return message; }

static void note(const char *text) { snprintf(message, sizeof message, "%s", text ? text : "no reason given"); }

static bool failed(const covino_library *library, status outcome) {
    if (outcome != 0) note(library->ov_get_last_err_msg());
    return outcome != 0;
}

// Threads that OpenVINO starts take the signal mask of who calls it: with every signal blocked, SIGTERM and SIGHUP reach
// the thread that waits for them.
static sigset_t block_signals(void) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    return before;
}
static void restore_signals(sigset_t before) { pthread_sigmask(SIG_SETMASK, &before, NULL); }

static bool load(covino_library *library, const char *path, const char *tokenizers) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        note(dlerror());
        return false;
    }
#define FIND(result, name, parameters) \
    if (!(library->name = (__typeof__(library->name))dlsym(handle, #name))) { \
        note("it lacks " #name); \
        return false; \
    }
    FUNCTIONS(FIND)
    // Weights are read, not mapped: a file that is overwritten in place would change them, or end the process.
    return !failed(library, library->ov_get_openvino_version(&library->version)) &&
           !failed(library, library->ov_core_create(&library->core)) &&
           !failed(library, library->ov_core_add_extension(library->core, tokenizers)) &&
           !failed(library, library->ov_core_set_property(library->core, "CPU", "ENABLE_MMAP", "NO"));
}

covino_library *covino_open(const char *path, const char *tokenizers) {
    covino_library *library = calloc(1, sizeof *library);
    sigset_t before = block_signals();
    bool loaded = load(library, path, tokenizers);
    restore_signals(before);
    if (loaded) return library;
    free(library);
    return NULL;
}

const char *covino_version(const covino_library *library) { return library->version.build; }

covino_graph *covino_read(covino_library *library, const char *path) {
    covino_graph *graph = calloc(1, sizeof *graph);
    graph->library = library;
    sigset_t before = block_signals();
    bool read = !failed(library, library->ov_core_read_model(library->core, path, NULL, &graph->graph));
    restore_signals(before);
    if (read) return graph;
    free(graph);
    return NULL;
}

void covino_graph_free(covino_graph *graph) {
    graph->library->ov_model_free(graph->graph);
    free(graph);
}

size_t covino_count(const covino_graph *graph, bool outputs) {
    size_t count = 0;
    if (outputs) graph->library->ov_model_outputs_size(graph->graph, &count);
    else graph->library->ov_model_inputs_size(graph->graph, &count);
    return count;
}

bool covino_describe(const covino_graph *graph, bool outputs, size_t index, covino_port *result) {
    const covino_library *library = graph->library;
    void *port;
    memset(result, 0, sizeof *result);
    if (failed(library, outputs ? library->ov_model_const_output_by_index(graph->graph, index, &port)
                                : library->ov_model_const_input_by_index(graph->graph, index, &port)))
        return false;
    char *name;
    // A port without a name is one that is found by its place.
    if (library->ov_port_get_any_name(port, &name) == 0) {
        snprintf(result->name, sizeof result->name, "%s", name);
        library->ov_free(name);
    }
    partial_shape shape;
    bool described = !failed(library, library->ov_port_get_element_type(port, &result->type)) &&
                     !failed(library, library->ov_port_get_partial_shape(port, &shape));
    if (described) {
        result->rank = shape.rank.min == shape.rank.max ? (int32_t)shape.rank.min : -1;
        for (int32_t place = 0; place < result->rank && place < 4; place++) {
            dimension one = shape.dims[place];
            result->dimensions[place] = one.min == one.max ? one.min : -1;
        }
        library->ov_partial_shape_free(&shape);
    }
    library->ov_output_const_port_free(port);
    return described;
}

covino_request *covino_compile(const covino_graph *graph, int32_t threads) {
    covino_library *library = graph->library;
    covino_request *request = calloc(1, sizeof *request);
    request->library = library;
    char count[16];
    snprintf(count, sizeof count, "%d", threads);
    sigset_t before = block_signals();
    // Some processors would compute in bf16 otherwise, and say nothing of it.
    bool compiled = !failed(library, library->ov_core_compile_model(
                                         library->core, graph->graph, "CPU", 8, &request->compiled,
                                         "INFERENCE_NUM_THREADS", count, "NUM_STREAMS", "1", "ENABLE_CPU_PINNING",
                                         "NO", "INFERENCE_PRECISION_HINT", "f32")) &&
                    !failed(library, library->ov_compiled_model_create_infer_request(
                                         request->compiled, &request->request));
    restore_signals(before);
    if (compiled) return request;
    if (request->compiled) library->ov_compiled_model_free(request->compiled);
    free(request);
    return NULL;
}

void covino_request_free(covino_request *request) {
    request->library->ov_infer_request_free(request->request);
    request->library->ov_compiled_model_free(request->compiled);
    free(request);
}

bool covino_set_strings(covino_request *request, const char *const *strings, size_t count) {
    const covino_library *library = request->library;
    int64_t length = (int64_t)count;
    void *tensor;
    if (failed(library, library->ov_tensor_create_from_string_array(
                            (const char **)strings, count, (shape){1, &length}, &tensor)))
        return false;
    bool set = !failed(library, library->ov_infer_request_set_input_tensor(request->request, tensor));
    library->ov_tensor_free(tensor);
    return set;
}

bool covino_set_matrix(covino_request *request, const char *name, int64_t *values, int64_t rows, int64_t columns) {
    const covino_library *library = request->library;
    int64_t dimensions[2] = {rows, columns};
    void *tensor;
    if (failed(library, library->ov_tensor_create_from_host_ptr(
                            COVINO_I64, (shape){2, dimensions}, values, &tensor)))
        return false;
    bool set = !failed(library, library->ov_infer_request_set_tensor(request->request, name, tensor));
    library->ov_tensor_free(tensor);
    return set;
}

bool covino_run(covino_request *request) {
    sigset_t before = block_signals();
    bool ran = !failed(request->library, request->library->ov_infer_request_infer(request->request));
    restore_signals(before);
    return ran;
}

bool covino_result(covino_request *request, size_t index, covino_tensor *result) {
    const covino_library *library = request->library;
    void *tensor, *data;
    shape shape;
    memset(result, 0, sizeof *result);
    if (failed(library, library->ov_infer_request_get_output_tensor_by_index(request->request, index, &tensor)))
        return false;
    bool found = !failed(library, library->ov_tensor_get_element_type(tensor, &result->type)) &&
                 !failed(library, library->ov_tensor_data(tensor, &data)) &&
                 !failed(library, library->ov_tensor_get_shape(tensor, &shape));
    if (found) {
        result->data = data;
        result->rank = (int32_t)shape.rank;
        for (int64_t place = 0; place < shape.rank && place < 4; place++)
            result->dimensions[place] = shape.dims[place];
        library->ov_shape_free(&shape);
    }
    // The request keeps the tensor's memory.
    library->ov_tensor_free(tensor);
    return found;
}
