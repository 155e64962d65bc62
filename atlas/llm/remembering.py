"""An engine that asks for nothing twice, for a caller that may have to begin again."""

from collections import OrderedDict
from collections.abc import Sequence

from atlas.llm.base import Completion, Engine, Prompt, Sampling

KEPT = 1 << 14  # answers; the largest unit of work with all its questions

Key = tuple[Prompt, str]


class RememberingEngine:
    """Passes prompts on to ``engine`` unless it has answered them lately; failures are remembered as well.

    Where one record of a batch can't be processed, the runner halves the batch until that record stands alone: the
    others are then not paid for again. Prompts that are equal are asked once.
    """

    def __init__(self, engine: Engine, kept: int = KEPT) -> None:
        self.name, self.model = engine.name, engine.model
        self._engine = engine
        self._kept = kept
        self._answers: OrderedDict[Key, Completion] = OrderedDict()

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        how = repr(sampling)
        keys = [(prompt, how) for prompt in prompts]
        known = {key: self._answers[key] for key in keys if key in self._answers}
        new = list(dict.fromkeys(key for key in keys if key not in known))
        if new:
            known.update(zip(new, self._engine.complete([prompt for prompt, _ in new], sampling), strict=True))
            self._answers.update((key, known[key]) for key in new)
        while len(self._answers) > self._kept:
            self._answers.popitem(last=False)
        return [known[key] for key in keys]

    def close(self) -> None:
        self._engine.close()
