"""What a pipeline file means: which stages, over what, in what order."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas import verbs
from atlas.clock import Clock
from atlas.config import PipelineConfig
from atlas.errors import IncompleteRun
from atlas.runner.folder import SUMMARY
from atlas.runner.run import Execution, Result
from atlas.tagging.spending import Spent

GIB = 1 << 30
CROSS_VALIDATED_LEAST = 40  # below, a fold may have too few documents to train on
CROSS_VALIDATED_CHUNKS = 5000  # up to here, training four times more takes a minute or so


@dataclass(frozen=True, slots=True)
class Places:
    """Where a pipeline puts things."""

    sample: Path
    tags: Path
    library: Path
    annotator: Path
    annotations: Path
    evaluation: Path
    report: Path

    @classmethod
    def below(cls, out: str) -> "Places":
        root = Path(out)
        return cls(
            root / "sample.parquet",
            root / "tags",
            root / "library",
            root / "annotator",
            root / "annotations",
            root / verbs.EVALUATION,
            root / "report.html",
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pipeline run came to. ``seconds`` are of this run: steps already done take next to none."""

    places: Places
    tags: Result
    spent: Spent
    funnel: dict[str, int]
    card: dict[str, Any]
    evaluation: dict[str, Any]
    annotations: Result
    seconds: dict[str, float]


def run(config: PipelineConfig, hooks: verbs.Hooks = verbs.QUIET, *, verify: bool = False) -> Outcome:
    """Run every stage of a pipeline; what is already done and still right is kept.

    With ``verify``, tagged and annotated parts are kept only after every byte of them was read.

    Raises:
        IncompleteRun: a stage ended without an account of every record, or without any that came out.
    """
    places = Places.below(config.out)
    tagging, annotating = _executions(config, verify)  # settings that can't be are refused before any work
    clock = Clock()
    hooks.say("choosing the chunks to tag")
    size = config.tag.chunks_per_unit
    verbs.sample(config.corpus, config.chunk, config.tag.sample, size, places.sample, tag=config.tag)
    clock.lap("sample")
    hooks.say(f"tagging with {config.tag.engine.model}")
    tags = _sound(verbs.tag(places.sample, config.tag, places.tags, hooks, execution=tagging), places.tags)
    clock.lap("tag")
    _, funnel = verbs.canonicalize(places.tags, config.canonicalize, places.library, hooks)
    clock.lap("canonicalize")
    card = verbs.train(places.tags, places.library, config.chunk, config.train, places.annotator, hooks)
    clock.lap("train")
    few = CROSS_VALIDATED_LEAST <= tags.counts.records_out <= CROSS_VALIDATED_CHUNKS
    evaluation = verbs.evaluate(
        places.annotator, places.tags, places.library, places.evaluation, cross_validation=few, hooks=hooks
    )
    clock.lap("evaluate")
    hooks.say("annotating the corpus")
    annotate = config.annotate
    annotations = verbs.annotate(
        config.corpus,
        places.annotator,
        places.annotations,
        text=annotate.text,
        rejected=annotate.rejected,
        tokens=annotate.tokens,
        evidence=annotate.evidence,
        execution=annotating,
        hooks=hooks,
    )
    _sound(annotations, places.annotations)
    clock.lap("annotate")
    if _stale(places):
        hooks.say("writing the report")
        verbs.report(
            places.annotations,
            places.library,
            places.report,
            model=places.annotator,
            evaluation=places.evaluation,
            title=config.name,
            facts=_facts(config),
        )
    clock.lap("report")
    spent = verbs.spent(tags, config.tag, places.tags)
    return Outcome(places, tags, spent, funnel, card, evaluation, annotations, clock.seconds)


def _facts(config: PipelineConfig) -> dict[str, str]:
    words = config.canonicalize.words
    return {
        "corpus": config.corpus.path,
        "tagger": config.tag.engine.model,
        "prompt": config.tag.prompt_name,
        "sentence model": config.canonicalize.encoder,
        **({"words of concepts": f"{words.engine.model}, {words.prompt}"} if words else {}),
        "tokenizer": config.chunk.tokenizer,
    }


def _executions(config: PipelineConfig, verify: bool) -> tuple[Execution, Execution]:
    """How to tag and how to annotate."""
    tag, annotate = config.tag, config.annotate
    return (
        Execution(tag.executor, tag.workers, tag.address, max_workers=tag.max_workers, verify=verify),
        Execution(
            annotate.executor,
            annotate.workers,
            annotate.address,
            annotate.worker_cpus,
            annotate.worker_gpus,
            memory=int(annotate.worker_memory_gib * GIB),
            max_workers=annotate.max_workers,
            verify=verify,
        ),
    )


def _sound(result: Result, folder: Path) -> Result:
    if not result.sound:
        problems = "\n  ".join(result.problems())
        wrong = "nothing came out" if result.balanced else "the balance does not hold"
        raise IncompleteRun(f"{folder}: {wrong}:\n  {problems}\nMend the cause and run again.")
    return result


def _stale(places: Places) -> bool:
    """Whether the report is older than something that it shows, or not there."""
    if not places.report.is_file():
        return True
    shown = [
        places.evaluation,
        places.annotations / SUMMARY,
        *places.annotations.glob("parts/*"),
        *places.library.glob("*.yaml"),
    ]
    return max(path.stat().st_mtime_ns for path in shown) > places.report.stat().st_mtime_ns
