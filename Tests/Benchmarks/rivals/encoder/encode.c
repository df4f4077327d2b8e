// The limit for any worker with an encoder: a bare loop on OpenVINO, through the interface that Triage uses, nothing else.
//
//     encode LIBRARY TOKENIZERS FOLDER SENTENCES [PREFIX]
//
// It knows all sentences beforehand and sorts them by their number of tokens, so that hardly any padding is left: no queue can
// do that. Prints one line of JSON: sentences per second, by the clock and by its CPU time, after a warm-up.

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "COpenVINO.h"

enum { CHUNK = 1000, WARM_UP = 2000, TOKENS = 128, PADDED = 1024, ROUNDING = 4, THREADS = 1 };

struct sentence { int64_t *ids; int length; };

static const char *prefix = "";
static covino_request *tokenizer, *network;
static size_t ids_output = 1, mask_output = 1;
static long padded_tokens, tokens;
// So that the results count as used.
static float sum;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "encode: %s: %s\n", what, why);
    exit(70);
}

static void check(bool done, const char *what) {
    if (!done) fail(what, covino_message());
}

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static covino_graph *read_graph(covino_library *library, const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    covino_graph *graph = covino_read(library, path);
    check(graph != NULL, path);
    return graph;
}

static void load(const char *library_path, const char *tokenizers, const char *folder) {
    covino_library *library = covino_open(library_path, tokenizers);
    check(library != NULL, library_path);
    covino_graph *graph = read_graph(library, folder, "openvino_tokenizer.xml");
    for (size_t i = 0; i < covino_count(graph, true); i++) {
        covino_port port;
        check(covino_describe(graph, true, i, &port), "the tokenizer");
        if (strcmp(port.name, "input_ids") == 0) ids_output = i;
        if (strcmp(port.name, "attention_mask") == 0) mask_output = i;
    }
    check((tokenizer = covino_compile(graph, THREADS)) != NULL, "the tokenizer");
    graph = read_graph(library, folder, "openvino_model.xml");
    check((network = covino_compile(graph, THREADS)) != NULL, "the encoder");
}

static char **read_lines(const char *path, long *count) {
    FILE *file = fopen(path, "r");
    if (file == NULL) fail(path, strerror(errno));
    char **lines = NULL, *line = NULL;
    size_t room = 0;
    ssize_t length;
    for (*count = 0; (length = getline(&line, &room, file)) > 0; ++*count) {
        if (line[length - 1] == '\n') line[--length] = 0;
        if ((*count & (*count - 1)) == 0) lines = realloc(lines, (size_t)(*count ? 2 * *count : 1) * sizeof *lines);
        size_t size = strlen(prefix) + (size_t)length + 1;
        lines[*count] = malloc(size);
        snprintf(lines[*count], size, "%s%s", prefix, line);
    }
    free(line);
    fclose(file);
    return lines;
}

static void tokenise(char **lines, long count, struct sentence *sentences) {
    covino_tensor ids, mask;
    check(covino_set_strings(tokenizer, (const char *const *)lines, (size_t)count), "the tokenizer");
    check(covino_run(tokenizer), "the tokenizer");
    check(covino_result(tokenizer, ids_output, &ids), "its ids");
    check(covino_result(tokenizer, mask_output, &mask), "its mask");
    long columns = ids.dimensions[1];
    for (long i = 0; i < count; i++) {
        const int64_t *row = (const int64_t *)ids.data + i * columns, *known = (const int64_t *)mask.data + i * columns;
        sentences[i].ids = malloc(TOKENS * sizeof *row);
        sentences[i].length = 0;
        for (long column = 0; column < columns && sentences[i].length < TOKENS; column++)
            if (known[column] != 0) sentences[i].ids[sentences[i].length++] = row[column];
    }
}

static int by_length(const void *one, const void *other) {
    return ((const struct sentence *)one)->length - ((const struct sentence *)other)->length;
}

static void run(const struct sentence *sentences, long count, long columns) {
    static int64_t ids[PADDED + TOKENS], mask[PADDED + TOKENS];
    for (long i = 0; i < count; i++)
        for (long column = 0; column < columns; column++) {
            mask[i * columns + column] = column < sentences[i].length;
            ids[i * columns + column] = column < sentences[i].length ? sentences[i].ids[column] : 0;
        }
    check(covino_set_matrix(network, "input_ids", ids, count, columns), "the encoder's ids");
    check(covino_set_matrix(network, "attention_mask", mask, count, columns), "the encoder's mask");
    check(covino_run(network), "the encoder");
    covino_tensor result;
    check(covino_result(network, 0, &result), "the encoder's result");
    if (result.type != COVINO_F32 || result.rank != 2 || result.dimensions[0] != count)
        fail("the encoder", "it does not return an embedding for each sentence");
    for (long i = 0; i < count * result.dimensions[1]; i++) sum += ((const float *)result.data)[i];
    padded_tokens += count * columns;
    for (long i = 0; i < count; i++) tokens += sentences[i].length;
}

static void encode(char **lines, long count) {
    struct sentence *sentences = malloc((size_t)count * sizeof *sentences);
    for (long start = 0; start < count; start += CHUNK)
        tokenise(lines + start, count - start < CHUNK ? count - start : CHUNK, sentences + start);
    qsort(sentences, (size_t)count, sizeof *sentences, by_length);
    long start = 0, next, columns = 0;
    for (; start < count; start = next) {
        for (next = start; next < count; next++) {
            long length = (sentences[next].length + ROUNDING - 1) / ROUNDING * ROUNDING;
            if (next > start && (next - start + 1) * length > PADDED) break;
            columns = length;
        }
        run(sentences + start, next - start, columns);
    }
    for (long i = 0; i < count; i++) free(sentences[i].ids);
    free(sentences);
}

int main(int count, char **arguments) {
    if (count != 5 && count != 6) {
        fprintf(stderr, "usage: encode LIBRARY TOKENIZERS FOLDER SENTENCES [PREFIX]\n");
        return 64;
    }
    if (count == 6) prefix = arguments[5];
    long lines_count;
    char **lines = read_lines(arguments[4], &lines_count);
    load(arguments[1], arguments[2], arguments[3]);
    encode(lines, lines_count < WARM_UP ? lines_count : WARM_UP);
    padded_tokens = tokens = 0;
    double start = seconds(CLOCK_MONOTONIC), cpu_at_start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    encode(lines, lines_count);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_at_start, wall = seconds(CLOCK_MONOTONIC) - start;
    printf("{\"sentences_per_second\": %.1f, \"sentences_per_cpu_second\": %.1f, \"tokens\": %.2f, \"padded_tokens\": %.2f}\n",
           (double)lines_count / wall, (double)lines_count / cpu, (double)tokens / (double)lines_count,
           (double)padded_tokens / (double)lines_count);
    return isnan(sum) ? 70 : 0;
}
