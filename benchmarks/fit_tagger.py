"""Fit the adapter of the default tagger (``atlas/models/adapters``): low-rank changes to the weights of a small model.

    python benchmarks/fit_tagger.py --data DIR --base CHECKPOINT [--out FILE] [--minutes 8] [--start ADAPTER]

Wants a GPU: minutes there, a day on a CPU. Three things are taught, each as the prompt ``--prompt`` asks it, without
examples:

1. topics, as people gave them: the tune halves of ``SHOWN``, beyond the first ``RESERVED`` passages of each, which
   stay for ``fit_choice.py``. Sets of which nothing may be shipped, or share-alike, teach nothing: for these it is
   measured what an adapter is worth on kinds of text that it never saw;
2. names, kinds of text and tones, as the model without an adapter answers the prompt ``--teacher``, with its examples
   and after all that ``parse.py`` refuses;
3. topics of passages from the middle of long documents, which nobody labelled, likewise.

Low-rank adaptation: Hu et al., 2021. It goes on for ``--minutes``, and the learning rate falls with the time.
"""

import argparse
import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from label_sets import PASSAGE_CHARS, SETS, labelled
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM

from atlas.llm.base import Completion
from atlas.llm.plain_text import PlainTokenizer, until_stop
from atlas.tables import FACETS
from atlas.tagging.question import Question, asking
from atlas.tagging.stage import Tagged, read

# Passages of a set at most, and how often each comes up: many labels take longer to learn, and some sets are small.
SHOWN = {
    "yso-abstracts": (4500, 2),
    "tib-core": (2500, 2),
    "debtags": (3000, 1),
    "arxiv-abstracts": (3000, 1),
    "openstax": (400, 3),
    "webdocs": (1000, 2),
    "code-thealgorithms": (1500, 1),
}
LONG = ("openstax", "webdocs", "code-thealgorithms", "books-standardebooks")  # give passages from their middle, too
RESERVED = 450  # passages of each set
DISTILLED = 500  # passages of a set to which the teacher answers
RANK, RATE, MINUTES, BATCH = 12, 1e-3, 8, 128
ENDING = 0.4  # what the end of a list of topics weighs: people's lists are short, and more is wanted to choose from
WARM_UP, DECAY, CLIP = 0.05, 0.01, 1.0
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TOLD = 50  # steps between two lines of progress
END = ".\n"  # of an answer, and each of both is a token


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is asked and what shall be answered, both in tokens, and what the answer's last tokens weigh."""

    asked: tuple[int, ...]
    answer: tuple[int, ...]
    ending: float


class Adapted(nn.Module):
    """A linear layer whose weights are changed by a product of low rank."""

    def __init__(self, whole: nn.Linear, rank: int) -> None:
        super().__init__()
        self.whole = whole
        place = whole.weight.device
        self.down = nn.Parameter(torch.randn(rank, whole.in_features, device=place) / whole.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(whole.out_features, rank, device=place))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(values, self.whole.weight + (self.up @ self.down).to(values.dtype))


class Speaker:
    """A checkpoint that answers questions as the engines do: nothing in a passage is special, a line's end ends it."""

    def __init__(self, folder: Path) -> None:
        self.place = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = PlainTokenizer(folder)
        dtype = torch.bfloat16 if self.place == "cuda" else torch.float32
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        self.model = model.to(self.place)
        self.model.requires_grad_(False)
        self.ending = [self.tokenizer.id(token) for token in self.tokenizer.ending(("\n",))]
        self.pad = self.ending[-1]

    def encode(self, question: Question, passage: str) -> tuple[int, ...]:
        prompt = question.about(passage)
        parts = (part for part in (prompt.static, prompt.text) if part)
        return (*self.tokenizer.front_ids, *(token for part in parts for token in self.tokenizer.encode(part).ids))

    @torch.inference_mode()
    def answers(self, question: Question, passages: Sequence[str], batch: int = 256) -> list[Tagged]:
        """The passages with what the model says of them."""
        self.model.eval()
        asked = [self.encode(question, passage) for passage in passages]
        found = [Tagged(passage, {facet: [] for facet in FACETS}, {}) for passage in passages]
        order = sorted(range(len(asked)), key=lambda number: len(asked[number]))
        for start in range(0, len(order), batch):
            numbers = order[start : start + batch]
            ids, mask = self._left_padded([asked[number] for number in numbers])
            said = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=question.sampling.max_tokens,
                do_sample=False,
                eos_token_id=self.ending,
                pad_token_id=self.pad,
            )[:, ids.shape[1] :]
            for number, tokens in zip(numbers, said.tolist(), strict=True):
                text, stopped = until_stop(self.tokenizer.decode(tokens), question.sampling.stop)
                stopped = stopped or any(token in self.ending for token in tokens)
                read(question, Completion(text, "stop" if stopped else "length"), found[number])
        return found

    def _left_padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        width = max(map(len, rows))
        ids = [[self.pad] * (width - len(row)) + list(row) for row in rows]
        mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
        return torch.tensor(ids, device=self.place), torch.tensor(mask, device=self.place)

    def adapt(self, rank: int) -> dict[str, Adapted]:
        """Put a change of low rank beside every linear layer of the blocks."""
        names = [name for name, _ in self.model.named_modules() if name.rsplit(".", 1)[-1] in LAYERS]
        adapted: dict[str, Adapted] = {}
        for name in names:
            parent, own = name.rsplit(".", 1)
            adapted[name] = Adapted(self.model.get_submodule(name), rank)
            setattr(self.model.get_submodule(parent), own, adapted[name])
        return adapted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument(
        "--base", type=Path, required=True, help="checkpoint (`atlas models path NAME --form checkpoint`)"
    )
    parser.add_argument("--out", type=Path, default=Path("adapter.safetensors"))
    parser.add_argument("--start", type=Path, help="adapter to go on from")
    parser.add_argument("--taught", type=Path, help="file that keeps the teacher's answers, for another fit")
    parser.add_argument("--prompt", default="tagger.v1")
    parser.add_argument("--teacher", default="smollm2.v2", help="prompt that the model without an adapter answers")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--rank", type=int, default=RANK)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--small", type=int, help="passages of a set, to try the script")
    options = parser.parse_args()
    torch.manual_seed(0)
    speaker = Speaker(options.base)
    people = given(options.data, options.small)
    teacher = taught(options.data, speaker, options.teacher, options.small or DISTILLED, options.taught)
    lessons = [lesson for found in (people, teacher) for lesson in as_lessons(found, speaker, options.prompt)]
    print(f"{len(people)} passages by people, {len(teacher)} answers by the teacher", flush=True)
    adapted = speaker.adapt(options.rank)
    for name, tensor in load_file(options.start).items() if options.start else ():
        layer, part = name.rsplit(".", 1)
        getattr(adapted[layer], part).data.copy_(tensor)
    fit(speaker, adapted, lessons, options)


Taught = list[tuple[str, dict[str, list[str]]]]  # a passage and its tags by facet


def given(data: Path, small: int | None) -> Taught:
    """Topics as people gave them: the more frequent ones of a set first, so from general to specific."""
    found: Taught = []
    for name, (most, times) in SHOWN.items():
        reserved = RESERVED if name in SETS else 0
        passages = labelled(data, name, "tune", reserved + (small or most))[reserved:]
        counts = Counter(label for passage in passages for label in passage.labels)
        for passage in passages:
            labels = sorted(filter(None, map(plain, passage.labels)), key=lambda label: -counts[label])
            found += [(passage.text, {"content": labels})] * times if labels else []
    return found


def plain(label: str) -> str:
    """A label without what explains it in brackets; nothing where a list could not hold it."""
    words = label.split("(")[0].strip(" .")
    return "" if any(mark in words for mark in ",;|:{}[]<>=\n") or not 2 <= len(words) <= 40 else words


def taught(data: Path, speaker: Speaker, prompt: str, most: int, kept: Path | None) -> Taught:
    """What the model says without an adapter; topics of passages that nobody labelled alone."""
    if kept and kept.is_file():
        return [(text, tags) for text, tags in json.loads(kept.read_text())]
    known = [p.text for name in SHOWN for p in labelled(data, name, "tune", RESERVED + most)[RESERVED:]]
    middle = [text for name in LONG for text in from_middle(data, name, most)]
    found: Taught = []
    for question in asking(prompt).questions:
        passages = middle if "content" in question.facets else [*known, *middle]
        for tagged in speaker.answers(question, passages):
            tags = {facet: tagged.tags[facet] for facet in question.facets}
            nothing_said = not any(tags.values())
            if all(tags.values()) or ("entity" in tags and nothing_said):
                found.append((tagged.passage, tags))
    if kept:
        kept.write_text(json.dumps(found))
    return found


def from_middle(data: Path, name: str, most: int) -> list[str]:
    """Passages of long documents that don't begin where the document does."""
    texts = pq.read_table(data / name / "open.parquet", columns=["text"])["text"].to_pylist()
    found = [
        text[start : start + PASSAGE_CHARS].split(" ", 1)[-1].rsplit(" ", 1)[0]
        for text in texts
        for start in range(PASSAGE_CHARS, min(len(text), 12 * PASSAGE_CHARS) - PASSAGE_CHARS // 2, 4 * PASSAGE_CHARS)
    ]
    return random.Random(0).sample(found, min(most, len(found)))


def as_lessons(found: Taught, speaker: Speaker, prompt: str) -> Iterator[Lesson]:
    by_facet = {question.facets[0]: question for question in asking(prompt).questions}
    for passage, tags in found:
        question = by_facet[next(iter(tags))]
        answer = speaker.tokenizer.encode(line(question, tags)).ids
        yield Lesson(speaker.encode(question, passage), tuple(answer), ENDING if "content" in tags else 1.0)


def line(question: Question, tags: dict[str, list[str]]) -> str:
    """An answer as it is taught, the line's end included."""
    if len(question.facets) == 1:
        return f" {', '.join(tags[question.facets[0]][: question.max_tags[question.facets[0]]]) or 'none'}{END}"
    first, *others = ((label, tags[facet][0]) for facet, label in zip(question.facets, question.labels, strict=True))
    return ". ".join([f" {first[1]}", *(f"{label}: {tag}" for label, tag in others)]) + END


def fit(speaker: Speaker, adapted: dict[str, Adapted], lessons: Sequence[Lesson], options: argparse.Namespace) -> None:
    parameters = [p for layer in adapted.values() for p in (layer.down, layer.up)]
    optimizer = torch.optim.AdamW(parameters, weight_decay=DECAY)
    generator = random.Random(0)
    speaker.model.train()
    start, losses = time.monotonic(), list[torch.Tensor]()
    while time.monotonic() < start + options.minutes * 60:
        for batch in in_batches(lessons, generator):
            done = (time.monotonic() - start) / (options.minutes * 60)
            if done >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = options.rate * min(done / WARM_UP, (1 + math.cos(math.pi * done)) / 2)
            loss = loss_of(speaker, batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, CLIP)
            optimizer.step()
            losses.append(loss.detach())
            if len(losses) % TOLD == 0:
                mean = torch.stack(losses[-TOLD:]).mean().item()
                print(f"{len(losses)} steps: loss {mean:.3f}, {time.monotonic() - start:.0f} s", flush=True)
    write(adapted, options)


def write(adapted: dict[str, Adapted], options: argparse.Namespace) -> None:
    tensors = {
        f"{name}.{part}": getattr(layer, part).detach().half().contiguous().cpu()
        for name, layer in adapted.items()
        for part in ("down", "up")
    }
    told = {"fitted on": ", ".join(SHOWN), "prompt": options.prompt, "script": "benchmarks/fit_tagger.py"}
    save_file(tensors, options.out, told)


def in_batches(lessons: Sequence[Lesson], generator: random.Random) -> list[list[Lesson]]:
    """Lessons of about one length together, in chance order: of every fifty batches, sorted by length."""
    mixed = generator.sample(lessons, len(lessons))
    found: list[list[Lesson]] = []
    for start in range(0, len(mixed), 50 * BATCH):
        pool = sorted(mixed[start : start + 50 * BATCH], key=lambda lesson: len(lesson.asked) + len(lesson.answer))
        found += [pool[at : at + BATCH] for at in range(0, len(pool), BATCH)]
    return generator.sample(found, len(found))


def loss_of(speaker: Speaker, batch: Sequence[Lesson]) -> torch.Tensor:
    """Weighted mean cross entropy of the answers' tokens."""
    width = max(len(lesson.asked) + len(lesson.answer) for lesson in batch)
    rows = [(*lesson.asked, *lesson.answer) for lesson in batch]
    ids = torch.tensor([[*row, *[speaker.pad] * (width - len(row))] for row in rows], device=speaker.place)
    weights = torch.zeros(ids.shape)
    for number, lesson in enumerate(batch):
        weights[number, len(lesson.asked) : len(rows[number])] = 1.0
        weights[number, len(rows[number]) - len(END) : len(rows[number])] = lesson.ending
    weights = weights[:, 1:].to(speaker.place)
    # No mask: what stands behind a row's end is not seen by what stands before.
    states = speaker.model.model(input_ids=ids).last_hidden_state[:, :-1]
    told = weights > 0
    logits = speaker.model.lm_head(states[told])  # of the answers' tokens alone: the vocabulary is wide
    losses = nn.functional.cross_entropy(logits.float(), ids[:, 1:][told], reduction="none")
    return (losses * weights[told]).sum() / weights.sum()


if __name__ == "__main__":
    main()
