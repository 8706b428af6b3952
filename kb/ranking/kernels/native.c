/* The kernel of ranking: sums of word scores, re-scoring and excerpts, in one pass.
 *
 * `numpy_kernel.py` is the definition: weights and constants come from Python, and tests compare
 * both kernels on generated and real queries. `c_kernel.py` calls this through ctypes, so nothing
 * here knows of Python; `structs.py` writes the structs. Numbers read from a build are checked
 * before they index anything, and before they are added to one another. Functions return how much
 * they found, or an error below 0.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NO_MEMORY = -1, DAMAGED = -2 };
enum { MOST_WORDS = 32, MOST_MARKS = 256, MOST_ATTACHED = 64, GRAM = 4 };
enum { FILES = 1 << 15 }; /* number of the first block of the files that an article links to */
enum { TITLE = 0, SUMMARY = 4, HEADING = 5, BODY = 6, CLOSING = 7, ATTACHED = 8 }; /* kinds of regions: document.Kind */

/* structs.py: begin */
typedef struct { const int64_t *at; int64_t count; } I64;
typedef struct { const uint64_t *at; int64_t count; } U64;
typedef struct { const int32_t *at; int64_t count; } I32;
typedef struct { const uint32_t *at; int64_t count; } U32;
typedef struct { const uint16_t *at; int64_t count; } U16;
typedef struct { const uint8_t *at; int64_t count; } U8;
typedef struct { const float *at; int64_t count; } F32;
_Static_assert(sizeof(void *) == 8, "addresses are packed as 64 bits");

typedef struct {
    const int32_t *docs;
    const float *scores;
    int64_t count;
    double factor;
} Postings;
_Static_assert(offsetof(Postings, docs) == 0, "Postings.docs");
_Static_assert(offsetof(Postings, scores) == 8, "Postings.scores");
_Static_assert(offsetof(Postings, count) == 16, "Postings.count");
_Static_assert(offsetof(Postings, factor) == 24, "Postings.factor");
_Static_assert(sizeof(Postings) == 32, "Postings");

typedef struct {
    I64 ptr;
    I32 docs;
    U16 tf;
} Surface;
_Static_assert(offsetof(Surface, ptr) == 0, "Surface.ptr");
_Static_assert(offsetof(Surface, docs) == 16, "Surface.docs");
_Static_assert(offsetof(Surface, tf) == 32, "Surface.tf");
_Static_assert(sizeof(Surface) == 48, "Surface");

typedef struct {
    int64_t base;
    int64_t size;
    int64_t words;
    I64 text_ptr;
    I32 text_docs;
    F32 text_scores;
    I64 lemma_ptr;
    I32 lemma_words;
    I64 content_ptr;
    I32 content_words;
    I32 content_token;
    I32 content_line;
    I32 content_title;
    I32 content_own;
    U64 gram_keys;
    I64 gram_ptr;
    I32 gram_words;
    I32 gram_df;
    I64 regions_ptr;
    U8 regions_kind;
    I32 regions_section;
    U32 regions_token;
    U32 regions_byte;
    I64 tokens_ptr;
    U32 tokens_start;
    U32 tokens_end;
    I64 texts_ptr;
    U8 texts_blob;
    Surface surface[5];
} Segment;
_Static_assert(offsetof(Segment, base) == 0, "Segment.base");
_Static_assert(offsetof(Segment, size) == 8, "Segment.size");
_Static_assert(offsetof(Segment, words) == 16, "Segment.words");
_Static_assert(offsetof(Segment, text_ptr) == 24, "Segment.text_ptr");
_Static_assert(offsetof(Segment, text_docs) == 40, "Segment.text_docs");
_Static_assert(offsetof(Segment, text_scores) == 56, "Segment.text_scores");
_Static_assert(offsetof(Segment, lemma_ptr) == 72, "Segment.lemma_ptr");
_Static_assert(offsetof(Segment, lemma_words) == 88, "Segment.lemma_words");
_Static_assert(offsetof(Segment, content_ptr) == 104, "Segment.content_ptr");
_Static_assert(offsetof(Segment, content_words) == 120, "Segment.content_words");
_Static_assert(offsetof(Segment, content_token) == 136, "Segment.content_token");
_Static_assert(offsetof(Segment, content_line) == 152, "Segment.content_line");
_Static_assert(offsetof(Segment, content_title) == 168, "Segment.content_title");
_Static_assert(offsetof(Segment, content_own) == 184, "Segment.content_own");
_Static_assert(offsetof(Segment, gram_keys) == 200, "Segment.gram_keys");
_Static_assert(offsetof(Segment, gram_ptr) == 216, "Segment.gram_ptr");
_Static_assert(offsetof(Segment, gram_words) == 232, "Segment.gram_words");
_Static_assert(offsetof(Segment, gram_df) == 248, "Segment.gram_df");
_Static_assert(offsetof(Segment, regions_ptr) == 264, "Segment.regions_ptr");
_Static_assert(offsetof(Segment, regions_kind) == 280, "Segment.regions_kind");
_Static_assert(offsetof(Segment, regions_section) == 296, "Segment.regions_section");
_Static_assert(offsetof(Segment, regions_token) == 312, "Segment.regions_token");
_Static_assert(offsetof(Segment, regions_byte) == 328, "Segment.regions_byte");
_Static_assert(offsetof(Segment, tokens_ptr) == 344, "Segment.tokens_ptr");
_Static_assert(offsetof(Segment, tokens_start) == 360, "Segment.tokens_start");
_Static_assert(offsetof(Segment, tokens_end) == 376, "Segment.tokens_end");
_Static_assert(offsetof(Segment, texts_ptr) == 392, "Segment.texts_ptr");
_Static_assert(offsetof(Segment, texts_blob) == 408, "Segment.texts_blob");
_Static_assert(offsetof(Segment, surface) == 424, "Segment.surface");
_Static_assert(sizeof(Segment) == 664, "Segment");

typedef struct {
    int64_t segments;
    int64_t size;
    int64_t live;
    const Segment *segment;
    U8 alive;
    F32 content_norm;
    F32 title_norm;
    F32 line_norm;
    I64 first_line;
    I32 words_of_line;
    F32 claims;
    I32 updated;
    F32 surface_norm[5];
    float surface_weight[5];
    float k1;
} Corpus;
_Static_assert(offsetof(Corpus, segments) == 0, "Corpus.segments");
_Static_assert(offsetof(Corpus, size) == 8, "Corpus.size");
_Static_assert(offsetof(Corpus, live) == 16, "Corpus.live");
_Static_assert(offsetof(Corpus, segment) == 24, "Corpus.segment");
_Static_assert(offsetof(Corpus, alive) == 32, "Corpus.alive");
_Static_assert(offsetof(Corpus, content_norm) == 48, "Corpus.content_norm");
_Static_assert(offsetof(Corpus, title_norm) == 64, "Corpus.title_norm");
_Static_assert(offsetof(Corpus, line_norm) == 80, "Corpus.line_norm");
_Static_assert(offsetof(Corpus, first_line) == 96, "Corpus.first_line");
_Static_assert(offsetof(Corpus, words_of_line) == 112, "Corpus.words_of_line");
_Static_assert(offsetof(Corpus, claims) == 128, "Corpus.claims");
_Static_assert(offsetof(Corpus, updated) == 144, "Corpus.updated");
_Static_assert(offsetof(Corpus, surface_norm) == 160, "Corpus.surface_norm");
_Static_assert(offsetof(Corpus, surface_weight) == 240, "Corpus.surface_weight");
_Static_assert(offsetof(Corpus, k1) == 260, "Corpus.k1");
_Static_assert(sizeof(Corpus) == 264, "Corpus");

typedef struct {
    int64_t segment;
    int64_t number;
} Place;
_Static_assert(offsetof(Place, segment) == 0, "Place.segment");
_Static_assert(offsetof(Place, number) == 8, "Place.number");
_Static_assert(sizeof(Place) == 16, "Place");

typedef struct {
    int64_t from;
    int64_t to;
    int64_t synonyms_from;
    int64_t synonyms_to;
} Word;
_Static_assert(offsetof(Word, from) == 0, "Word.from");
_Static_assert(offsetof(Word, to) == 8, "Word.to");
_Static_assert(offsetof(Word, synonyms_from) == 16, "Word.synonyms_from");
_Static_assert(offsetof(Word, synonyms_to) == 24, "Word.synonyms_to");
_Static_assert(sizeof(Word) == 32, "Word");

typedef struct {
    int64_t words;
    const Place *places;
    const Word *word;
    const int64_t *beginnings;
    const float *synonym_weights;
    int64_t spelt;
    const uint32_t *letters;
    const int32_t *letters_ptr;
    const double *weights;
    int32_t *const *tables;
} Query;
_Static_assert(offsetof(Query, words) == 0, "Query.words");
_Static_assert(offsetof(Query, places) == 8, "Query.places");
_Static_assert(offsetof(Query, word) == 16, "Query.word");
_Static_assert(offsetof(Query, beginnings) == 24, "Query.beginnings");
_Static_assert(offsetof(Query, synonym_weights) == 32, "Query.synonym_weights");
_Static_assert(offsetof(Query, spelt) == 40, "Query.spelt");
_Static_assert(offsetof(Query, letters) == 48, "Query.letters");
_Static_assert(offsetof(Query, letters_ptr) == 56, "Query.letters_ptr");
_Static_assert(offsetof(Query, weights) == 64, "Query.weights");
_Static_assert(offsetof(Query, tables) == 72, "Query.tables");
_Static_assert(sizeof(Query) == 80, "Query");

typedef struct {
    float body;
    float title;
    float line;
    float pairs;
    float place;
    float claimed;
    float attached;
    int32_t lined;
    int32_t block;
} Weights;
_Static_assert(offsetof(Weights, body) == 0, "Weights.body");
_Static_assert(offsetof(Weights, title) == 4, "Weights.title");
_Static_assert(offsetof(Weights, line) == 8, "Weights.line");
_Static_assert(offsetof(Weights, pairs) == 12, "Weights.pairs");
_Static_assert(offsetof(Weights, place) == 16, "Weights.place");
_Static_assert(offsetof(Weights, claimed) == 20, "Weights.claimed");
_Static_assert(offsetof(Weights, attached) == 24, "Weights.attached");
_Static_assert(offsetof(Weights, lined) == 28, "Weights.lined");
_Static_assert(offsetof(Weights, block) == 32, "Weights.block");
_Static_assert(sizeof(Weights) == 36, "Weights");

typedef struct {
    double share;
    int64_t least;
    int64_t most;
    int64_t first;
} Choice;
_Static_assert(offsetof(Choice, share) == 0, "Choice.share");
_Static_assert(offsetof(Choice, least) == 8, "Choice.least");
_Static_assert(offsetof(Choice, most) == 16, "Choice.most");
_Static_assert(offsetof(Choice, first) == 24, "Choice.first");
_Static_assert(sizeof(Choice) == 32, "Choice");

typedef struct {
    const int32_t *docs;
    const float *scores;
    int64_t count;
    int64_t place;
    int64_t places;
    double weight;
} Summand;
_Static_assert(offsetof(Summand, docs) == 0, "Summand.docs");
_Static_assert(offsetof(Summand, scores) == 8, "Summand.scores");
_Static_assert(offsetof(Summand, count) == 16, "Summand.count");
_Static_assert(offsetof(Summand, place) == 24, "Summand.place");
_Static_assert(offsetof(Summand, places) == 32, "Summand.places");
_Static_assert(offsetof(Summand, weight) == 40, "Summand.weight");
_Static_assert(sizeof(Summand) == 48, "Summand");

typedef struct {
    int32_t window;
    int32_t before;
    double headed;
    double again;
    double added;
    double attached;
} Cut;
_Static_assert(offsetof(Cut, window) == 0, "Cut.window");
_Static_assert(offsetof(Cut, before) == 4, "Cut.before");
_Static_assert(offsetof(Cut, headed) == 8, "Cut.headed");
_Static_assert(offsetof(Cut, again) == 16, "Cut.again");
_Static_assert(offsetof(Cut, added) == 24, "Cut.added");
_Static_assert(offsetof(Cut, attached) == 32, "Cut.attached");
_Static_assert(sizeof(Cut) == 40, "Cut");
/* structs.py: end */

/* Whether from–to is a part of so many numbers. Nothing is added: a damaged number must not wrap. */
static int is_part(int64_t from, int64_t to, int64_t count)
{
    return 0 <= from && from <= to && to <= count;
}

/* Whether owner `number` of a pointer array has a beginning and an end there. */
static int has_owner(I64 pointers, int64_t number)
{
    return 0 <= number && number < pointers.count - 1;
}

/* What the library was made from; the compiler is told. */
#ifndef SEAL
#define SEAL 0
#endif
uint32_t kb_seal(void) { return SEAL; }

/* ---------------------------------------------------------------- words */

static int64_t postings_of(const Corpus *corpus, Place place, Postings *found, int64_t *base)
{
    if (place.segment < 0 || place.segment >= corpus->segments)
        return DAMAGED;
    const Segment *segment = &corpus->segment[place.segment];
    if (!has_owner(segment->text_ptr, place.number))
        return DAMAGED;
    const int64_t from = segment->text_ptr.at[place.number];
    const int64_t to = segment->text_ptr.at[place.number + 1];
    if (!is_part(from, to, segment->text_docs.count)
        || !is_part(from, to, segment->text_scores.count))
        return DAMAGED;
    *found = (Postings){segment->text_docs.at + from, segment->text_scores.at + from, to - from, 1};
    *base = segment->base;
    return 0;
}

/* Adds what the best of several dictionary forms is gain; `best` is 0 before and after. */
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

/* Adds the scores of one list, each times `weight`. */
static int64_t add_list(const Postings *list, int64_t base, int64_t size, float weight, float *total)
{
    for (int64_t i = 0; i < list->count; i++) {
        const uint64_t doc = (uint64_t)(base + list->docs[i]);
        if (doc >= (uint64_t)size)
            return DAMAGED;
        total[doc] += weight * list->scores[i];
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
        if (!error)
            error = add_list(&list, base, corpus->size, (float)term[t].weight, total);
    }
    free(best);
    return error;
}

/* Writes the articles whose bit is set, ascending, with their scores; how many. */
static int64_t write_found(const uint64_t *bits, int64_t size, const float *score, int32_t *docs,
                           float *scores)
{
    int64_t found = 0;
    for (int64_t part = 0; part <= size / 64; part++)
        for (uint64_t left = bits[part]; left; left &= left - 1) {
            const int64_t doc = 64 * part + __builtin_ctzll(left);
            docs[found] = (int32_t)doc;
            scores[found] = score[doc];
            found += score[doc] > 0;
        }
    return found;
}

/* The union of posting lists, each article with its highest score.
 *
 * There must be room for one more than there are. */
int64_t kb_best_of(int64_t size, int64_t lists, const Postings *list, int32_t *docs, float *scores)
{
    float *best = calloc((size_t)size + 1, sizeof *best);
    uint64_t *bits = calloc((size_t)size / 64 + 1, sizeof *bits);
    int64_t error = best && bits ? 0 : NO_MEMORY;
    for (int64_t l = 0; l < lists && !error; l++) {
        const float factor = (float)list[l].factor;
        for (int64_t i = 0; i < list[l].count; i++) {
            const float score = factor * list[l].scores[i];
            const uint64_t doc = (uint64_t)list[l].docs[i];
            if (doc >= (uint64_t)size) {
                error = DAMAGED;
                break;
            }
            bits[doc / 64] |= 1ull << (doc % 64);
            if (score > best[doc])
                best[doc] = score;
        }
    }
    const int64_t found = error ? error : write_found(bits, size, best, docs, scores);
    free(bits);
    free(best);
    return found;
}

/* Counts how often the words low–high of a segment stand in each article.
 *
 * `docs` gets the articles that hold any, from number `found` on; how many it holds then. */
static int64_t count_words(const Corpus *corpus, const Segment *segment, const Surface *field,
                           int64_t low, int64_t high, uint32_t *tf, int32_t *docs, int64_t found)
{
    if (!is_part(low, high, field->ptr.count - 1))
        return DAMAGED;
    const int64_t from = field->ptr.at[low], to = field->ptr.at[high];
    if (!is_part(from, to, field->docs.count) || !is_part(from, to, field->tf.count))
        return DAMAGED;
    for (int64_t i = from; i < to; i++) {
        const int64_t doc = field->docs.at[i];
        if (doc < 0 || doc >= segment->size)
            return DAMAGED;
        const int64_t whole = segment->base + doc;
        if (!corpus->alive.at[whole] || !field->tf.at[i])
            continue;
        docs[found] = (int32_t)whole;
        found += !tf[whole];
        tf[whole] += field->tf.at[i];
    }
    return found;
}

static double idf(int64_t live, int64_t frequency)
{
    return log((double)(live > 1 ? live : 1) / (double)(frequency + 1)) + 1;
}

enum { SURFACES = sizeof ((Segment *)0)->surface / sizeof (Surface) };

/* The scores of a field for articles that hold a word `tf` times, which is 0 afterwards. */
static void add_field(const Corpus *corpus, int f, const int32_t *docs, int64_t count, uint32_t *tf,
                      float *total, uint64_t *bits)
{
    const float scale = (float)(idf(corpus->live, count) * (corpus->k1 + 1.0));
    const float weight = corpus->surface_weight[f];
    const float *norm = corpus->surface_norm[f].at;
    for (int64_t i = 0; i < count; i++) {
        const int32_t doc = docs[i];
        const float often = (float)tf[doc];
        total[doc] += weight * (scale * often / (often + norm[doc]));
        bits[doc / 64] |= 1ull << (doc % 64);
        tf[doc] = 0;
    }
}

/* All words of the ranges low–high (two numbers per segment) as one word: its articles' scores. */
int64_t kb_prefix(const Corpus *corpus, const int64_t *ranges, int32_t *docs, float *scores)
{
    const size_t size = (size_t)corpus->size + 1;
    float *total = calloc(size, sizeof *total);
    uint32_t *tf = calloc(size, sizeof *tf);
    uint64_t *bits = calloc(size / 64 + 1, sizeof *bits);
    int64_t error = total && tf && bits ? 0 : NO_MEMORY;
    for (int f = 0; f < SURFACES && !error; f++) {
        int64_t frequency = 0;
        for (int64_t s = 0; s < corpus->segments && frequency >= 0; s++) {
            const Segment *segment = &corpus->segment[s];
            if (ranges[2 * s] < ranges[2 * s + 1])
                frequency = count_words(corpus, segment, &segment->surface[f], ranges[2 * s],
                                        ranges[2 * s + 1], tf, docs, frequency);
        }
        if (frequency < 0)
            error = frequency;
        else
            add_field(corpus, f, docs, frequency, tf, total, bits);
    }
    const int64_t found = error ? error : write_found(bits, corpus->size, total, docs, scores);
    free(bits);
    free(tf);
    free(total);
    return found;
}

typedef struct { float score; int32_t doc; } Ranked;

/* A score as a number that compares as it does; what is no number has a place, too: sorting needs
 * an order of all there is. */
static int32_t rank_of(float score)
{
    int32_t bits;
    memcpy(&bits, &score, sizeof bits);
    if (bits == INT32_MIN) /* -0 */
        return 0;
    return bits < 0 ? bits ^ INT32_MAX : bits;
}

static int is_worse(Ranked a, Ranked b)
{
    const int32_t left = rank_of(a.score), right = rank_of(b.score);
    return left != right ? left < right : a.doc > b.doc;
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

enum { RUN = 64 }; /* articles whose best score is kept together */

/* The best `wanted` of the articles that score more than `floor` into a heap; how many.
 *
 * `best` holds the best score of each run of articles: most runs need no look. */
static int64_t pick(const float *score, int64_t size, const float *best, float floor, int64_t wanted,
                    Ranked *heap)
{
    int64_t count = 0;
    for (int64_t run = 0; RUN * run < size && wanted; run++) {
        if (best[run] <= floor)
            continue;
        const int64_t end = RUN * (run + 1) < size ? RUN * (run + 1) : size;
        for (int64_t doc = RUN * run; doc < end; doc++) {
            if (score[doc] <= floor)
                continue;
            const Ranked one = {score[doc], (int32_t)doc};
            if (count < wanted)
                rise(heap, count++, one);
            else if (is_worse(heap[0], one))
                sink(heap, count, one);
            if (count == wanted)
                floor = heap[0].score; /* of equals those with lower numbers are there already */
        }
    }
    return count;
}

/* The best score of each run of articles. */
static void best_of_runs(const float *score, int64_t size, float *best)
{
    for (int64_t run = 0; RUN * run < size; run++) {
        const int64_t end = RUN * (run + 1) < size ? RUN * (run + 1) : size;
        float most = score[RUN * run];
        for (int64_t doc = RUN * run; doc < end; doc++)
            most = score[doc] > most ? score[doc] : most;
        best[run] = most;
    }
}

/* Lets only allowed articles keep their score; how many then score at all. */
static int64_t keep_allowed(int64_t size, float *total, const uint8_t *allowed)
{
    int32_t some = 0;
    for (int64_t doc = 0; doc < size; doc++) {
        const float one = allowed[doc] ? total[doc] : 0.0f;
        total[doc] = one;
        some += one != 0;
    }
    return some;
}

/* The lowest score of candidates, and how many of them are wanted at most. */
static float floor_of(const float *score, int64_t size, const float *best, float most_of_all,
                      const Choice *choice, int64_t *wanted)
{
    const int64_t min_count = choice->least;
    const float floors[2] = {(float)choice->share * most_of_all,
                             (float)(choice->share / 2) * most_of_all};
    int64_t near = 0, above[2] = {0, 0};
    for (int64_t run = 0; RUN * run < size; run++) {
        if (best[run] <= floors[1])
            continue;
        const int64_t end = RUN * (run + 1) < size ? RUN * (run + 1) : size;
        int32_t counts[3] = {0, 0, 0};
        for (int64_t doc = RUN * run; doc < end; doc++) {
            counts[0] += score[doc] >= floors[0];
            counts[1] += score[doc] > floors[0];
            counts[2] += score[doc] > floors[1];
        }
        near += counts[0];
        above[0] += counts[1];
        above[1] += counts[2];
    }
    near = near > min_count ? near : min_count;
    *wanted = near < *wanted ? near : *wanted;
    return above[0] >= min_count ? floors[0] : above[1] >= min_count ? floors[1] : 0.0f;
}

/* The articles to re-score, ascending; `total` is 0 afterwards where that is not allowed.
 *
 * `most` of them at most; all that score more than `share` of the best, and at least `least`.
 * `hits` becomes the number of all articles that score at all.
 */
int64_t kb_candidates(int64_t size, float *total, const uint8_t *allowed, const float *boost,
                      const Choice *choice, int32_t *docs, int64_t *hits)
{
    int64_t most = choice->most;
    const size_t runs = (size_t)size / RUN + 1;
    float *own = malloc((runs + (boost ? (size_t)size : 0)) * sizeof *own);
    Ranked *heap = malloc(((size_t)most + 1) * sizeof *heap);
    if (!own || !heap) {
        free(own);
        free(heap);
        return NO_MEMORY;
    }
    float *best = own, *boosted = own + runs;
    *hits = keep_allowed(size, total, allowed);
    if (boost)
        for (int64_t doc = 0; doc < size; doc++)
            boosted[doc] = total[doc] * boost[doc];
    const float *score = boost ? boosted : total;
    best_of_runs(score, size, best);
    float most_of_all = 0;
    for (int64_t run = 0; RUN * run < size; run++)
        most_of_all = best[run] > most_of_all ? best[run] : most_of_all;
    int64_t count = 0;
    if (most_of_all > 0) {
        const float floor = floor_of(score, size, best, most_of_all, choice, &most);
        count = pick(score, size, best, floor, most, heap);
    }
    for (int64_t i = 0; i < count; i++)
        docs[i] = heap[i].doc;
    qsort(docs, (size_t)count, sizeof *docs, by_doc);
    free(heap);
    free(own);
    return count;
}

static int by_rank(const void *a, const void *b)
{
    return is_worse(*(const Ranked *)a, *(const Ranked *)b) ? 1 : -1;
}

/* The best `most` of the articles that score above 0, best first, lower numbers first of equals. */
int64_t kb_best_hits(int64_t size, const float *score, int64_t most, int32_t *docs)
{
    float *best = malloc(((size_t)size / RUN + 1) * sizeof *best);
    Ranked *heap = malloc(((size_t)most + 1) * sizeof *heap);
    int64_t count = best && heap ? 0 : NO_MEMORY;
    if (!count) {
        best_of_runs(score, size, best);
        count = pick(score, size, best, 0.0f, most, heap);
        qsort(heap, (size_t)count, sizeof *heap, by_rank);
        for (int64_t i = 0; i < count; i++)
            docs[i] = heap[i].doc;
    }
    free(heap);
    free(best);
    return count;
}

/* ---------------------------------------------------------------- what stands in candidates */

/* What a word is: 0 only its letters are shared, 1 + i a synonym of word i of the query,
 * 1 + words + i a form of it. And how often it was found in what is looked at. */
typedef struct { int32_t code, often; } Row;

/* The grams of a query, and for every word that shares one or stands for a word of it a row. */
typedef struct {
    int64_t grams, across;  /* grams, and 64-bit words of a mask of them */
    float *gain;           /* per gram */
    int64_t *spans;         /* per gram and segment: from, to in the segment's `gram_words` */
    int64_t rows, most;     /* used (row 0 is none), room for */
    int64_t first;          /* row of the segment that is looked at */
    Row *row;
    int32_t *word;          /* per row, the word of the segment */
    uint64_t *masks;        /* per row, which grams the word has */
    uint64_t *near;         /* a bit per word of the segment: whether it has a row */
} Rows;

static void drop_rows(Rows *rows)
{
    free(rows->gain);
    free(rows->spans);
    free(rows->masks);
    free(rows->near);
    free(rows->row);
    free(rows->word);
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
    rows->gain = malloc(((size_t)letters + 1) * sizeof *rows->gain);
    rows->spans = malloc(((size_t)(letters * segments) + 1) * 2 * sizeof *rows->spans);
    uint64_t *keys = malloc(((size_t)letters + 1) * sizeof *keys);
    if (!rows->gain || !rows->spans || !keys) {
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
                if (!has_owner(segment->gram_ptr, place) || place >= segment->gram_df.count) {
                    error = DAMAGED;
                    break;
                }
                span[2 * s] = segment->gram_ptr.at[place];
                span[2 * s + 1] = segment->gram_ptr.at[place + 1];
                frequency += segment->gram_df.at[place];
                if (!is_part(span[2 * s], span[2 * s + 1], segment->gram_words.count)) {
                    error = DAMAGED;
                    break;
                }
            }
            if (frequency && !error)
                rows->gain[rows->grams++] =
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
    if (!has_owner(segment->lemma_ptr, place.number))
        return DAMAGED;
    const int64_t from = segment->lemma_ptr.at[place.number];
    const int64_t to = segment->lemma_ptr.at[place.number + 1];
    if (!is_part(from, to, segment->lemma_words.count))
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
    if (!is_part(bounds[0], bounds[1], corpus->segment[s].words))
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
            const int64_t others = count_words_of(corpus, query, word->synonyms_from,
                                                  word->synonyms_to, s);
            if (forms < 0 || others < 0)
                return DAMAGED;
            rows->most += forms + others;
        }
    rows->rows = rows->first = 1;
    rows->masks = malloc(((size_t)(rows->most * rows->across) + 1) * sizeof *rows->masks);
    rows->row = malloc((size_t)rows->most * sizeof *rows->row);
    rows->word = malloc((size_t)rows->most * sizeof *rows->word);
    int64_t words = 0;
    for (int64_t s = 0; s < corpus->segments; s++)
        words = corpus->segment[s].words > words ? corpus->segment[s].words : words;
    rows->near = calloc((size_t)words / 64 + 1, sizeof *rows->near);
    return rows->masks && rows->row && rows->word && rows->near ? 0 : NO_MEMORY;
}

/* The row of a word of a segment, its next one if it has none; below 0 if there is no such word. */
static int64_t row_of(const Segment *segment, int32_t *table, Rows *rows, int64_t word)
{
    if (word < 0 || word >= segment->words)
        return DAMAGED;
    const uint64_t bit = 1ull << (word % 64);
    if (rows->near[word / 64] & bit)
        return table[word];
    const int64_t row = rows->rows++;
    rows->near[word / 64] |= bit;
    table[word] = (int32_t)row;
    rows->word[row] = (int32_t)word;
    rows->row[row] = (Row){0, 0};
    for (int64_t part = 0; part < rows->across; part++)
        rows->masks[row * rows->across + part] = 0;
    return row;
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
        error = visit_places(corpus, query, rows, s, query->word[w].synonyms_from,
                             query->word[w].synonyms_to, (int32_t)(1 + w), visit);
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

/* Takes the rows of a segment away again. */
static void clear_table(int32_t *table, Rows *rows)
{
    for (int64_t row = rows->first; row < rows->rows; row++) {
        table[rows->word[row]] = 0;
        rows->near[rows->word[row] / 64] = 0;
    }
    rows->first = rows->rows;
}

/* Where an article's content stands in its segment, where its title ends there, and where the
 * files begin that it links to. */
typedef struct { int64_t from, to, title, own; } Span;

static int64_t content_of(const Segment *segment, int64_t doc, Span *span)
{
    if (!has_owner(segment->content_ptr, doc) || doc >= segment->content_title.count
        || doc >= segment->content_own.count)
        return DAMAGED;
    span->from = segment->content_ptr.at[doc];
    span->to = segment->content_ptr.at[doc + 1];
    if (!is_part(span->from, span->to, segment->content_words.count)
        || !is_part(span->from, span->to, segment->content_line.count)
        || !is_part(span->from, span->to, segment->content_token.count))
        return DAMAGED;
    const int64_t title = segment->content_title.at[doc];
    if (!is_part(0, title, span->to - span->from))
        return DAMAGED;
    span->title = span->from + 2 + title; /* after a border of two */
    const int64_t own = segment->content_own.at[doc];
    if (!is_part(0, own, span->to - span->from))
        return DAMAGED;
    span->own = span->from + own;
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
    const float *query_weights; /* what each word is gain, per question */
    float *tf, *factor;  /* per gram: how often, and its gain */
    int32_t *touched;    /* rows that were found */
    int32_t *pairs;      /* per article and pair of words: how often */
    Lined *lined;
    int64_t lines, room;
    float *coverage;     /* per block of an article and word: 1, or what a synonym counts */
    int32_t *blocks, *found; /* and where words with a row stand in an article */
    int64_t most_blocks;
    float *content, *title, *order, *place, *line, *most; /* results, per article */
} Rescoring;

/* BM25's saturated count of each gram in what was touched, times its gain. */
static float letters(Rescoring *state, int64_t touched, float norm)
{
    const Rows *rows = &state->rows;
    memset(state->tf, 0, (size_t)rows->grams * sizeof *state->tf);
    for (int64_t i = 0; i < touched; i++) {
        const int64_t row = state->touched[i];
        for (int64_t part = 0; part < rows->across; part++)
            for (uint64_t mask = rows->masks[row * rows->across + part]; mask; mask &= mask - 1)
                state->tf[64 * part + __builtin_ctzll(mask)] += (float)rows->row[row].often;
    }
    float sum = 0;
    for (int64_t g = 0; g < rows->grams; g++)
        sum += state->factor[g] * (state->tf[g] / (state->tf[g] + norm));
    return sum;
}

/* The most that one place holds: two neighbouring blocks and the title. */
static void best_place(const Rescoring *state, int64_t blocks, float *most)
{
    const int64_t words = state->query->words;
    const float *title = blocks && state->blocks[0] == -2 ? state->coverage : NULL;
    for (int64_t b = 0; b < blocks; b++) {
        const float *own = &state->coverage[b * words], *next = NULL;
        if (b + 1 < blocks && state->blocks[b + 1] - state->blocks[b] == 1)
            next = own + words;
        for (int64_t q = 0; q < state->questions; q++) {
            const float *query_weight = &state->query_weights[q * words];
            float sum = 0;
            for (int64_t w = 0; w < words; w++) {
                float value = own[w];
                if (next && next[w] > value)
                    value = next[w];
                if (title && title[w] > value)
                    value = title[w];
                sum += value * query_weight[w];
            }
            float *best = &most[q * state->units];
            if (sum > *best)
                *best = sum;
        }
    }
}

static int64_t keep_line(Rescoring *state, int64_t unit, int32_t line, int32_t row)
{
    if (state->lines == state->room) {
        const int64_t room = state->room ? 2 * state->room : 1024;
        Lined *more = realloc(state->lined, (size_t)room * sizeof *more);
        if (!more)
            return NO_MEMORY;
        state->lined = more;
        state->room = room;
    }
    state->lined[state->lines++] = (Lined){(int32_t)unit, line, row};
    return 0;
}

static int64_t make_blocks(Rescoring *state, int64_t length)
{
    const int64_t blocks = length / state->weights->block + 5;
    if (blocks <= state->most_blocks)
        return 0;
    free(state->coverage);
    free(state->blocks);
    free(state->found);
    state->coverage = malloc((size_t)(blocks * state->query->words + 1) * sizeof *state->coverage);
    state->blocks = malloc((size_t)blocks * sizeof *state->blocks);
    state->found = malloc((size_t)(blocks * state->weights->block) * sizeof *state->found);
    state->most_blocks = blocks;
    return state->coverage && state->blocks && state->found ? 0 : NO_MEMORY;
}

/* Where words with a row stand in an article, in `found`; how many. */
static int64_t find_near(const Segment *segment, const uint64_t *near, const Span *span,
                         int32_t *found)
{
    const int32_t *words = segment->content_words.at + span->from;
    const uint32_t last = (uint32_t)segment->words; /* stands for words that were not counted */
    const int64_t length = span->to - span->from;
    int64_t count = 0;
    uint32_t most = 0;
    for (int64_t i = 0; i < length; i++) {
        const uint32_t word = (uint32_t)words[i];
        most = word > most ? word : most;
        const uint32_t place = word < last ? word : last;
        found[count] = (int32_t)i;
        count += near[place / 64] >> (place % 64) & 1;
    }
    return most > last ? DAMAGED : count;
}

/* Counts a pair with each of the two words before, and puts the word in their place. */
typedef struct { int64_t at[2], word[2]; } Before;

static void count_pairs(Before *last, int64_t at, int64_t word, int32_t *pairs)
{
    for (int step = 0; step < 2; step++) {
        const int64_t apart = word - last->word[step];
        if (at - last->at[step] <= 2 && apart >= 1 && apart <= 2)
            pairs[2 * last->word[step] - 1 + apart]++;
    }
    *last = (Before){{at, last->at[0]}, {word, last->word[0]}};
}

/* One pass through an article's content: letters, pairs, places; lines are kept for later. */
static int64_t read_article(Rescoring *state, const Segment *segment, const int32_t *table, int64_t unit)
{
    const int64_t doc = state->docs[unit], words = state->query->words;
    const Weights *weights = state->weights;
    Row *rows = state->rows.row;
    Span span;
    int64_t error = content_of(segment, doc - segment->base, &span);
    if (!error)
        error = make_blocks(state, span.to - span.from);
    const int64_t near = error ? error
        : find_near(segment, state->rows.near, &span, state->found);
    if (near < 0)
        return near;
    int64_t touched = 0, blocks = 0, is_titled = 0;
    Before last = {{INT64_MIN / 2, INT64_MIN / 2}, {0, 0}};
    for (int64_t n = 0; n < near; n++) {
        const int64_t at = span.from + state->found[n];
        if (at >= span.title && !is_titled) {
            is_titled = 1;
            if (touched)
                state->title[unit] =
                    weights->title * letters(state, touched, state->corpus->title_norm.at[doc]);
        }
        const int32_t row = table[segment->content_words.at[at]];
        const int is_own = at < span.own;
        if (is_own && !rows[row].often++)
            state->touched[touched++] = row;
        if (segment->content_line.at[at]) {
            error = keep_line(state, unit, segment->content_line.at[at], row);
            if (error)
                return error;
        }
        const int32_t code = rows[row].code - 1;
        if (code < 0)
            continue;
        const int64_t word = code % words;
        const int32_t block = at < span.title ? -2
            : is_own ? (int32_t)((at - span.title) / weights->block)
                     : FILES + (int32_t)((at - span.own) / weights->block);
        if (!blocks || state->blocks[blocks - 1] != block) {
            memset(&state->coverage[blocks * words], 0, (size_t)words * sizeof *state->coverage);
            state->blocks[blocks++] = block;
        }
        float *covered = &state->coverage[(blocks - 1) * words + word];
        const float whole = is_own ? 1 : weights->attached;
        if (code < words) {
            if (state->query->synonym_weights[word] * whole > *covered)
                *covered = state->query->synonym_weights[word] * whole;
            continue;
        }
        *covered = whole;
        if (is_own)
            count_pairs(&last, at, word, &state->pairs[unit * 2 * words]);
    }
    if (touched) {
        const float norm = state->corpus->content_norm.at[doc];
        state->content[unit] = weights->body * letters(state, touched, norm);
        if (!is_titled)
            state->title[unit] =
                weights->title * letters(state, touched, state->corpus->title_norm.at[doc]);
    }
    for (int64_t i = 0; i < touched; i++)
        rows[state->touched[i]].often = 0;
    best_place(state, blocks, &state->most[unit]);
    return 0;
}

/* BM25 of pairs of words; how rare a pair is is judged among the candidates. */
static void score_pairs(Rescoring *state)
{
    const int64_t columns = 2 * state->query->words;
    for (int64_t pair = 0; pair < columns; pair++) {
        int64_t frequency = 0;
        for (int64_t unit = 0; unit < state->units; unit++)
            frequency += state->pairs[unit * columns + pair] != 0;
        if (!frequency)
            continue;
        const double gain =
            idf(state->corpus->live, frequency) * state->weights->pairs * (state->corpus->k1 + 1.0);
        for (int64_t unit = 0; unit < state->units; unit++) {
            const double often = state->pairs[unit * columns + pair];
            if (often)
                state->order[unit] += (float)(gain * often
                    / (often + state->corpus->content_norm.at[state->docs[unit]]));
        }
    }
}

static int descending(const void *a, const void *b)
{
    const int32_t left = rank_of(*(const float *)a), right = rank_of(*(const float *)b);
    return (left < right) - (left > right);
}

/* What an article must score for its lines to be compared; below 0: out of memory. */
static int64_t line_floor(const Rescoring *state, const float *scores, float *floor)
{
    *floor = -1;
    if (state->units <= state->weights->lined)
        return 0;
    float *sorted = malloc((size_t)state->units * sizeof *sorted);
    if (!sorted)
        return NO_MEMORY;
    memcpy(sorted, scores, (size_t)state->units * sizeof *sorted);
    qsort(sorted, (size_t)state->units, sizeof *sorted, descending);
    *floor = sorted[state->weights->lined - 1];
    free(sorted);
    return 0;
}

/* BM25 of letters of the best heading or answered question, of the best articles so far. */
static int64_t score_lines(Rescoring *state, const float *scores)
{
    const Corpus *corpus = state->corpus;
    float floor, all = 0;
    if (line_floor(state, scores, &floor) < 0)
        return NO_MEMORY;
    for (int64_t g = 0; g < state->rows.grams; g++)
        all += state->factor[g];
    for (int64_t from = 0, to; from < state->lines; from = to) {
        const Lined first = state->lined[from];
        for (to = from; to < state->lines && state->lined[to].unit == first.unit
                        && state->lined[to].line == first.line; to++)
            ;
        if (scores[first.unit] < floor)
            continue;
        const int64_t doc = state->docs[first.unit];
        const int64_t before = corpus->first_line.at[doc];
        if (!is_part(0, before, corpus->line_norm.count))
            return DAMAGED;
        const int64_t number = before + first.line - 1; /* lines of an article count from 1 */
        if (number < 0 || number >= corpus->line_norm.count
            || number >= corpus->words_of_line.count || number >= corpus->claims.count)
            return DAMAGED;
        int64_t touched = 0;
        for (int64_t i = from; i < to; i++)
            if (!state->rows.row[state->lined[i].row].often++)
                state->touched[touched++] = state->lined[i].row;
        float found = state->weights->line * letters(state, touched, corpus->line_norm.at[number]);
        for (int64_t i = 0; i < touched; i++)
            state->rows.row[state->touched[i]].often = 0;
        int64_t missing = 0;
        for (int64_t g = 0; g < state->rows.grams; g++)
            missing += state->tf[g] == 0;
        if (!missing && corpus->words_of_line.at[number] == state->query->words)
            found += state->weights->claimed * corpus->claims.at[number] * all;
        if (found > state->line[first.unit])
            state->line[first.unit] = found;
    }
    return 0;
}

static int64_t look_at_all(Rescoring *state, const float *scores)
{
    const Corpus *corpus = state->corpus;
    int64_t unit = 0;
    for (int64_t s = 0; s < corpus->segments; s++) {
        const Segment *segment = &corpus->segment[s];
        const int64_t end = segment->base + segment->size;
        if (unit >= state->units || state->docs[unit] >= end)
            continue;
        int64_t error = fill_table(corpus, state->query, &state->rows, s);
        for (; !error && unit < state->units && state->docs[unit] < end; unit++)
            error = read_article(state, segment, state->query->tables[s], unit);
        clear_table(state->query->tables[s], &state->rows);
        if (error)
            return error;
    }
    score_pairs(state);
    float *sums = malloc(((size_t)state->units + 1) * sizeof *sums);
    if (!sums)
        return NO_MEMORY;
    for (unit = 0; unit < state->units; unit++) {
        state->place[unit] = state->weights->place * state->most[unit];
        sums[unit] = scores[unit] + (state->content[unit] + state->title[unit] + state->order[unit]
                                     + state->place[unit]);
    }
    const int64_t error = score_lines(state, sums);
    free(sums);
    return error;
}

typedef struct { float score; int32_t updated, unit; } Ordered;

static int better_first(const void *a, const void *b)
{
    const Ordered *left = a, *right = b;
    const int32_t first = rank_of(left->score), second = rank_of(right->score);
    if (first != second)
        return first < second ? 1 : -1;
    if (left->updated != right->updated)
        return left->updated < right->updated ? 1 : -1;
    return (left->unit > right->unit) - (left->unit < right->unit);
}

/* The whole scores, and the order: what scores the same to three places, newest first. */
static int64_t put_in_order(const Rescoring *state, const float *words, const float *boost,
                            float *scores, int32_t *order)
{
    Ordered *all = malloc(((size_t)state->units + 1) * sizeof *all);
    if (!all)
        return NO_MEMORY;
    for (int64_t unit = 0; unit < state->units; unit++) {
        const int32_t doc = state->docs[unit];
        scores[unit] = words[unit] + (state->content[unit] + state->title[unit] + state->order[unit]
                                      + state->place[unit] + state->line[unit]);
        if (boost)
            scores[unit] *= boost[doc];
        all[unit] = (Ordered){rintf(scores[unit] * 1000.0f) / 1000.0f,
                              state->corpus->updated.at[doc], (int32_t)unit};
    }
    qsort(all, (size_t)state->units, sizeof *all, better_first);
    for (int64_t unit = 0; unit < state->units; unit++)
        order[unit] = all[unit].unit;
    free(all);
    return 0;
}

/* What letters, order and nearness of words add to each candidate (articles ascend).
 *
 * `parts` gets content, title, order, place and line, each for all articles; `most` for each
 * question what the best place of each article holds of it. Question 0 is the one ranked by.
 * `scores` and `order` become the whole scores, boost included, and the places of the articles.
 */
int64_t kb_rescore(const Corpus *corpus, const Query *query, const Weights *weights, int64_t units,
                   const int32_t *docs, const float *words, const float *boost, int64_t questions,
                   const float *query_weights, float *parts, float *most, float *scores, int32_t *order)
{
    if (query->words > MOST_WORDS)
        return DAMAGED;
    Rescoring state = {
        .corpus = corpus, .query = query, .weights = weights, .units = units, .docs = docs,
        .questions = questions, .query_weights = query_weights, .content = parts, .title = parts + units,
        .order = parts + 2 * units, .place = parts + 3 * units, .line = parts + 4 * units,
        .most = most,
    };
    memset(parts, 0, (size_t)(5 * units) * sizeof *parts);
    memset(most, 0, (size_t)(questions * units) * sizeof *most);
    int64_t error = find_grams(corpus, query, &state.rows);
    if (!error)
        error = make_rows(corpus, query, &state.rows);
    if (!error) {
        const size_t grams = (size_t)state.rows.grams + 1, rows = (size_t)state.rows.most;
        state.tf = malloc(grams * sizeof *state.tf);
        state.factor = malloc(grams * sizeof *state.factor);
        state.touched = malloc(rows * sizeof *state.touched);
        state.pairs = calloc((size_t)(units * 2 * query->words) + 1, sizeof *state.pairs);
        if (!state.tf || !state.factor || !state.touched || !state.pairs)
            error = NO_MEMORY;
    }
    if (!error) {
        for (int64_t g = 0; g < state.rows.grams; g++)
            state.factor[g] = state.rows.gain[g] * (corpus->k1 + 1.0f);
        error = look_at_all(&state, words);
    }
    if (!error)
        error = put_in_order(&state, words, boost, scores, order);
    free(state.tf);
    free(state.factor);
    free(state.touched);
    free(state.pairs);
    free(state.lined);
    free(state.coverage);
    free(state.blocks);
    free(state.found);
    drop_rows(&state.rows);
    return error;
}

/* The candidates by the scores of all articles, best first; how many.
 *
 * `covered` becomes for each question the most that one place of the first holds of it; the other
 * arguments are as of `kb_candidates` and `kb_rescore`.
 */
int64_t kb_ranked(const Corpus *corpus, const Query *query, const Weights *weights,
                  const Choice *choice, float *total, const uint8_t *allowed, const float *boost,
                  int64_t questions, const float *query_weights, int32_t *docs, float *scores,
                  float *covered, int64_t *hits)
{
    const size_t most = (size_t)choice->most, rows = 1 + 5 + 1 + (size_t)questions;
    float *made = malloc((rows * most + 1) * sizeof *made);
    int32_t *found = malloc((2 * most + 1) * sizeof *found), *order = found + most;
    int64_t units = made && found
        ? kb_candidates(corpus->size, total, allowed, boost, choice, found, hits) : NO_MEMORY;
    if (units >= 0) {
        float *words = made, *whole = words + most, *parts = whole + most;
        float *places = parts + 5 * units;
        for (int64_t unit = 0; unit < units; unit++)
            words[unit] = total[found[unit]];
        const int64_t error = kb_rescore(corpus, query, weights, units, found, words, boost,
                                         questions, query_weights, parts, places, whole, order);
        for (int64_t q = 0; q < questions; q++)
            covered[q] = 0;
        for (int64_t n = 0; n < units && !error; n++) {
            docs[n] = found[order[n]];
            scores[n] = whole[order[n]];
            for (int64_t q = 0; q < questions && n < choice->first; q++) {
                const float one = places[q * units + order[n]];
                covered[q] = one > covered[q] ? one : covered[q];
            }
        }
        units = error ? error : units;
    }
    free(found);
    free(made);
    return units;
}

/* ---------------------------------------------------------------- excerpts */

typedef struct { int32_t token, word; } Match;
typedef struct { int32_t region, from, to; } Group; /* matches of one region */

typedef struct {
    int32_t number, body, headed, words;
    int32_t word[2 * MOST_WORDS];
    double share[2 * MOST_WORDS];
} SectionWords; /* a section: the region of its body (-1: none), whether its heading holds words of the
                   query, and those it holds, in order */

typedef struct {
    const Segment *segment;
    int64_t regions, tokens, bytes;        /* how many the article has */
    int64_t region, token, byte;           /* where its own begin in the segment */
    int64_t matches, groups;
    Match match[MOST_MARKS + MOST_ATTACHED];
    Group group[MOST_MARKS + 1];
    SectionWords sections[MOST_MARKS + 1];
} Article;

static int64_t open_article(const Segment *segment, int64_t doc, Article *article)
{
    if (!has_owner(segment->regions_ptr, doc) || !has_owner(segment->tokens_ptr, doc)
        || !has_owner(segment->texts_ptr, doc))
        return DAMAGED;
    const int64_t *region = &segment->regions_ptr.at[doc], *token = &segment->tokens_ptr.at[doc];
    const int64_t *byte = &segment->texts_ptr.at[doc];
    if (!is_part(region[0], region[1], segment->regions_kind.count)
        || !is_part(region[0], region[1], segment->regions_section.count)
        || !is_part(region[0], region[1], segment->regions_token.count)
        || !is_part(region[0], region[1], segment->regions_byte.count)
        || !is_part(token[0], token[1], segment->tokens_start.count)
        || !is_part(token[0], token[1], segment->tokens_end.count)
        || !is_part(byte[0], byte[1], segment->texts_blob.count))
        return DAMAGED;
    article->segment = segment;
    article->region = region[0];
    article->token = token[0];
    article->byte = byte[0];
    article->regions = region[1] - region[0];
    article->tokens = token[1] - token[0];
    article->bytes = byte[1] - byte[0];
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

/* The word of the query at a place of the content: 1, or 0 if another word stands there. */
static int64_t match_at(const Article *article, const int32_t *table, int64_t at, int64_t words,
                        Match *match)
{
    const Segment *segment = article->segment;
    const int32_t number = segment->content_words.at[at];
    if (number < 0 || number > segment->words)
        return DAMAGED;
    const int32_t code = table[number] - 1;
    if (code < 0)
        return 0;
    const int32_t token = segment->content_token.at[at];
    if (token < 0 || token >= article->tokens || !article->regions)
        return DAMAGED;
    *match = (Match){token, (int32_t)(code < words ? words + code : code - words)};
    return 1;
}

/* The region of a token at or after those of `region`, which is -1 at first. */
static int64_t region_of(const Article *article, int64_t region, int32_t token)
{
    region = region < 0 ? 0 : region;
    while (region + 1 < article->regions && first_token(article, region + 1) <= token)
        region++;
    return region;
}

/* Keeps the matches of one page of a file if its distinct words weigh more than `most`. */
static void keep_page(Article *article, const Match *page, int64_t matches, int64_t region,
                      double sum, double *most)
{
    if (!matches || sum <= *most)
        return;
    *most = sum;
    memcpy(&article->match[article->matches], page, (size_t)matches * sizeof *page);
    article->group[article->groups] = (Group){(int32_t)region, (int32_t)article->matches,
                                              (int32_t)(article->matches + matches)};
}

/* Adds the words of the query in the files of an article: those of the page that holds most. */
static int64_t find_page(Article *article, const int32_t *table, const Span *span, int64_t words,
                         const double *gain)
{
    Match page[MOST_ATTACHED];
    int64_t region = -1, until = 0, matches = 0;
    uint64_t seen = 0;
    double sum = 0, most = 0;
    for (int64_t at = span->own; at < span->to; at++) {
        Match match;
        const int64_t found = match_at(article, table, at, words, &match);
        if (found < 0)
            return found;
        if (!found)
            continue;
        if (match.token >= until) {
            keep_page(article, page, matches, region, sum, &most);
            region = region_of(article, region, match.token);
            until = first_token(article, region + 1);
            matches = 0;
            seen = 0;
            sum = 0;
        }
        if (!(seen >> match.word & 1)) {
            seen |= 1ull << match.word;
            sum += gain[match.word];
        }
        if (matches < MOST_ATTACHED)
            page[matches++] = match;
    }
    keep_page(article, page, matches, region, sum, &most);
    if (most > 0) {
        article->matches = article->group[article->groups].to;
        article->groups++;
    }
    return 0;
}

/* The first words of the query in an article, and in which regions they stand; of its files those
 * of the best page. */
static int64_t find_matches(Article *article, const int32_t *table, int64_t doc, int64_t words,
                            const double *gain)
{
    Span span;
    if (content_of(article->segment, doc, &span) < 0)
        return DAMAGED;
    int64_t region = -1, until = 0;
    article->matches = article->groups = 0;
    for (int64_t at = span.from; at < span.own && article->matches < MOST_MARKS; at++) {
        Match match;
        const int64_t found = match_at(article, table, at, words, &match);
        if (found < 0)
            return found;
        if (!found)
            continue;
        if (match.token >= until) {
            region = region_of(article, region, match.token);
            until = first_token(article, region + 1);
            article->group[article->groups++] =
                (Group){(int32_t)region, (int32_t)article->matches, 0};
        }
        article->match[article->matches++] = match;
        article->group[article->groups - 1].to = (int32_t)article->matches;
    }
    return find_page(article, table, &span, words, gain);
}

/* The first body of the article, -1 for none. */
static int64_t beginning(const Article *article)
{
    for (int64_t region = 0; region < article->regions; region++)
        if (kind_of(article, region) == BODY || kind_of(article, region) == CLOSING)
            return region;
    return -1;
}

/* Whether a region is read first: title, short answer, and the section of the beginning. */
static int is_front(const Article *article, int64_t region, int64_t first)
{
    const int kind = kind_of(article, region);
    if (kind >= HEADING)
        return first >= 0 && section_of(article, region) == section_of(article, first);
    return kind == TITLE || kind == SUMMARY;
}

/* Adds a word to a section, with the share it counts; of several shares the highest. */
static void add_word(SectionWords *section, int32_t word, double share)
{
    int32_t w = 0;
    while (w < section->words && section->word[w] != word)
        w++;
    if (w == section->words) {
        section->word[section->words++] = word;
        section->share[w] = share;
    } else if (section->share[w] < share)
        section->share[w] = share;
}

/* The words of the query in each section but the front; those of the front are bits of `front`. */
static int64_t collect_sections(Article *article, int64_t first, int64_t words, const Cut *cut, uint64_t *front)
{
    int64_t sections = 0;
    for (int64_t n = 0; n < article->groups; n++) {
        const Group group = article->group[n];
        const int kind = kind_of(article, group.region);
        if (is_front(article, group.region, first)) {
            for (int32_t i = group.from; i < group.to; i++)
                *front |= 1ull << article->match[i].word % words;
            continue;
        }
        if (kind < HEADING)
            continue;
        const int32_t number = section_of(article, group.region);
        int64_t s = 0;
        while (s < sections && article->sections[s].number != number)
            s++;
        SectionWords *section = &article->sections[s];
        if (s == sections) {
            sections++;
            section->number = number;
            section->body = -1;
            section->headed = 0;
            section->words = 0;
        }
        section->headed |= kind == HEADING;
        const double share = kind == HEADING ? cut->headed : kind == ATTACHED ? cut->attached : 1.0;
        for (int32_t i = group.from; i < group.to; i++)
            add_word(section, article->match[i].word, share);
    }
    return sections;
}

/* The body of the section that holds most of the query, of those that hold some of it beyond the
 * title and the beginning; else the beginning. See `snippets.Highlighter`. */
static int64_t best_body(Article *article, const double *gain, int64_t words, const Cut *cut)
{
    const int64_t first = beginning(article);
    uint64_t front = 0;
    const int64_t sections = collect_sections(article, first, words, cut, &front);
    for (int64_t region = 0; region < article->regions; region++) {
        const int kind = kind_of(article, region);
        for (int64_t s = 0; s < sections && kind >= BODY; s++) {
            SectionWords *section = &article->sections[s];
            if (section->number == section_of(article, region) && section->body < 0
                && (kind == BODY || kind == ATTACHED || (kind == CLOSING && section->headed)))
                section->body = (int32_t)region;
        }
    }
    double needed = 0;
    for (int64_t w = 0; w < words; w++)
        needed += gain[w];
    needed *= cut->added;
    double most = -1;
    int64_t best = first;
    for (int64_t s = 0; s < sections; s++) {
        const SectionWords *section = &article->sections[s];
        double sum = 0, added = 0;
        for (int32_t w = 0; w < section->words; w++) {
            const double worth = section->share[w] * gain[section->word[w]];
            sum += worth;
            if (!(front >> section->word[w] % words & 1))
                added += worth;
        }
        if (section->body >= 0 && added > 0 && added >= needed && sum > most) {
            most = sum;
            best = section->body;
        }
    }
    return best;
}

/* The token a passage is to begin with, so that its distinct words weigh most. */
static int32_t best_window(const Match *match, int64_t matches, const double *gain, const Cut *cut)
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
            sum += gain[match[j].word] * (seen & bit ? cut->again : 1 + cut->again);
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
        int64_t end = article->segment->tokens_end.at[article->token + match[i].token];
        if (end > high) /* a compound of which the passage holds the first parts only */
            end = high;
        if (end <= done) /* a part of a compound that is marked already */
            continue;
        if (start < done)
            start = done;
        if (start > end)
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

static int64_t write_excerpt(Article *article, const double *gain, int64_t words, const Cut *cut, int32_t *out)
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
    const int64_t region = best_body(article, gain, words, cut);
    out[SECTION] = -1;
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
    int64_t first = matches ? best_window(found, matches, gain, cut) : begin;
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
    if (region != beginning(article))
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
 * room for 2 * MOST_MARKS pairs. `gain` is of each word of the query, then of its synonyms.
 */
int64_t kb_excerpts(const Corpus *corpus, const Query *query, const double *gain, const Cut *cut,
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
                error = find_matches(article, query->tables[s], doc, query->words, gain);
            if (error)
                break;
            const int64_t more = write_excerpt(article, gain, query->words, cut, out + written);
            error = more < 0 ? more : 0;
            written += more;
        }
        visit_all(corpus, query, &no_grams, s, forget);
    }
    free(article);
    return error ? error : written;
}
