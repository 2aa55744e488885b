"""Train ``data/tagger.crf``: a conditional random field on our own dialogues. Run by hand.

::

    python -m sessions.phi.training.train [--dialogues 9000]
"""

import argparse
import time

from pycrfsuite import ItemSequence, Trainer  # pyright: ignore[reportAttributeAccessIssue]

from sessions.phi import cues
from sessions.phi.engine import PHIEngine
from sessions.phi.lexicon import DATA
from sessions.phi.tagger import KIND, features
from sessions.phi.tokens import split
from sessions.phi.training.dialogues import dialogues


def main() -> None:
    """Write dialogues, label them by rule, learn what the rules miss."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dialogues", type=int, default=9000)
    parser.add_argument("--iterations", type=int, default=90)
    args = parser.parse_args()
    engine = PHIEngine("balanced", tagger=None)
    trainer = Trainer(algorithm="lbfgs", verbose=False)
    began, turns = time.time(), 0
    for dialogue in dialogues(args.dialogues):
        for ask, text, spans in dialogue:
            words = split(text)
            if not len(words):
                continue
            gold = ["O"] * len(words)
            for start, end, label in spans:
                for i in range(len(words)):
                    if words.start[i] < end and words.end[i] > start:
                        gold[i] = KIND.get(label, "NUM")
            asked = cues.in_prompt(ask)
            engine.label(words, asked, frozenset())
            trainer.append(ItemSequence(features(words, asked)), gold)
            turns += 1
    print(f"{turns} turns, features in {time.time() - began:.0f} s")
    trainer.set_params(
        {
            "c1": 0.25,
            "c2": 0.02,
            "max_iterations": args.iterations,
            "feature.minfreq": 4,
            "feature.possible_transitions": True,
        }
    )
    path = DATA / "tagger.crf"
    trainer.train(str(path))
    print(f"{path.stat().st_size / 1e3:.0f} KB at {path}, {time.time() - began:.0f} s in all")


if __name__ == "__main__":
    main()
