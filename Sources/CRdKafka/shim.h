#pragma once
#include <librdkafka/rdkafka.h>
#include <sys/eventfd.h>

// Glibc's module omits eventfd().
static inline int triage_eventfd(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

// Swift cannot call the variadic rd_kafka_producev(). One call per record, no allocation here. librdkafka copies the
// key and takes ownership of the headers. It borrows the value unless `flags` says copy. On error the caller keeps the
// headers.
static inline rd_kafka_resp_err_t triage_produce(
    rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition, int flags,
    const void *key, size_t key_size, const void *value, size_t value_size,
    rd_kafka_headers_t *headers, void *token) {
    return rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(flags),
        RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE((void *)value, value_size),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(token), RD_KAFKA_V_END);
}

// Debian's headers are older than the oldest supported library: declare what they lack. Weak, so that a program with
// too old a library still starts and reports that before calling any of these.
__attribute__((weak)) int32_t rd_kafka_consumer_group_metadata_generation_id(
    const rd_kafka_consumer_group_metadata_t *metadata);

// A topic's id.
typedef struct rd_kafka_Uuid_s rd_kafka_Uuid_t;
typedef struct rd_kafka_TopicCollection_s rd_kafka_TopicCollection_t;
typedef struct rd_kafka_TopicDescription_s rd_kafka_TopicDescription_t;
typedef rd_kafka_event_t rd_kafka_DescribeTopics_result_t;
__attribute__((weak)) rd_kafka_TopicCollection_t *rd_kafka_TopicCollection_of_topic_names(
    const char **topics, size_t count);
__attribute__((weak)) void rd_kafka_TopicCollection_destroy(rd_kafka_TopicCollection_t *topics);
__attribute__((weak)) void rd_kafka_DescribeTopics(
    rd_kafka_t *client, const rd_kafka_TopicCollection_t *topics, const rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue);
__attribute__((weak)) const rd_kafka_DescribeTopics_result_t *rd_kafka_event_DescribeTopics_result(
    rd_kafka_event_t *event);
__attribute__((weak)) const rd_kafka_TopicDescription_t **rd_kafka_DescribeTopics_result_topics(
    const rd_kafka_DescribeTopics_result_t *result, size_t *count);
__attribute__((weak)) const rd_kafka_Uuid_t *rd_kafka_TopicDescription_topic_id(
    const rd_kafka_TopicDescription_t *description);
__attribute__((weak)) int64_t rd_kafka_Uuid_most_significant_bits(const rd_kafka_Uuid_t *id);
__attribute__((weak)) int64_t rd_kafka_Uuid_least_significant_bits(const rd_kafka_Uuid_t *id);

// Requests a topic's id; the answer arrives on the queue within `milliseconds`.
static inline void triage_ask_topic_id(
    rd_kafka_t *client, const char *topic, int milliseconds, rd_kafka_queue_t *queue) {
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(&topic, 1);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_ANY);
    rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, NULL, 0);
    rd_kafka_DescribeTopics(client, topics, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_TopicCollection_destroy(topics);
}

// The halves of the id in the answer; both 0 if there is none, for example if the topic does not exist.
static inline void triage_topic_id(rd_kafka_event_t *event, int64_t *most, int64_t *least) {
    const rd_kafka_DescribeTopics_result_t *result = rd_kafka_event_DescribeTopics_result(event);
    size_t count = 0;
    *most = *least = 0;
    if (!result || rd_kafka_event_error(event))
        return;
    const rd_kafka_TopicDescription_t **topics = rd_kafka_DescribeTopics_result_topics(result, &count);
    const rd_kafka_Uuid_t *id = count > 0 ? rd_kafka_TopicDescription_topic_id(topics[0]) : NULL;
    if (id) {
        *most = rd_kafka_Uuid_most_significant_bits(id);
        *least = rd_kafka_Uuid_least_significant_bits(id);
    }
}
