/* What `rerank`, `places` and `snippets` work out with numpy, in one pass and without it.
 *
 * The Python beside this file is the definition: weights and constants come from there, and tests
 * compare both on generated and on real queries. `native.py` calls it through ctypes, so nothing
 * here knows of Python. Numbers read from a build are checked before they index anything.
 * Functions return how much they found, or an error below 0.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NO_MEMORY = -1, DAMAGED = -2 };
enum { MOST_WORDS = 32, MOST_MARKS = 256, GRAM = 4 };
enum { HEADING = 4, BODY = 5 }; /* kinds of regions: analysis.Kind */

typedef struct { const int64_t *at; int64_t count; } I64;
typedef struct { const uint64_t *at; int64_t count; } U64;
typedef struct { const int32_t *at; int64_t count; } I32;
typedef struct { const uint32_t *at; int64_t count; } U32;
typedef struct { const uint16_t *at; int64_t count; } U16;
typedef struct { const uint8_t *at; int64_t count; } U8;
typedef struct { const float *at; int64_t count; } F32;

/* Articles and how much each is worth for a word; `factor` multiplies that. */
typedef struct { const int32_t *docs; const float *scores; int64_t count; double factor; } Postings;

typedef struct { I64 ptr; I32 docs; U16 tf; } Surface; /* a field's words as written */

typedef struct {
    int64_t base, size, words;
    U8 words_blob; U32 words_offsets;              /* sorted by bytes */
    I64 text_ptr; I32 text_docs; F32 text_scores;  /* per dictionary form, its articles */
    I64 lemma_ptr; I32 lemma_words;                /* per dictionary form, its words */
    I64 content_ptr; I32 content_words, content_token, content_line, content_title;
    U64 gram_keys; I64 gram_ptr; I32 gram_words, gram_df;
    I64 regions_ptr; U8 regions_kind; I32 regions_section; U32 regions_token, regions_byte;
    I64 tokens_ptr; U32 tokens_start, tokens_end;
    I64 texts_ptr; U8 texts_blob;
    Surface surface[4]; /* text, title, answers, headings */
} Segment;

typedef struct {
    int64_t segments, size, live;
    const Segment *segment;
    U8 alive;
    F32 content_norm, title_norm, line_norm;
    I64 first_line; I32 words_of_line; U8 is_claim;
    I32 updated;
    F32 surface_norm[4];
    float surface_weight[4];
    float k1;
} Corpus;

typedef struct { int64_t segment, number; } Place; /* of a dictionary form */

/* Where in `Query.places` the dictionary forms of a word stand, and those of its synonyms. */
typedef struct { int64_t from, to, others_from, others_to; } Word;

/* The content words of a query. */
typedef struct {
    int64_t words;
    const Place *places;
    const Word *word;
    const int64_t *beginnings; /* per word and segment: from and to of words that begin so */
    const float *likeness;     /* what a synonym of each word counts, beside the word itself */
    int64_t spelt;             /* distinct words, of whose letters grams are made */
    const uint32_t *letters;   /* their code points, with a border at both ends of each word */
    const int32_t *letters_ptr;
    const double *weights;
    int32_t *const *tables;    /* per segment a number for each of its words and one more, all 0 */
} Query;

typedef struct {
    float body, title, line, pairs, place, claimed;
    int32_t lined, block;
} Weights;

/* What the library was made from; the compiler is told. */
#ifndef SEAL
#define SEAL 0
#endif
uint32_t kb_seal(void) { return SEAL; }

/* ---------------------------------------------------------------- words */

/* What a word adds: the articles given, or else those of its dictionary forms. */
typedef struct {
    const int32_t *docs;
    const float *scores;
    int64_t count, place, places;
    double weight;
} Summand;

static int64_t postings_of(const Corpus *corpus, Place place, Postings *found, int64_t *base)
{
    if (place.segment < 0 || place.segment >= corpus->segments)
        return DAMAGED;
    const Segment *segment = &corpus->segment[place.segment];
    if (place.number < 0 || place.number + 1 >= segment->text_ptr.count)
        return DAMAGED;
    const int64_t from = segment->text_ptr.at[place.number];
    const int64_t to = segment->text_ptr.at[place.number + 1];
    if (from < 0 || from > to || to > segment->text_docs.count || to > segment->text_scores.count)
        return DAMAGED;
    *found = (Postings){segment->text_docs.at + from, segment->text_scores.at + from, to - from, 1};
    *base = segment->base;
    return 0;
}

/* Adds what the best of several dictionary forms is worth; `best` is 0 before and after. */
static int64_t add_best(const Corpus *corpus, const Summand *term, const Place *places, float *best,
                        float *total)
{
    const float weight = (float)term->weight;
    for (int again = 0; again < 2; again++)
        for (int64_t p = 0; p < term->places; p++) {
            Postings list;
            int64_t base;
            if (postings_of(corpus, places[term->place + p], &list, &base) < 0)
                return DAMAGED;
            for (int64_t i = 0; i < list.count; i++) {
                const int64_t doc = base + list.docs[i];
                if (doc < 0 || doc >= corpus->size)
                    return DAMAGED;
                if (again)
                    best[doc] = 0;
                else if (list.scores[i] > best[doc]) {
                    total[doc] += weight * (list.scores[i] - best[doc]);
                    best[doc] = list.scores[i];
                }
            }
        }
    return 0;
}

/* For every article the sum of its scores for words, each times its weight. */
int64_t kb_add_up(const Corpus *corpus, int64_t terms, const Summand *term, const Place *places,
                  float *total)
{
    float *best = NULL;
    int64_t error = 0;
    memset(total, 0, (size_t)corpus->size * sizeof *total);
    for (int64_t t = 0; t < terms && !error; t++) {
        Postings list = {term[t].docs, term[t].scores, term[t].count, 1};
        int64_t base = 0;
        if (!list.docs && term[t].places > 1) {
            if (!best)
                best = calloc((size_t)corpus->size + 1, sizeof *best);
            error = best ? add_best(corpus, &term[t], places, best, total) : NO_MEMORY;
            continue;
        }
        if (!list.docs && term[t].places)
            error = postings_of(corpus, places[term[t].place], &list, &base);
        const float weight = (float)term[t].weight;
        for (int64_t i = 0; i < list.count && !error; i++) {
            const int64_t doc = base + list.docs[i];
            if (doc < 0 || doc >= corpus->size)
                error = DAMAGED;
            else
                total[doc] += weight * list.scores[i];
        }
    }
    free(best);
    return error;
}

/* The union of posting lists, each article with its highest score.
 *
 * There must be room for one more than there are. */
int64_t kb_best_of(int64_t size, int64_t lists, const Postings *list, int32_t *docs, float *scores)
{
    float *best = calloc((size_t)size + 1, sizeof *best);
    if (!best)
        return NO_MEMORY;
    for (int64_t l = 0; l < lists; l++) {
        const float factor = (float)list[l].factor;
        for (int64_t i = 0; i < list[l].count; i++) {
            const float score = factor * list[l].scores[i];
            if (score > best[list[l].docs[i]])
                best[list[l].docs[i]] = score;
        }
    }
    int64_t found = 0;
    for (int64_t doc = 0; doc < size; doc++) {
        docs[found] = (int32_t)doc;
        scores[found] = best[doc];
        found += best[doc] > 0;
    }
    free(best);
    return found;
}

/* The first word of a segment that is not below so many bytes, of all that begin so if `after`. */
static int64_t first_word(const Segment *segment, const uint8_t *sought, int64_t length, int after)
{
    int64_t low = 0, high = segment->words;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        const int64_t from = segment->words_offsets.at[middle];
        const int64_t to = segment->words_offsets.at[middle + 1];
        if (from > to || to > segment->words_blob.count)
            return DAMAGED;
        const int64_t shared = to - from < length ? to - from : length;
        const int order = memcmp(segment->words_blob.at + from, sought, (size_t)shared);
        if (order < 0 || (!order && (shared < length || after)))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* From and to, per segment, of the words that begin with so many bytes. */
int64_t kb_beginning(const Corpus *corpus, const uint8_t *start, int64_t length, int64_t *ranges)
{
    for (int64_t s = 0; s < corpus->segments; s++)
        for (int after = 0; after < 2; after++) {
            const Segment *segment = &corpus->segment[s];
            if (segment->words_offsets.count <= segment->words)
                return DAMAGED;
            ranges[2 * s + after] = first_word(segment, start, length, after);
            if (ranges[2 * s + after] < 0)
                return DAMAGED;
        }
    return 0;
}

/* How often the words low–high of a segment stand in each article; how many articles hold any. */
static int64_t count_words(const Corpus *corpus, const Segment *segment, const Surface *field,
                           int64_t low, int64_t high, uint32_t *tf)
{
    if (low < 0 || high >= field->ptr.count)
        return DAMAGED;
    const int64_t from = field->ptr.at[low], to = field->ptr.at[high];
    if (from < 0 || to > field->docs.count || to > field->tf.count)
        return DAMAGED;
    int64_t found = 0;
    for (int64_t i = from; i < to; i++) {
        const int64_t doc = field->docs.at[i];
        if (doc < 0 || doc >= segment->size)
            return DAMAGED;
        if (!corpus->alive.at[segment->base + doc])
            continue;
        found += !tf[segment->base + doc];
        tf[segment->base + doc] += field->tf.at[i];
    }
    return found;
}

static double idf(int64_t live, int64_t frequency)
{
    return log((double)(live > 1 ? live : 1) / (double)(frequency + 1)) + 1;
}

/* All words of the ranges low–high (two numbers per segment) as one word: its articles' scores. */
int64_t kb_prefix(const Corpus *corpus, const int64_t *ranges, int32_t *docs, float *scores)
{
    const size_t size = (size_t)corpus->size + 1;
    float *total = calloc(size, sizeof *total);
    uint32_t *tf = malloc(size * sizeof *tf);
    int64_t error = total && tf ? 0 : NO_MEMORY;
    for (int f = 0; f < 4 && !error; f++) {
        int64_t frequency = 0;
        memset(tf, 0, size * sizeof *tf);
        for (int64_t s = 0; s < corpus->segments && !error; s++) {
            const Segment *segment = &corpus->segment[s];
            if (ranges[2 * s] >= ranges[2 * s + 1])
                continue;
            const int64_t more = count_words(corpus, segment, &segment->surface[f], ranges[2 * s],
                                             ranges[2 * s + 1], tf);
            if (more < 0)
                error = more;
            frequency += more;
        }
        if (error || !frequency)
            continue;
        const float scale = (float)(idf(corpus->live, frequency) * (corpus->k1 + 1.0));
        const float weight = corpus->surface_weight[f];
        const float *norm = corpus->surface_norm[f].at;
        const int is_rare = frequency < corpus->size / 8; /* else it is quicker not to look */
        for (int64_t doc = 0; doc < corpus->size; doc++) {
            if (is_rare && !tf[doc])
                continue;
            const float often = (float)tf[doc];
            total[doc] += weight * (scale * often / (often + norm[doc]));
        }
    }
    int64_t found = 0;
    for (int64_t doc = 0; doc < corpus->size && !error; doc++) {
        docs[found] = (int32_t)doc;
        scores[found] = total[doc];
        found += total[doc] > 0;
    }
    free(total);
    free(tf);
    return error ? error : found;
}

typedef struct { float score; int32_t doc; } Ranked;

static int is_worse(Ranked a, Ranked b)
{
    return a.score != b.score ? a.score < b.score : a.doc > b.doc;
}

/* Puts the root of a heap, the worst at its top, where it belongs. */
static void sink(Ranked *heap, int64_t count, Ranked one)
{
    int64_t at = 0;
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && is_worse(heap[child + 1], heap[child]))
            child++;
        if (!is_worse(heap[child], one))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = one;
}

static void rise(Ranked *heap, int64_t at, Ranked one)
{
    while (at && is_worse(one, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = one;
}

static int by_doc(const void *a, const void *b)
{
    const int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

static int best_first(const void *a, const void *b)
{
    return is_worse(*(const Ranked *)a, *(const Ranked *)b) ? 1 : -1;
}

/* The `most` best of the articles that score at all, best first, lower numbers first of equals. */
int64_t kb_best(int64_t size, const float *scores, int64_t most, int32_t *docs)
{
    Ranked *heap = malloc(((size_t)most + 1) * sizeof *heap);
    if (!heap)
        return NO_MEMORY;
    int64_t count = 0;
    float floor = 0;
    size = most > 0 ? size : 0;
    for (int64_t doc = 0; doc < size; doc++) {
        if (!(scores[doc] > floor))
            continue;
        const Ranked one = {scores[doc], (int32_t)doc};
        if (count < most)
            rise(heap, count++, one);
        else
            sink(heap, count, one);
        if (count == most)
            floor = heap[0].score;
    }
    qsort(heap, (size_t)count, sizeof *heap, best_first);
    for (int64_t i = 0; i < count; i++)
        docs[i] = heap[i].doc;
    free(heap);
    return count;
}

/* The articles worth re-scoring, ascending; `total` is 0 afterwards where that is not allowed.
 *
 * `most` of them at most; all that score more than `hopeless` of the best, and at least `fewest`.
 * `hits` becomes the number of all articles that score at all.
 */
int64_t kb_candidates(int64_t size, float *total, const uint8_t *allowed, const float *favour,
                      double hopeless, int64_t fewest, int64_t most, int32_t *docs, int64_t *hits)
{
    float *own = favour ? malloc(((size_t)size + 1) * sizeof *own) : NULL;
    if (favour && !own)
        return NO_MEMORY;
    const float *score = favour ? own : total;
    float best = 0;
    int32_t some = 0, above[3] = {0, 0, 0}, near = 0;
    for (int64_t doc = 0; doc < size; doc++) {
        const float one = allowed[doc] ? total[doc] : 0.0f;
        total[doc] = one;
        some += one != 0;
    }
    if (favour)
        for (int64_t doc = 0; doc < size; doc++)
            own[doc] = total[doc] * favour[doc];
    for (int64_t doc = 0; doc < size; doc++)
        best = score[doc] > best ? score[doc] : best;
    *hits = some;
    if (best <= 0) {
        free(own);
        return 0;
    }
    const float floors[3] = {(float)hopeless * best, (float)(hopeless / 2) * best, 0.0f};
    for (int64_t doc = 0; doc < size; doc++) {
        near += score[doc] >= floors[0];
        above[0] += score[doc] > floors[0];
        above[1] += score[doc] > floors[1];
    }
    const float floor = floors[above[0] >= fewest ? 0 : above[1] >= fewest ? 1 : 2];
    int64_t wanted = near > fewest ? near : fewest;
    wanted = wanted < most ? wanted : most;
    Ranked *heap = malloc(((size_t)wanted + 1) * sizeof *heap);
    if (!heap) {
        free(own);
        return NO_MEMORY;
    }
    int64_t count = 0;
    for (int64_t doc = 0; doc < size; doc++) {
        if (!(score[doc] > floor))
            continue;
        const Ranked one = {score[doc], (int32_t)doc};
        if (count < wanted)
            rise(heap, count++, one);
        else if (is_worse(heap[0], one))
            sink(heap, count, one);
    }
    for (int64_t i = 0; i < count; i++)
        docs[i] = heap[i].doc;
    qsort(docs, (size_t)count, sizeof *docs, by_doc);
    free(heap);
    free(own);
    return count;
}

/* ---------------------------------------------------------------- what stands in candidates */

/* What a word is: 0 only its letters are shared, 1 + i a synonym of word i of the query,
 * 1 + words + i a form of it. And how often it was found in what is looked at. */
typedef struct { int32_t code, often; } Row;

/* The grams of a query, and for every word that shares one or stands for a word of it a row. */
typedef struct {
    int64_t grams, across;  /* grams, and 64-bit words of a mask of them */
    float *worth;           /* per gram */
    int64_t *spans;         /* per gram and segment: from, to in the segment's `gram_words` */
    int64_t rows, most;     /* used (row 0 is none), room for */
    Row *row;
    uint64_t *masks;        /* per row, which grams the word has */
    uint64_t *near;         /* a bit per word of the segment: whether it has a row */
} Rows;

static void drop_rows(Rows *rows)
{
    free(rows->worth);
    free(rows->spans);
    free(rows->masks);
    free(rows->near);
    free(rows->row);
}

static int64_t place_of(U64 keys, uint64_t key)
{
    int64_t low = 0, high = keys.count;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (keys.at[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < keys.count && keys.at[low] == key ? low : -1;
}

/* The distinct grams of each word that stand in some article, how rare they are, and where. */
static int64_t find_grams(const Corpus *corpus, const Query *query, Rows *rows)
{
    const int64_t letters = query->spelt ? query->letters_ptr[query->spelt] : 0;
    const int64_t segments = corpus->segments;
    rows->worth = malloc(((size_t)letters + 1) * sizeof *rows->worth);
    rows->spans = malloc(((size_t)(letters * segments) + 1) * 2 * sizeof *rows->spans);
    uint64_t *keys = malloc(((size_t)letters + 1) * sizeof *keys);
    if (!rows->worth || !rows->spans || !keys) {
        free(keys);
        return NO_MEMORY;
    }
    int64_t error = 0;
    for (int64_t w = 0; w < query->spelt && !error; w++) {
        int64_t own = 0;
        for (int64_t at = query->letters_ptr[w]; at + GRAM <= query->letters_ptr[w + 1]; at++) {
            uint64_t key = 0;
            for (int64_t i = at; i < at + GRAM; i++)
                key = key * 0x100000001B3u + query->letters[i];
            int64_t same = 0;
            while (same < own && keys[same] != key)
                same++;
            if (same < own)
                continue;
            keys[own++] = key;
            int64_t frequency = 0, *span = &rows->spans[2 * segments * rows->grams];
            for (int64_t s = 0; s < segments; s++) {
                const Segment *segment = &corpus->segment[s];
                const int64_t place = place_of(segment->gram_keys, key);
                span[2 * s] = span[2 * s + 1] = 0;
                if (place < 0)
                    continue;
                if (place + 1 >= segment->gram_ptr.count || place >= segment->gram_df.count) {
                    error = DAMAGED;
                    break;
                }
                span[2 * s] = segment->gram_ptr.at[place];
                span[2 * s + 1] = segment->gram_ptr.at[place + 1];
                frequency += segment->gram_df.at[place];
                if (span[2 * s] < 0 || span[2 * s] > span[2 * s + 1]
                    || span[2 * s + 1] > segment->gram_words.count)
                    error = DAMAGED;
            }
            if (frequency)
                rows->worth[rows->grams++] =
                    (float)(idf(corpus->live, frequency) * query->weights[w]);
        }
    }
    free(keys);
    return error;
}

/* The words of a segment with a dictionary form; none if it stands in another segment. */
static int64_t words_of(const Corpus *corpus, Place place, int64_t s, I32 *found)
{
    const Segment *segment = &corpus->segment[s];
    *found = (I32){NULL, 0};
    if (place.segment != s)
        return 0;
    if (place.number < 0 || place.number + 1 >= segment->lemma_ptr.count)
        return DAMAGED;
    const int64_t from = segment->lemma_ptr.at[place.number];
    const int64_t to = segment->lemma_ptr.at[place.number + 1];
    if (from < 0 || from > to || to > segment->lemma_words.count)
        return DAMAGED;
    *found = (I32){segment->lemma_words.at + from, to - from};
    return 0;
}

static int64_t count_words_of(const Corpus *corpus, const Query *query, int64_t from, int64_t to,
                              int64_t s)
{
    int64_t count = 0;
    for (int64_t p = from; p < to; p++) {
        I32 words;
        if (words_of(corpus, query->places[p], s, &words) < 0)
            return DAMAGED;
        count += words.count;
    }
    return count;
}

/* How many words of a segment are word `w` of the query or begin with it. */
static int64_t count_forms(const Corpus *corpus, const Query *query, int64_t s, int64_t w)
{
    const int64_t *bounds = &query->beginnings[2 * (w * corpus->segments + s)];
    if (bounds[0] < 0 || bounds[1] < bounds[0] || bounds[1] > corpus->segment[s].words)
        return DAMAGED;
    const int64_t count =
        count_words_of(corpus, query, query->word[w].from, query->word[w].to, s);
    return count < 0 ? count : count + bounds[1] - bounds[0];
}

static int64_t make_rows(const Corpus *corpus, const Query *query, Rows *rows)
{
    rows->across = (rows->grams + 63) / 64;
    rows->most = 1;
    for (int64_t i = 0; i < rows->grams * corpus->segments; i++)
        rows->most += rows->spans[2 * i + 1] - rows->spans[2 * i];
    for (int64_t s = 0; s < corpus->segments; s++)
        for (int64_t w = 0; w < query->words; w++) {
            const Word *word = &query->word[w];
            const int64_t forms = count_forms(corpus, query, s, w);
            const int64_t others = count_words_of(corpus, query, word->others_from,
                                                  word->others_to, s);
            if (forms < 0 || others < 0)
                return DAMAGED;
            rows->most += forms + others;
        }
    rows->rows = 1;
    rows->masks = calloc((size_t)(rows->most * rows->across) + 1, sizeof *rows->masks);
    rows->row = calloc((size_t)rows->most, sizeof *rows->row);
    int64_t words = 0;
    for (int64_t s = 0; s < corpus->segments; s++)
        words = corpus->segment[s].words > words ? corpus->segment[s].words : words;
    rows->near = calloc((size_t)words / 64 + 1, sizeof *rows->near);
    return rows->masks && rows->row && rows->near ? 0 : NO_MEMORY;
}

/* The row of a word of a segment, its next one if it has none; below 0 if there is no such word. */
static int64_t row_of(const Segment *segment, int32_t *table, Rows *rows, int64_t word)
{
    if (word < 0 || word >= segment->words)
        return DAMAGED;
    if (!table[word]) {
        table[word] = (int32_t)rows->rows++;
        rows->near[word / 64] |= 1ull << (word % 64);
    }
    return table[word];
}

/* What is done with a word of a segment that stands for one of the query. */
typedef int64_t Visit(const Segment *segment, int32_t *table, Rows *rows, int64_t word,
                      int32_t code);

static int64_t visit_places(const Corpus *corpus, const Query *query, Rows *rows, int64_t s,
                            int64_t from, int64_t to, int32_t code, Visit *visit)
{
    int64_t error = 0;
    for (int64_t p = from; p < to && !error; p++) {
        I32 words;
        error = words_of(corpus, query->places[p], s, &words);
        for (int64_t i = 0; i < words.count && !error; i++)
            error = visit(&corpus->segment[s], query->tables[s], rows, words.at[i], code);
    }
    return error;
}

/* Goes through all words of segment `s` that stand for one of the query: synonyms, then forms.
 *
 * A form of two words is that of the word with fewer: `н…` does not take `настройка`.
 */
static int64_t visit_all(const Corpus *corpus, const Query *query, Rows *rows, int64_t s,
                         Visit *visit)
{
    int64_t order[MOST_WORDS], counts[MOST_WORDS], error = 0;
    for (int64_t w = 0; w < query->words; w++) {
        counts[w] = count_forms(corpus, query, s, w);
        int64_t at = w;
        for (; at && counts[order[at - 1]] < counts[w]; at--)
            order[at] = order[at - 1];
        order[at] = w;
    }
    for (int64_t w = 0; w < query->words && !error; w++)
        error = visit_places(corpus, query, rows, s, query->word[w].others_from,
                             query->word[w].others_to, (int32_t)(1 + w), visit);
    for (int64_t n = 0; n < query->words && !error; n++) {
        const int64_t w = order[n];
        const int64_t *bounds = &query->beginnings[2 * (w * corpus->segments + s)];
        const int32_t code = (int32_t)(1 + query->words + w);
        error = counts[w] < 0 ? counts[w] : visit_places(corpus, query, rows, s,
            query->word[w].from, query->word[w].to, code, visit);
        for (int64_t word = bounds[0]; word < bounds[1] && !error; word++)
            error = visit(&corpus->segment[s], query->tables[s], rows, word, code);
    }
    return error;
}

static int64_t give_row(const Segment *segment, int32_t *table, Rows *rows, int64_t word,
                        int32_t code)
{
    const int64_t row = row_of(segment, table, rows, word);
    if (row < 0)
        return row;
    rows->row[row].code = code;
    return 0;
}

static int64_t give_code(const Segment *segment, int32_t *table, Rows *rows, int64_t word,
                         int32_t code)
{
    (void)rows;
    if (word < 0 || word >= segment->words)
        return DAMAGED;
    table[word] = code;
    return 0;
}

static int64_t forget(const Segment *segment, int32_t *table, Rows *rows, int64_t word,
                      int32_t code)
{
    (void)rows, (void)code;
    if (word >= 0 && word < segment->words)
        table[word] = 0;
    return 0;
}

/* Gives every word of segment `s` that counts its row in the table. */
static int64_t fill_table(const Corpus *corpus, const Query *query, Rows *rows, int64_t s)
{
    const Segment *segment = &corpus->segment[s];
    int32_t *table = query->tables[s];
    for (int64_t g = 0; g < rows->grams; g++) {
        const int64_t *span = &rows->spans[2 * (corpus->segments * g + s)];
        for (int64_t i = span[0]; i < span[1]; i++) {
            const int64_t row = row_of(segment, table, rows, segment->gram_words.at[i]);
            if (row < 0)
                return row;
            rows->masks[row * rows->across + g / 64] |= 1ull << (g % 64);
        }
    }
    return visit_all(corpus, query, rows, s, give_row);
}

static void clear_table(const Corpus *corpus, const Query *query, Rows *rows, int64_t s)
{
    const Segment *segment = &corpus->segment[s];
    for (int64_t g = 0; g < rows->grams; g++) {
        const int64_t *span = &rows->spans[2 * (corpus->segments * g + s)];
        for (int64_t i = span[0]; i < span[1]; i++)
            forget(segment, query->tables[s], rows, segment->gram_words.at[i], 0);
    }
    visit_all(corpus, query, rows, s, forget);
}

/* Where an article's content stands in its segment, and where its title ends there. */
typedef struct { int64_t from, to, title; } Span;

static int64_t content_of(const Segment *segment, int64_t doc, Span *span)
{
    if (doc < 0 || doc + 1 >= segment->content_ptr.count || doc >= segment->content_title.count)
        return DAMAGED;
    span->from = segment->content_ptr.at[doc];
    span->to = segment->content_ptr.at[doc + 1];
    span->title = span->from + 2 + segment->content_title.at[doc]; /* after a border of two */
    if (span->from < 0 || span->from > span->to || span->to > segment->content_words.count
        || span->to > segment->content_line.count || span->to > segment->content_token.count)
        return DAMAGED;
    return 0;
}

/* ---------------------------------------------------------------- re-scoring */

typedef struct { int32_t unit, line, row; } Lined; /* a near word of a line */

typedef struct {
    const Corpus *corpus;
    const Query *query;
    const Weights *weights;
    Rows rows;
    int64_t units;
    const int32_t *docs;
    int64_t questions;   /* how many ways to weigh the words of the query */
    const float *masses; /* what each word is worth, per question */
    float *tf, *factor;  /* per gram: how often, and its worth */
    int32_t *touched;    /* rows that were found */
    int32_t *pairs;      /* per article and pair of words: how often */
    Lined *lined;
    int64_t lines, room;
    float *held;         /* per block of an article and word: 1, or what a synonym counts */
    int32_t *blocks;
    int64_t most_blocks;
    float *content, *title, *order, *place, *line, *most; /* results, per article */
} Look;

/* BM25's saturated count of each gram in what was touched, times its worth. */
static float letters(Look *look, int64_t touched, float norm)
{
    const Rows *rows = &look->rows;
    memset(look->tf, 0, (size_t)rows->grams * sizeof *look->tf);
    for (int64_t i = 0; i < touched; i++) {
        const int64_t row = look->touched[i];
        for (int64_t part = 0; part < rows->across; part++)
            for (uint64_t mask = rows->masks[row * rows->across + part]; mask; mask &= mask - 1)
                look->tf[64 * part + __builtin_ctzll(mask)] += (float)rows->row[row].often;
    }
    float sum = 0;
    for (int64_t g = 0; g < rows->grams; g++)
        sum += look->factor[g] * (look->tf[g] / (look->tf[g] + norm));
    return sum;
}

/* The most that one place holds: two neighbouring blocks and the title. */
static void best_place(const Look *look, int64_t blocks, float *most)
{
    const int64_t words = look->query->words;
    const float *title = blocks && look->blocks[0] == -2 ? look->held : NULL;
    for (int64_t b = 0; b < blocks; b++) {
        const float *own = &look->held[b * words], *next = NULL;
        if (b + 1 < blocks && look->blocks[b + 1] - look->blocks[b] == 1)
            next = own + words;
        for (int64_t q = 0; q < look->questions; q++) {
            const float *mass = &look->masses[q * words];
            float sum = 0;
            for (int64_t w = 0; w < words; w++) {
                float value = own[w];
                if (next && next[w] > value)
                    value = next[w];
                if (title && title[w] > value)
                    value = title[w];
                sum += value * mass[w];
            }
            float *best = &most[q * look->units];
            if (sum > *best)
                *best = sum;
        }
    }
}

static int64_t keep_line(Look *look, int64_t unit, int32_t line, int32_t row)
{
    if (look->lines == look->room) {
        const int64_t room = look->room ? 2 * look->room : 1024;
        Lined *more = realloc(look->lined, (size_t)room * sizeof *more);
        if (!more)
            return NO_MEMORY;
        look->lined = more;
        look->room = room;
    }
    look->lined[look->lines++] = (Lined){(int32_t)unit, line, row};
    return 0;
}

static int64_t make_blocks(Look *look, int64_t length)
{
    const int64_t blocks = length / look->weights->block + 4;
    if (blocks <= look->most_blocks)
        return 0;
    free(look->held);
    free(look->blocks);
    look->held = malloc((size_t)(blocks * look->query->words + 1) * sizeof *look->held);
    look->blocks = malloc((size_t)blocks * sizeof *look->blocks);
    look->most_blocks = blocks;
    return look->held && look->blocks ? 0 : NO_MEMORY;
}

/* One pass through an article's content: letters, pairs, places; lines are kept for later. */
static int64_t read_article(Look *look, const Segment *segment, const int32_t *table, int64_t unit)
{
    const int64_t doc = look->docs[unit], words = look->query->words;
    const Rows *rows = &look->rows;
    Span span;
    int64_t error = content_of(segment, doc - segment->base, &span);
    if (!error)
        error = make_blocks(look, span.to - span.from);
    if (error)
        return error;
    int64_t touched = 0, blocks = 0;
    int64_t before[2] = {INT64_MIN / 2, INT64_MIN / 2}, word_before[2] = {0, 0};
    int32_t *pairs = &look->pairs[unit * 2 * words];
    for (int64_t at = span.from; at < span.to; at++) {
        if (at == span.title && touched)
            look->title[unit] =
                look->weights->title * letters(look, touched, look->corpus->title_norm.at[doc]);
        const int32_t number = segment->content_words.at[at];
        if (number < 0 || number > segment->words)
            return DAMAGED;
        if (!(rows->near[number / 64] >> (number % 64) & 1))
            continue;
        const int32_t row = table[number];
        if (!rows->row[row].often++)
            look->touched[touched++] = row;
        if (segment->content_line.at[at]) {
            error = keep_line(look, unit, segment->content_line.at[at], row);
            if (error)
                return error;
        }
        const int32_t code = rows->row[row].code - 1;
        if (code < 0)
            continue;
        const int64_t word = code % words;
        const int32_t block =
            at < span.title ? -2 : (int32_t)((at - span.title) / look->weights->block);
        if (!blocks || look->blocks[blocks - 1] != block) {
            memset(&look->held[blocks * words], 0, (size_t)words * sizeof *look->held);
            look->blocks[blocks++] = block;
        }
        float *held = &look->held[(blocks - 1) * words + word];
        if (code < words) {
            if (look->query->likeness[word] > *held)
                *held = look->query->likeness[word];
            continue;
        }
        *held = 1;
        for (int step = 0; step < 2; step++) {
            const int64_t apart = word - word_before[step];
            if (at - before[step] <= 2 && apart >= 1 && apart <= 2)
                pairs[2 * word_before[step] - 1 + apart]++;
        }
        before[1] = before[0];
        word_before[1] = word_before[0];
        before[0] = at;
        word_before[0] = word;
    }
    if (touched) {
        const float norm = look->corpus->content_norm.at[doc];
        look->content[unit] = look->weights->body * letters(look, touched, norm);
        if (span.title >= span.to)
            look->title[unit] =
                look->weights->title * letters(look, touched, look->corpus->title_norm.at[doc]);
    }
    for (int64_t i = 0; i < touched; i++)
        look->rows.row[look->touched[i]].often = 0;
    best_place(look, blocks, &look->most[unit]);
    return 0;
}

/* BM25 of pairs of words; how rare a pair is is judged among the candidates. */
static void score_pairs(Look *look)
{
    const int64_t columns = 2 * look->query->words;
    for (int64_t pair = 0; pair < columns; pair++) {
        int64_t frequency = 0;
        for (int64_t unit = 0; unit < look->units; unit++)
            frequency += look->pairs[unit * columns + pair] != 0;
        if (!frequency)
            continue;
        const double worth =
            idf(look->corpus->live, frequency) * look->weights->pairs * (look->corpus->k1 + 1.0);
        for (int64_t unit = 0; unit < look->units; unit++) {
            const double often = look->pairs[unit * columns + pair];
            if (often)
                look->order[unit] += (float)(worth * often
                    / (often + look->corpus->content_norm.at[look->docs[unit]]));
        }
    }
}

static int descending(const void *a, const void *b)
{
    const float left = *(const float *)a, right = *(const float *)b;
    return (left < right) - (left > right);
}

/* What an article must score for its lines to be compared; below 0: out of memory. */
static int64_t line_floor(const Look *look, const float *scores, float *floor)
{
    *floor = -1;
    if (look->units <= look->weights->lined)
        return 0;
    float *sorted = malloc((size_t)look->units * sizeof *sorted);
    if (!sorted)
        return NO_MEMORY;
    memcpy(sorted, scores, (size_t)look->units * sizeof *sorted);
    qsort(sorted, (size_t)look->units, sizeof *sorted, descending);
    *floor = sorted[look->weights->lined - 1];
    free(sorted);
    return 0;
}

/* BM25 of letters of the best heading or answered question, of the best articles so far. */
static int64_t score_lines(Look *look, const float *scores)
{
    const Corpus *corpus = look->corpus;
    float floor, all = 0;
    if (line_floor(look, scores, &floor) < 0)
        return NO_MEMORY;
    for (int64_t g = 0; g < look->rows.grams; g++)
        all += look->factor[g];
    for (int64_t from = 0, to; from < look->lines; from = to) {
        const Lined first = look->lined[from];
        for (to = from; to < look->lines && look->lined[to].unit == first.unit
                        && look->lined[to].line == first.line; to++)
            ;
        if (scores[first.unit] < floor)
            continue;
        const int64_t doc = look->docs[first.unit];
        const int64_t number = corpus->first_line.at[doc] + first.line - 1;
        if (number < 0 || number >= corpus->line_norm.count
            || number >= corpus->words_of_line.count || number >= corpus->is_claim.count)
            return DAMAGED;
        int64_t touched = 0;
        for (int64_t i = from; i < to; i++)
            if (!look->rows.row[look->lined[i].row].often++)
                look->touched[touched++] = look->lined[i].row;
        float found = look->weights->line * letters(look, touched, corpus->line_norm.at[number]);
        for (int64_t i = 0; i < touched; i++)
            look->rows.row[look->touched[i]].often = 0;
        int64_t missing = 0;
        for (int64_t g = 0; g < look->rows.grams; g++)
            missing += look->tf[g] == 0;
        if (!missing && corpus->is_claim.at[number]
            && corpus->words_of_line.at[number] == look->query->words)
            found += look->weights->claimed * all;
        if (found > look->line[first.unit])
            look->line[first.unit] = found;
    }
    return 0;
}

static int64_t look_at_all(Look *look, const float *scores)
{
    const Corpus *corpus = look->corpus;
    int64_t unit = 0;
    for (int64_t s = 0; s < corpus->segments; s++) {
        const Segment *segment = &corpus->segment[s];
        const int64_t end = segment->base + segment->size;
        if (unit >= look->units || look->docs[unit] >= end)
            continue;
        int64_t error = fill_table(corpus, look->query, &look->rows, s);
        for (; !error && unit < look->units && look->docs[unit] < end; unit++)
            error = read_article(look, segment, look->query->tables[s], unit);
        clear_table(corpus, look->query, &look->rows, s);
        memset(look->rows.near, 0, ((size_t)segment->words / 64 + 1) * sizeof *look->rows.near);
        if (error)
            return error;
    }
    score_pairs(look);
    float *sums = malloc(((size_t)look->units + 1) * sizeof *sums);
    if (!sums)
        return NO_MEMORY;
    for (unit = 0; unit < look->units; unit++) {
        look->place[unit] = look->weights->place * look->most[unit];
        sums[unit] = scores[unit] + (look->content[unit] + look->title[unit] + look->order[unit]
                                     + look->place[unit]);
    }
    const int64_t error = score_lines(look, sums);
    free(sums);
    return error;
}

typedef struct { float score; int32_t updated, unit; } Ordered;

static int better_first(const void *a, const void *b)
{
    const Ordered *left = a, *right = b;
    if (left->score != right->score)
        return left->score < right->score ? 1 : -1;
    if (left->updated != right->updated)
        return left->updated < right->updated ? 1 : -1;
    return (left->unit > right->unit) - (left->unit < right->unit);
}

/* The whole scores, and the order: what scores the same to three places, newest first. */
static int64_t put_in_order(const Look *look, const float *words, const float *favour,
                            float *scores, int32_t *order)
{
    Ordered *all = malloc(((size_t)look->units + 1) * sizeof *all);
    if (!all)
        return NO_MEMORY;
    for (int64_t unit = 0; unit < look->units; unit++) {
        const int32_t doc = look->docs[unit];
        scores[unit] = words[unit] + (look->content[unit] + look->title[unit] + look->order[unit]
                                      + look->place[unit] + look->line[unit]);
        if (favour)
            scores[unit] *= favour[doc];
        all[unit] = (Ordered){rintf(scores[unit] * 1000.0f) / 1000.0f,
                              look->corpus->updated.at[doc], (int32_t)unit};
    }
    qsort(all, (size_t)look->units, sizeof *all, better_first);
    for (int64_t unit = 0; unit < look->units; unit++)
        order[unit] = all[unit].unit;
    free(all);
    return 0;
}

/* What letters, order and nearness of words add to each candidate (articles ascend).
 *
 * `parts` gets content, title, order, place and line, each for all articles; `most` for each
 * question what the best place of each article holds of it. Question 0 is the one ranked by.
 * `scores` and `order` become the whole scores, favour included, and the places of the articles.
 */
int64_t kb_rescore(const Corpus *corpus, const Query *query, const Weights *weights, int64_t units,
                   const int32_t *docs, const float *words, const float *favour, int64_t questions,
                   const float *masses, float *parts, float *most, float *scores, int32_t *order)
{
    if (query->words > MOST_WORDS)
        return DAMAGED;
    Look look = {
        .corpus = corpus, .query = query, .weights = weights, .units = units, .docs = docs,
        .questions = questions, .masses = masses, .content = parts, .title = parts + units,
        .order = parts + 2 * units, .place = parts + 3 * units, .line = parts + 4 * units,
        .most = most,
    };
    memset(parts, 0, (size_t)(5 * units) * sizeof *parts);
    memset(most, 0, (size_t)(questions * units) * sizeof *most);
    int64_t error = find_grams(corpus, query, &look.rows);
    if (!error)
        error = make_rows(corpus, query, &look.rows);
    if (!error) {
        const size_t grams = (size_t)look.rows.grams + 1, rows = (size_t)look.rows.most;
        look.tf = malloc(grams * sizeof *look.tf);
        look.factor = malloc(grams * sizeof *look.factor);
        look.touched = malloc(rows * sizeof *look.touched);
        look.pairs = calloc((size_t)(units * 2 * query->words) + 1, sizeof *look.pairs);
        if (!look.tf || !look.factor || !look.touched || !look.pairs)
            error = NO_MEMORY;
    }
    if (!error) {
        for (int64_t g = 0; g < look.rows.grams; g++)
            look.factor[g] = look.rows.worth[g] * (corpus->k1 + 1.0f);
        error = look_at_all(&look, words);
    }
    if (!error)
        error = put_in_order(&look, words, favour, scores, order);
    free(look.tf);
    free(look.factor);
    free(look.touched);
    free(look.pairs);
    free(look.lined);
    free(look.held);
    free(look.blocks);
    drop_rows(&look.rows);
    return error;
}

/* ---------------------------------------------------------------- excerpts */

typedef struct { int32_t token, word; } Match;
typedef struct { int32_t region, from, to; } Group; /* matches of one region */

typedef struct {
    int32_t number, body, words;
    int32_t word[2 * MOST_WORDS];
    double share[2 * MOST_WORDS];
} Held; /* a section, the region of its body (-1: none), the words of the query in it, in order */

typedef struct {
    int32_t window, before; /* words of a snippet, and of them before the first marked one */
    double headed, again;
} Cut;

typedef struct {
    const Segment *segment;
    int64_t regions, tokens, bytes;        /* how many the article has */
    int64_t region, token, byte;           /* where its own begin in the segment */
    int64_t matches, groups;
    Match match[MOST_MARKS];
    Group group[MOST_MARKS];
    Held held[MOST_MARKS];
} Article;

static int64_t open_article(const Segment *segment, int64_t doc, Article *article)
{
    if (doc < 0 || doc + 1 >= segment->regions_ptr.count || doc + 1 >= segment->tokens_ptr.count
        || doc + 1 >= segment->texts_ptr.count)
        return DAMAGED;
    article->segment = segment;
    article->region = segment->regions_ptr.at[doc];
    article->token = segment->tokens_ptr.at[doc];
    article->byte = segment->texts_ptr.at[doc];
    article->regions = segment->regions_ptr.at[doc + 1] - article->region;
    article->tokens = segment->tokens_ptr.at[doc + 1] - article->token;
    article->bytes = segment->texts_ptr.at[doc + 1] - article->byte;
    const int64_t regions = article->region + article->regions;
    if (article->region < 0 || article->regions < 0 || regions > segment->regions_kind.count
        || regions > segment->regions_section.count || regions > segment->regions_token.count
        || regions > segment->regions_byte.count || article->token < 0 || article->tokens < 0
        || article->token + article->tokens > segment->tokens_start.count
        || article->token + article->tokens > segment->tokens_end.count || article->byte < 0
        || article->bytes < 0 || article->byte + article->bytes > segment->texts_blob.count)
        return DAMAGED;
    return 0;
}

static int64_t first_token(const Article *article, int64_t region)
{
    if (region >= article->regions)
        return article->tokens;
    return article->segment->regions_token.at[article->region + region];
}

/* The byte a region begins at, or the article's end. */
static int64_t first_byte(const Article *article, int64_t region)
{
    if (region >= article->regions)
        return article->bytes;
    return article->segment->regions_byte.at[article->region + region];
}

static int kind_of(const Article *article, int64_t region)
{
    return article->segment->regions_kind.at[article->region + region];
}

static int32_t section_of(const Article *article, int64_t region)
{
    return article->segment->regions_section.at[article->region + region];
}

/* The first words of the query in an article, and in which regions they stand. */
static int64_t find_matches(Article *article, const int32_t *table, int64_t doc, int64_t words)
{
    const Segment *segment = article->segment;
    Span span;
    if (content_of(segment, doc, &span) < 0)
        return DAMAGED;
    int64_t region = -1, until = 0;
    article->matches = article->groups = 0;
    for (int64_t at = span.from; at < span.to && article->matches < MOST_MARKS; at++) {
        const int32_t number = segment->content_words.at[at];
        if (number < 0 || number > segment->words)
            return DAMAGED;
        const int32_t code = table[number] - 1;
        if (code < 0)
            continue;
        const int32_t token = segment->content_token.at[at];
        if (token < 0 || token >= article->tokens || !article->regions)
            return DAMAGED;
        if (token >= until) {
            region = region < 0 ? 0 : region;
            while (region + 1 < article->regions && first_token(article, region + 1) <= token)
                region++;
            until = first_token(article, region + 1);
            article->group[article->groups++] =
                (Group){(int32_t)region, (int32_t)article->matches, 0};
        }
        article->match[article->matches++] =
            (Match){token, (int32_t)(code < words ? words + code : code - words)};
        article->group[article->groups - 1].to = (int32_t)article->matches;
    }
    return 0;
}

/* The body of the section that holds most of the query; a word of its heading counts more. */
static int64_t best_body(Article *article, const double *worth, double headed)
{
    int64_t sections = 0;
    for (int64_t n = 0; n < article->groups; n++) {
        const Group group = article->group[n];
        if (kind_of(article, group.region) < HEADING)
            continue;
        const double share = kind_of(article, group.region) == HEADING ? headed : 1.0;
        const int32_t number = section_of(article, group.region);
        int64_t s = 0;
        while (s < sections && article->held[s].number != number)
            s++;
        Held *held = &article->held[s];
        if (s == sections) {
            sections++;
            held->number = number;
            held->body = -1;
            held->words = 0;
        }
        for (int32_t i = group.from; i < group.to; i++) {
            int32_t w = 0;
            while (w < held->words && held->word[w] != article->match[i].word)
                w++;
            if (w == held->words) {
                held->word[held->words++] = article->match[i].word;
                held->share[w] = share;
            } else if (held->share[w] < share)
                held->share[w] = share;
        }
    }
    int64_t first = -1, best = -1;
    for (int64_t region = 0; region < article->regions; region++) {
        if (kind_of(article, region) != BODY)
            continue;
        first = first < 0 ? region : first;
        for (int64_t s = 0; s < sections; s++)
            if (article->held[s].number == section_of(article, region) && article->held[s].body < 0)
                article->held[s].body = (int32_t)region;
    }
    double most = -1;
    for (int64_t s = 0; s < sections; s++) {
        const Held *held = &article->held[s];
        double sum = 0;
        for (int32_t w = 0; w < held->words; w++)
            sum += held->share[w] * worth[held->word[w]];
        if (held->body >= 0 && sum > most) {
            most = sum;
            best = held->body;
        }
    }
    return best >= 0 ? best : first;
}

/* The token a passage is to begin with, so that its distinct words weigh most. */
static int32_t best_window(const Match *match, int64_t matches, const double *worth, const Cut *cut)
{
    int32_t best = match[0].token;
    double most = -1;
    for (int64_t i = 0; i < matches; i++) {
        double sum = 0;
        uint64_t seen = 0;
        for (int64_t j = i; j < matches && j < i + cut->window; j++) {
            if (match[j].token - match[i].token > cut->window - cut->before)
                break;
            const uint64_t bit = 1ull << match[j].word;
            sum += worth[match[j].word] * (seen & bit ? cut->again : 1 + cut->again);
            seen |= bit;
        }
        if (sum > most + 1e-6) {
            best = match[i].token;
            most = sum;
        }
    }
    return best;
}

static int64_t characters(const uint8_t *from, const uint8_t *to)
{
    int64_t found = 0;
    for (; from < to; from++)
        found += (*from & 0xC0) != 0x80;
    return found;
}

/* Writes the tokens found in the bytes low–high as ranges of characters; how many, or an error. */
static int64_t write_marks(const Article *article, int64_t low, int64_t high, const Match *match,
                           int64_t matches, int32_t *out)
{
    const uint8_t *text = article->segment->texts_blob.at + article->byte;
    int64_t done = low, length = 0, marks = 0;
    for (int64_t i = 0; i < matches; i++) {
        int64_t start = article->segment->tokens_start.at[article->token + match[i].token];
        const int64_t end = article->segment->tokens_end.at[article->token + match[i].token];
        if (end <= done) /* a part of a compound that is marked already */
            continue;
        if (start < done)
            start = done;
        if (end > high || start > end)
            return DAMAGED;
        length += characters(text + done, text + start);
        out[2 * marks] = (int32_t)length;
        length += characters(text + start, text + end);
        out[2 * marks++ + 1] = (int32_t)length;
        done = end;
    }
    return marks;
}

enum { SECTION, TITLE_FROM, TITLE_TO, FROM, TO, CUT_BEFORE, CUT_AFTER, TITLE_MARKS, MARKS, HEAD };

static int64_t write_excerpt(Article *article, const double *worth, const Cut *cut, int32_t *out)
{
    memset(out, 0, HEAD * sizeof *out);
    int64_t low = article->regions ? first_byte(article, 0) : 0;
    int64_t high = article->regions ? first_byte(article, 1) - 1 : 0;
    high = high > low ? high : low;
    if (low < 0 || high > article->bytes)
        return DAMAGED;
    int64_t titled = article->groups && !article->group[0].region ? article->group[0].to : 0;
    int64_t marks = write_marks(article, low, high, article->match, titled, out + HEAD);
    if (marks < 0)
        return marks;
    out[TITLE_FROM] = (int32_t)low;
    out[TITLE_TO] = (int32_t)high;
    out[TITLE_MARKS] = (int32_t)marks;
    const int64_t region = best_body(article, worth, cut->headed);
    if (region < 0)
        return HEAD + 2 * marks;
    const Match *found = NULL;
    int64_t matches = 0;
    for (int64_t n = 0; n < article->groups; n++)
        if (article->group[n].region == region) {
            found = &article->match[article->group[n].from];
            matches = article->group[n].to - article->group[n].from;
        }
    const int64_t begin = first_token(article, region), finish = first_token(article, region + 1);
    const int64_t start = first_byte(article, region), end = first_byte(article, region + 1) - 1;
    int64_t first = matches ? best_window(found, matches, worth, cut) : begin;
    first = first - cut->before > begin ? first - cut->before : begin;
    if (first - begin <= cut->before)
        first = begin;
    int64_t last = first + cut->window < finish ? first + cut->window : finish;
    if (first < 0 || last > article->tokens)
        return DAMAGED;
    low = first == begin ? start : article->segment->tokens_start.at[article->token + first];
    high = last == finish ? end : article->segment->tokens_end.at[article->token + last - 1];
    high = high > low ? high : low;
    if (low < 0 || high > article->bytes)
        return DAMAGED;
    int64_t inside = 0;
    while (matches && found[0].token < first) {
        found++;
        matches--;
    }
    while (inside < matches && found[inside].token < last)
        inside++;
    int32_t *more = out + HEAD + 2 * marks;
    const int64_t shown = write_marks(article, low, high, found, inside, more);
    if (shown < 0)
        return shown;
    out[SECTION] = section_of(article, region);
    out[FROM] = (int32_t)low;
    out[TO] = (int32_t)high;
    out[CUT_BEFORE] = low > start;
    out[CUT_AFTER] = high < end;
    out[MARKS] = (int32_t)shown;
    return HEAD + 2 * (marks + shown);
}

/* Title and best passage of each article (ascending) with the words to mark, in `out`.
 *
 * Each takes HEAD numbers, then a pair for each mark of the title and of the passage; there must be
 * room for 2 * MOST_MARKS pairs. `worth` is of each word of the query, then of its synonyms.
 */
int64_t kb_excerpts(const Corpus *corpus, const Query *query, const double *worth, const Cut *cut,
                    int64_t units, const int32_t *docs, int32_t *out)
{
    if (query->words > MOST_WORDS)
        return DAMAGED;
    Article *article = malloc(sizeof *article);
    if (!article)
        return NO_MEMORY;
    Rows no_grams = {0};
    int64_t unit = 0, written = 0, error = 0;
    for (int64_t s = 0; s < corpus->segments && !error; s++) {
        const Segment *segment = &corpus->segment[s];
        const int64_t end = segment->base + segment->size;
        if (unit >= units || docs[unit] >= end)
            continue;
        error = visit_all(corpus, query, &no_grams, s, give_code);
        for (; !error && unit < units && docs[unit] < end; unit++) {
            const int64_t doc = docs[unit] - segment->base;
            error = open_article(segment, doc, article);
            if (!error)
                error = find_matches(article, query->tables[s], doc, query->words);
            if (error)
                break;
            const int64_t more = write_excerpt(article, worth, cut, out + written);
            error = more < 0 ? more : 0;
            written += more;
        }
        clear_table(corpus, query, &no_grams, s);
    }
    free(article);
    return error ? error : written;
}
