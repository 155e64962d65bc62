"""Do Atlas's tags say what people say? Tags of passages against human subject headings, keywords and categories.

    python benchmarks/tag_quality.py --data DIR [--sets a,b] [--passages 200] [--json FILE]

The matching rule stands in ``tag_match.py``; passages, labels and halves in ``label_sets.py``. Reported on the test
half, which nothing was fitted on. Baselines in the same run, each with the number of tags (3 to 10) that gives its
best F1 on the tune half: TF-IDF n-grams, YAKE, KeyBERT (``pip install yake keybert``). ``atlas-model-alone`` is what
the language model wrote, without the choice among phrases. ``f1_low`` and ``f1_high``: 95 % bootstrap interval.
``--kept`` names a file that keeps what the model wrote and the baselines found, so that another choice among phrases
is measured against the same in a minute; delete it to begin anew.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from label_sets import SETS, Labelled, labelled
from rows import Row, finish
from sklearn.feature_extraction.text import TfidfVectorizer
from tag_match import Matcher, Matches, interval, scores

from atlas.digest import of_json
from atlas.llm.base import Engine
from atlas.llm.ctranslate2 import CTranslate2Config, load
from atlas.models.encoder import encoder
from atlas.tagging.prompt import default_prompt
from atlas.tagging.question import asking
from atlas.tagging.stage import chooser, tag_passages

Tags = list[list[str]]
Keep = Callable[[str, Callable[[], Tags]], Tags]  # a name and how to get its tags, where they are not kept yet
ENCODER = "all-minilm-l6-v2"
BASELINE_COUNTS = (3, 4, 5, 6, 8, 10)
BASELINE_TUNED_ON = 100  # passages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--sets", default=",".join(SETS), help=f"comma-separated, of: {', '.join(SETS)}")
    parser.add_argument("--passages", type=int, default=200, help="of each set")
    parser.add_argument("--prompt", help="prompt, where not the one made for the model")
    parser.add_argument("--skip", default="", help="baselines to leave out, comma-separated")
    parser.add_argument("--kept", type=Path, help="file that keeps what the model and the baselines wrote")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    options = parser.parse_args()
    matcher, engine, rows = Matcher(), load(CTranslate2Config()), list[Row]()
    keep = keeping(options.kept)
    for name in options.sets.split(","):
        tune = labelled(options.data, name, "tune", BASELINE_TUNED_ON)
        test = labelled(options.data, name, "test", options.passages)
        labels = [passage.labels for passage in test]
        within = partial(_within, keep, f"{name}, {len(test)} passages: ")
        found = atlas_tags(engine, options.prompt or default_prompt(engine.model), test, within)
        for system, extract in baselines(tune).items():
            if system.removeprefix("baseline-") not in options.skip.split(","):
                found[system] = within(system, partial(best_count, matcher, extract, tune, test))
        rows += [row(name, system, matcher.all(tags, labels)) for system, tags in found.items()]
        finish(rows[-len(found) :], None)
    finish(rows, options.json)


def row(dataset: str, system: str, found: Sequence[Matches]) -> Row:
    low, high = interval(found)
    mean = sum(matches.tags for matches in found) / len(found)
    base = {"benchmark": "tag_quality", "dataset": dataset, "system": system, "tags": round(mean, 1)}
    return base | scores(found) | {"f1_low": low, "f1_high": high}


def keeping(path: Path | None) -> Keep:
    """Tags by name from a file, and into it."""
    known: dict[str, Tags] = json.loads(path.read_text()) if path and path.is_file() else {}

    def keep(name: str, get: Callable[[], Tags]) -> Tags:
        if name not in known:
            known[name] = get()
            if path:
                path.write_text(json.dumps(known))
        return known[name]

    return keep


def _within(keep: Keep, prefix: str, name: str, get: Callable[[], Tags]) -> Tags:
    return keep(prefix + name, get)


def atlas_tags(engine: Engine, prompt: str, passages: Sequence[Labelled], keep: Keep) -> dict[str, Tags]:
    """Atlas's topics as the tag stage makes them, and the model's alone."""
    asked = asking(prompt)
    texts = [passage.text for passage in passages]

    def write() -> Tags:
        return [tagged.tags["content"] for tagged in tag_passages(texts, engine, asked.about("content"), asked.again)]

    alone = keep(f"{prompt} {of_json([[q.static, q.after] for q in asked.about('content')])}", write)
    if asked.topics is None:
        return {"atlas": alone}
    return {"atlas": chooser(asked.topics)(texts, alone), "atlas-model-alone": alone}


def best_count(
    matcher: Matcher, extract: Callable[[Sequence[str]], Tags], tune: Sequence[Labelled], test: Sequence[Labelled]
) -> Tags:
    """A baseline's tags, as many of each passage as were best on the tune half."""
    tried = extract([passage.text for passage in tune])
    labels = [passage.labels for passage in tune]

    def f1_of(count: int) -> float:
        return scores(matcher.all([tags[:count] for tags in tried], labels))["f1"]

    best = max(BASELINE_COUNTS, key=f1_of)
    return [tags[:best] for tags in extract([passage.text for passage in test])]


def baselines(tune: Sequence[Labelled]) -> dict[str, Callable[[Sequence[str]], Tags]]:
    """Keyword extractors by name; each returns up to ten phrases a passage, best first."""
    return {
        "baseline-tfidf": partial(tfidf, [passage.text for passage in tune]),
        "baseline-yake": yake,
        "baseline-keybert": keybert,
    }


def tfidf(tune: Sequence[str], texts: Sequence[str]) -> Tags:
    """Word n-grams (1 to 3) of highest weight; document frequencies from both halves' texts, as nothing is labelled."""
    model = TfidfVectorizer(ngram_range=(1, 3), stop_words="english", sublinear_tf=True)
    weights = model.fit([*tune, *texts]).transform(texts)
    names = model.get_feature_names_out()
    found = []
    for number in range(weights.shape[0]):
        line = weights[number]
        best = sorted(zip(-line.data, line.indices, strict=True))[: max(BASELINE_COUNTS)]
        found.append([str(names[index]) for _, index in best])
    return found


def yake(texts: Sequence[str]) -> Tags:
    from yake import KeywordExtractor

    extractor = KeywordExtractor(n=3, top=max(BASELINE_COUNTS))
    return [[phrase for phrase, _ in extractor.extract_keywords(text)] for text in texts]


def keybert(texts: Sequence[str]) -> Tags:
    from keybert import KeyBERT

    model = KeyBERT(encoder(ENCODER)._model)
    options = {"keyphrase_ngram_range": (1, 2), "stop_words": "english", "use_mmr": True, "diversity": 0.5}
    found = model.extract_keywords(list(texts), top_n=max(BASELINE_COUNTS), **options)
    return [[phrase for phrase, _ in phrases] for phrases in found]


if __name__ == "__main__":
    main()
