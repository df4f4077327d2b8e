// Plays the callers of the interactive lane: sends requests at a steady rate, whatever comes back, and writes down how
// long each reply took, counted from the moment at which the request was due.
//
//     callers BOOTSTRAP REQUEST-TOPIC REPLY-TOPIC RATE SECONDS FILE OUTPUT
//
// FILE holds one request value (JSON) per line. OUTPUT gets a line for each request, `DUE LATENCY` in nanoseconds, DUE by
// the monotonic clock, LATENCY -1 when no reply came within 10 s. Replies go to partition 0 of REPLY-TOPIC.

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NANOSECONDS = 1000000000 };

struct call { int64_t due; _Atomic int64_t latency; };
static struct call *calls;
static int64_t call_count;
static _Atomic int64_t answered;
static atomic_bool finished;
static atomic_bool listening;
static uint64_t run_id;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "callers: %s: %s\n", what, why);
    exit(70);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char reason[512];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) fail(name, reason);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char reason[512];
    rd_kafka_t *handle = rd_kafka_new(type, conf, reason, sizeof reason);
    if (handle == NULL) fail("librdkafka", reason);
    return handle;
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * (int64_t)NANOSECONDS + time.tv_nsec;
}

// A correlation id is 16 bytes: the run's number, then the call's.
static void take_reply(const rd_kafka_message_t *message) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    uint64_t id[2];
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, "kafka_correlationId", &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        size != sizeof id)
        return;
    memcpy(id, value, sizeof id);
    if (id[0] != run_id || id[1] >= (uint64_t)call_count) return;
    int64_t unanswered = -1;
    if (atomic_compare_exchange_strong(&calls[id[1]].latency, &unanswered, now() - calls[id[1]].due))
        atomic_fetch_add(&answered, 1);
}

static void *receive(void *opaque) {
    rd_kafka_t *consumer = opaque;
    while (!finished) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (message == NULL) continue;
        if (!message->err) take_reply(message);
        // The end of the partition is an event too: from here on every reply is seen.
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) listening = true;
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

static rd_kafka_t *reply_consumer(const char *bootstrap, const char *topic) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "group.id", "callers");
    set(conf, "enable.auto.commit", "false");
    set(conf, "fetch.wait.max.ms", "5");
    set(conf, "enable.partition.eof", "true");
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(partitions, topic, 0)->offset = RD_KAFKA_OFFSET_END;
    rd_kafka_resp_err_t error = rd_kafka_assign(consumer, partitions);
    if (error) fail("assign", rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(partitions);
    return consumer;
}

static void send_request(rd_kafka_t *producer, const char *topic, const char *reply_topic, int64_t number,
                         const char *value, size_t length) {
    static const char partition[4];
    uint64_t id[2] = {run_id, (uint64_t)number};
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE((void *)value, length),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADER("kafka_correlationId", id, sizeof id),
        RD_KAFKA_V_HEADER("kafka_replyTopic", reply_topic, (ssize_t)strlen(reply_topic)),
        RD_KAFKA_V_HEADER("kafka_replyPartition", partition, sizeof partition), RD_KAFKA_V_END);
    if (error) fail("not sent", rd_kafka_err2str(error));
}

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "r");
    if (file == NULL) fail(path, strerror(errno));
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*size + 1);
    if (text == NULL || fread(text, 1, *size, file) != *size) fail(path, "cannot be read");
    fclose(file);
    return text;
}

static void write_latencies(const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) fail(path, strerror(errno));
    for (int64_t i = 0; i < call_count; i++)
        fprintf(file, "%lld %lld\n", (long long)calls[i].due, (long long)calls[i].latency);
    if (fclose(file) != 0) fail(path, strerror(errno));
}

int main(int count, char **arguments) {
    if (count != 8) {
        fprintf(stderr, "usage: callers BOOTSTRAP REQUEST-TOPIC REPLY-TOPIC RATE SECONDS FILE OUTPUT\n");
        return 64;
    }
    double rate = atof(arguments[4]);
    call_count = (int64_t)(rate * atof(arguments[5]));
    calls = calloc((size_t)call_count, sizeof *calls);
    size_t size;
    char *lines = read_file(arguments[6], &size), *end = lines + size, *line = lines;
    run_id = (uint64_t)now();

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", arguments[1]);
    set(conf, "linger.ms", "0");
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, conf);
    rd_kafka_t *consumer = reply_consumer(arguments[1], arguments[3]);
    pthread_t receiver;
    pthread_create(&receiver, NULL, receive, consumer);
    for (int i = 0; i < 200 && !listening; i++) nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    if (!listening) fail(arguments[3], "its partition 0 was not reached in 10 s");

    int64_t start = now();
    for (int64_t i = 0; i < call_count; i++) {
        calls[i].due = start + (int64_t)((double)i * NANOSECONDS / rate);
        calls[i].latency = -1;
        struct timespec due = {.tv_sec = calls[i].due / NANOSECONDS, .tv_nsec = calls[i].due % NANOSECONDS};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        if (line == end) line = lines;
        char *next = memchr(line, '\n', (size_t)(end - line));
        send_request(producer, arguments[2], arguments[3], i, line, (size_t)((next != NULL ? next : end) - line));
        line = next != NULL ? next + 1 : end;
        rd_kafka_poll(producer, 0);
    }
    for (int i = 0; i < 200 && answered < call_count; i++) {
        rd_kafka_poll(producer, 0);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    finished = true;
    pthread_join(receiver, NULL);
    write_latencies(arguments[7]);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
    return 0;
}
