import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.BulkApi;
import org.openapitools.client.api.ClassificationApi;
import org.openapitools.client.api.OpenInferenceProtocolApi;
import org.openapitools.client.model.Batch;
import org.openapitools.client.model.BatchResult;
import org.openapitools.client.model.BulkRequest;
import org.openapitools.client.model.BulkSentence;
import org.openapitools.client.model.InferenceInput;
import org.openapitools.client.model.InferenceOutput;
import org.openapitools.client.model.InferenceRequest;
import org.openapitools.client.model.InferenceResponse;
import org.openapitools.client.model.RepositoryIndexRequest;
import org.openapitools.client.model.Sentence;

/** Calls the gateway with the client that openapi-generator made: {@code GeneratedClient URL}. Prints what came of it as JSON. */
class GeneratedClient {
    private static final List<String> TEXTS =
        List.of("Trouve-moi un train pour Lyon demain matin", "Je cherche un hôtel à Nice");
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        ApiClient client = new ApiClient();
        client.updateBaseUri(arguments[0]);
        var classification = new ClassificationApi(client);
        var bulk = new BulkApi(client);
        var inference = new OpenInferenceProtocolApi(client);

        Map<String, Double> probabilities = classification.intent(TEXTS.get(0), null, null, null, null);
        var sentence = new Sentence().text("un train pour Java, s'il vous plaît").id("order-17");
        String trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        var asked = List.of(
            classification.classifyWithHttpInfo(sentence, 20_000L, null, trace, "a=b"),
            classification.classifyWithHttpInfo(sentence, null, null, null, null),
            classification.classifyWithHttpInfo(sentence, null, "no-cache", null, null));
        var first = asked.get(0).getData();
        var cache = asked.stream().map(answer -> answer.getHeaders().get("x-cache").get(0)).toList();
        var batch = classification.classifyBatchWithHttpInfo(
            new Batch().texts(List.of(TEXTS.get(1), "")), null, null, null, null);
        var labels = new ArrayList<String>();
        var errors = new ArrayList<String>();
        for (BatchResult result : batch.getData()) {
            labels.add(result.getLabel());
            errors.add(result.getError() == null ? null : result.getError().getCode());
        }
        var one = bulk.publish(new BulkRequest().text(TEXTS.get(0)).id("order-18"), null, null, null);
        var many = bulk.publish(new BulkRequest().sentences(List.of(
            new BulkSentence().text(TEXTS.get(0)).id("a").key("customer-3"),
            new BulkSentence().text(TEXTS.get(1)).id(2).key(17),
            new BulkSentence().text(TEXTS.get(1)).id("c"))), null, null, null);

        var request = new InferenceRequest().id("42").addInputsItem(
            new InferenceInput().name("text").datatype(InferenceInput.DatatypeEnum.BYTES).shape(List.of(2))
                .data(List.copyOf(TEXTS)));
        String version = inference.model("starter").getVersions().get(0);
        var configuration = inference.modelConfiguration("starter");
        var inferred = inference.infer("starter", request, null, null, null, null, null);
        var inferredVersion = inference.inferVersion("starter", version, request, null, "no-cache", null, null, null);
        var statistics = inference.modelStatistics("starter").getModelStats().get(0);
        var index = inference.repositoryIndex(new RepositoryIndexRequest()).stream()
            .map(entry -> List.of(entry.getName(), entry.getState().getValue())).toList();
        var ready = inference.modelReadyWithHttpInfo("starter").getStatusCode() == 200;

        System.out.println(JSON.writeValueAsString(Map.of(
            "intent", Collections.max(probabilities.entrySet(), Map.Entry.comparingByValue()).getKey(),
            "classify", Map.of("id", first.getId(), "label", first.getLabel(), "cache", cache),
            "batch", Map.of("status", batch.getStatusCode(), "labels", labels, "errors", errors,
                "ids", batch.getData().stream().map(BatchResult::getId).toList()),
            "publish", Map.of("one", one.getIds(), "many", many.getIds()),
            "infer", outputs(inferred), "infer version", outputs(inferredVersion),
            "models", Map.of("ready", ready, "input", configuration.getInput().get(0).getName(),
                "classes", configuration.getOutput().get(0).getDims().get(0), "index", index,
                "counted", statistics.getInferenceCount() >= 4 && statistics.getLastInference() > 1_700_000_000_000L),
            "refusal", refusal(classification))));
    }

    private static Map<String, Object> outputs(InferenceResponse response) {
        Map<String, Object> outputs = new HashMap<>(Map.of("id", response.getId()));
        for (InferenceOutput output : response.getOutputs()) outputs.put(output.getName().getValue(), output.getData());
        return outputs;
    }

    private static Map<String, Object> refusal(ClassificationApi classification) throws Exception {
        try {
            classification.classify(new Sentence().text(" "), null, null, null, null);
            return Map.of();
        } catch (ApiException error) {
            return Map.of("status", error.getCode(), "code", JSON.readTree(error.getResponseBody()).get("code").asText());
        }
    }
}
