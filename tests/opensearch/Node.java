import java.util.Arrays;
import org.codelibs.opensearch.runner.OpenSearchRunner;

/**
 * One OpenSearch node in a process of its own. The first argument is its folder, the others are its
 * settings as name=value. When standard input ends, because who started it is gone, it ends too and
 * removes its folder.
 */
final class Node {
    public static void main(final String[] given) throws Exception {
        final OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            for (final String each : Arrays.asList(given).subList(1, given.length)) {
                final String[] pair = each.split("=", 2);
                settings.put(pair[0], pair[1]);
            }
        });
        runner.build(OpenSearchRunner.newConfigs().basePath(given[0]).numOfNode(1));
        while (System.in.read() >= 0) {
            continue;
        }
        runner.close();
        runner.clean();
        System.exit(0);
    }
}
