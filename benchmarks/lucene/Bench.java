import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.text.BreakIterator;
import java.util.Locale;
import java.util.Random;
import java.util.StringJoiner;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.apache.lucene.analysis.standard.StandardTokenizer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.FieldType;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexOptions;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.MultiDocValues;
import org.apache.lucene.index.NumericDocValues;
import org.apache.lucene.index.StoredFields;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.BoostQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.PrefixQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.search.TopScoreDocCollectorManager;
import org.apache.lucene.search.uhighlight.LengthGoalBreakIterator;
import org.apache.lucene.search.uhighlight.UnifiedHighlighter;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.util.QueryBuilder;
import org.tartarus.snowball.ext.EnglishStemmer;
import org.tartarus.snowball.ext.RussianStemmer;

/**
 * Lucene as its documentation sets it up, for benchmarks/speed.py: {@code index} or {@code search} a
 * folder.
 *
 * <p>Articles come as lines of number, title and text between tabs. A query comes as a line of two digits
 * (snippets, last word may go on) and the query; its answer is a line of the nanoseconds its thread
 * worked, those by the clock, and the numbers of the hits.
 */
public final class Bench {
    private static final int HITS = 10;
    private static final int SNIPPET = 200;
    private static final float TITLE = 3;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** Stemmers one after another, as in tantivy: each leaves the other script alone. */
    private static final class Stems extends Analyzer {
        @Override
        protected TokenStreamComponents createComponents(String field) {
            Tokenizer words = new StandardTokenizer();
            return new TokenStreamComponents(
                    words,
                    new SnowballFilter(
                            new SnowballFilter(new LowerCaseFilter(words), new RussianStemmer()),
                            new EnglishStemmer()));
        }
    }

    private final IndexSearcher searcher;
    private final QueryBuilder queries;
    private final UnifiedHighlighter highlighter;

    private Bench(Path folder) throws IOException {
        Analyzer analyzer = new Stems();
        searcher = new IndexSearcher(DirectoryReader.open(new MMapDirectory(folder)));
        searcher.setQueryCache(null); // no query is asked twice
        queries = new QueryBuilder(analyzer);
        highlighter =
                UnifiedHighlighter.builder(searcher, analyzer)
                        .withBreakIterator(
                                () ->
                                        LengthGoalBreakIterator.createClosestToLength(
                                                BreakIterator.getSentenceInstance(Locale.ROOT),
                                                SNIPPET,
                                                0.5f))
                        .build();
    }

    public static void main(String[] given) throws IOException {
        Path folder = Path.of(given[1]);
        if (given[0].equals("index")) {
            index(folder);
        } else {
            Bench bench = new Bench(folder);
            bench.warm(Integer.parseInt(given[2]));
            bench.answer();
        }
    }

    private static BufferedReader lines() {
        return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    }

    private static void index(Path folder) throws IOException {
        FieldType withOffsets = new FieldType(TextField.TYPE_STORED); // highlighting reads them
        withOffsets.setIndexOptions(IndexOptions.DOCS_AND_FREQS_AND_POSITIONS_AND_OFFSETS);
        withOffsets.freeze();
        IndexWriterConfig config = new IndexWriterConfig(new Stems());
        config.setOpenMode(IndexWriterConfig.OpenMode.CREATE);
        try (IndexWriter writer = new IndexWriter(new MMapDirectory(folder), config);
                BufferedReader lines = lines()) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] parts = line.split("\t", 3);
                Document doc = new Document();
                doc.add(new NumericDocValuesField("number", Long.parseLong(parts[0])));
                doc.add(new TextField("title", parts[1], Field.Store.YES));
                doc.add(new Field("body", parts[2], withOffsets));
                writer.addDocument(doc);
            }
            writer.forceMerge(1);
        }
    }

    /** Asks titles until the compiler has seen enough: the JVM is slow at first. */
    private void warm(int queries) throws IOException {
        Random chance = new Random(1);
        StoredFields stored = searcher.storedFields();
        int articles = searcher.getIndexReader().maxDoc();
        for (int n = 0; n < queries; n++) {
            String title = stored.document(chance.nextInt(articles)).get("title");
            String other = stored.document(chance.nextInt(articles)).get("title");
            search(title + " " + other, n % 2 == 0, n % 3 == 0);
        }
    }

    private void answer() throws IOException {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        out.println("ready");
        out.flush();
        BufferedReader lines = lines();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            boolean snippets = line.charAt(0) == '1';
            boolean goesOn = line.charAt(1) == '1';
            long began = System.nanoTime();
            long spent = THREADS.getCurrentThreadCpuTime();
            String found = search(line.substring(2), snippets, goesOn);
            spent = THREADS.getCurrentThreadCpuTime() - spent;
            out.println(spent + "\t" + (System.nanoTime() - began) + "\t" + found);
            out.flush();
        }
    }

    private String search(String asked, boolean snippets, boolean goesOn) throws IOException {
        BooleanQuery.Builder any = new BooleanQuery.Builder();
        Query title = queries.createBooleanQuery("title", asked, Occur.SHOULD);
        Query body = queries.createBooleanQuery("body", asked, Occur.SHOULD);
        if (title == null) {
            return "";
        }
        any.add(new BoostQuery(title, TITLE), Occur.SHOULD).add(body, Occur.SHOULD);
        String last = goesOn ? lastWord(asked) : "";
        if (!last.isEmpty()) {
            any.add(
                    new BoostQuery(new PrefixQuery(new Term("title", last)), TITLE), Occur.SHOULD);
            any.add(new PrefixQuery(new Term("body", last)), Occur.SHOULD);
        }
        Query query = any.build();
        TopDocs found = searcher.search(query, new TopScoreDocCollectorManager(HITS, HITS));
        if (snippets) {
            highlighter.highlight("body", query, found, 1);
        }
        StringJoiner numbers = new StringJoiner(" ");
        for (ScoreDoc hit : found.scoreDocs) {
            NumericDocValues number =
                    MultiDocValues.getNumericValues(searcher.getIndexReader(), "number");
            number.advanceExact(hit.doc);
            numbers.add(Long.toString(number.longValue()));
        }
        return numbers.toString();
    }

    private static String lastWord(String asked) {
        String lower = asked.toLowerCase(Locale.ROOT);
        int end = lower.length();
        while (end > 0 && !Character.isLetterOrDigit(lower.charAt(end - 1))) {
            end--;
        }
        int start = end;
        while (start > 0 && Character.isLetterOrDigit(lower.charAt(start - 1))) {
            start--;
        }
        return lower.substring(start, end);
    }
}
