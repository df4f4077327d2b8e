import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/**
 * Calls a gateway and the admin port of a worker, eight calls at a time: {@code Calls GATEWAY WORKER COUNT}. The client is as
 * {@code HttpClient.newHttpClient()} makes it; each kind of call has one of its own, and so connections of its own.
 */
class Calls {
    private static final int AT_ONCE = 8;

    private record Kind(int status, String answer, IntFunction<HttpRequest.Builder> request) {}

    public static void main(String[] arguments) throws InterruptedException {
        String gateway = arguments[0], worker = arguments[1];
        int count = Integer.parseInt(arguments[2]);
        List<Kind> kinds = List.of(
            new Kind(200, "\"find-train\":", number -> request(
                gateway + "/api/intent?sentence=" + URLEncoder.encode(sentence(number), StandardCharsets.UTF_8))),
            new Kind(200, "\"label\":\"find-train\"", number -> post(
                gateway + "/v1/classify", "{\"text\":\"" + sentence(number) + "\"}")),
            new Kind(202, "\"ids\":[\"bulk-", number -> post(
                gateway + "/v1/sentences", "{\"text\":\"" + sentence(number) + "\",\"id\":\"bulk-" + number + "\"}")),
            new Kind(200, "", number -> request(worker + (number % 2 == 0 ? "/health/ready" : "/metrics"))),
            new Kind(405, "", number -> post(worker + "/health/live", "{}")));
        AtomicInteger answered = new AtomicInteger();
        Queue<String> failures = new ConcurrentLinkedQueue<>();
        for (Kind kind : kinds) {
            HttpClient client = HttpClient.newHttpClient();
            var threads = Executors.newFixedThreadPool(AT_ONCE);
            for (int call = 0; call < count / kinds.size(); call++) {
                int number = call;
                threads.execute(() -> {
                    String failure = failure(client, kind, number);
                    if (failure == null) answered.incrementAndGet(); else failures.add(failure);
                });
            }
            threads.shutdown();
            threads.awaitTermination(1, TimeUnit.HOURS);
        }
        System.out.println(answered + " answered, " + failures.size() + " failed");
        failures.stream().limit(5).forEach(System.out::println);
    }

    private static String sentence(int number) {
        return "un train pour Brest, numéro " + number;
    }

    private static HttpRequest.Builder request(String address) {
        return HttpRequest.newBuilder(URI.create(address)).timeout(Duration.ofSeconds(20));
    }

    private static HttpRequest.Builder post(String address, String json) {
        return request(address).header("Content-Type", "application/json").POST(BodyPublishers.ofString(json));
    }

    /** What went wrong, or null. */
    private static String failure(HttpClient client, Kind kind, int number) {
        HttpRequest request = kind.request().apply(number).build();
        try {
            var response = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() == kind.status() && response.body().contains(kind.answer())) return null;
            return request + ": " + response.statusCode() + " " + response.body();
        } catch (Exception error) {
            return request + ": " + error;
        }
    }
}
