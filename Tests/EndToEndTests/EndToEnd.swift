import Testing

/// Real brokers, real processes. One test at a time: each of them takes the whole machine.
///
/// `TRIAGE_TEST_BOOTSTRAP_SERVERS=HOST:PORT` takes a broker that runs already instead of starting one. For the tests that cut
/// connections it needs a second listener that advertises a port of ours: `TRIAGE_TEST_PROXY=OURS:ITS`, see ``Stage``; without it
/// they leave that out.
/// `TRIAGE_TEST_SEED=N` repeats a run's accidents; `TRIAGE_TEST_SOAK=1` runs in the sizes of the promises.
@Suite("End to end", .serialized, .answersAreValid)
struct EndToEnd {}
