"""Real ears: pocketsphinx with a trigram model of the bot's own phrases (optional extra).

Not for open speech: word error 0.36 to 0.77 with the bundled model. With the phrase list, recombined
phrases are heard with a word error of 0.02 to 0.06, and anything else is mostly rejected.
"""

import re
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from loguru import logger

from services.rehearsal.ears import Utterance, Word
from services.rehearsal.g2p import pronounce

REJECT = 0.7  # mean word posterior: phrases p10 0.81, other speech p90 0.60 (measured, espeak)
SEED = 1
NOISE = 60.0  # sigma added to the signal: digital silence ruins cepstral features
# Cepstral mean of close-talk speech, so that the first utterance is heard too.
CMN = "55.4,-5.9,-4.5,7.4,-6.3,-4.7,0.1,-10.6,-4.7,-4.0,-0.9,1.4,-5.5"


def available() -> bool:
    """Whether pocketsphinx is installed."""
    try:
        import pocketsphinx  # noqa: F401
    except ImportError:
        return False
    return True


class Lexicon:
    """The dictionary and language model of a phrase list, on disk for the decoders to load.

    Attributes:
        guessed: Words pronounced by g2p, because the dictionary does not know them.
    """

    def __init__(self, phrases: Iterable[str]):
        from pocketsphinx import get_model_path
        from pocketsphinx.lm import ArpaBoLM

        self._folder = tempfile.TemporaryDirectory(prefix="rehearsal-ears-")
        self.acoustics = get_model_path("en-us/en-us")
        self.dictionary = str(Path(self._folder.name, "words.dict"))
        self.model = str(Path(self._folder.name, "phrases.lm"))
        sentences = [re.sub(r"[^a-z' ]", " ", phrase.lower()).split() for phrase in phrases]
        unknown = {word for sentence in sentences for word in sentence}
        vocabulary = frozenset(unknown)
        with (
            open(get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8") as known,
            open(self.dictionary, "w", encoding="utf-8") as chosen,
        ):
            for entry in known:
                word = entry.split(" ", 1)[0].split("(", 1)[0]
                if word in vocabulary:
                    chosen.write(entry)
                    unknown.discard(word)
            self.guessed = [word for word in sorted(unknown) if pronounce(word)]
            chosen.writelines(f"{word} {pronounce(word)}\n" for word in self.guessed)
        if deaf := sorted(unknown - set(self.guessed)):
            logger.warning(
                f"The rehearsal ears cannot hear {', '.join(deaf)}: not in the dictionary, and "
                "espeak-ng is not installed to pronounce them. Install the offline extra."
            )
        arpa = ArpaBoLM(text="\n".join(" ".join(s) for s in sentences), add_start=True)
        arpa.compute()
        arpa.write_file(self.model)

    def decoder(self, **options):
        """Return a new decoder for this lexicon."""
        from pocketsphinx import Config, Decoder

        return Decoder(
            Config(
                lm=self.model,
                dict=self.dictionary,
                hmm=self.acoustics,
                loglevel="FATAL",
                dither=True,
                seed=SEED,
                **options,
            )
        )


@lru_cache(maxsize=16)
def lexicon(phrases: tuple[str, ...]) -> Lexicon:
    """Return the lexicon of a phrase list, built once (about 0.1 s)."""
    return Lexicon(phrases)


class SphinxEars:
    """One connection's ears, always fresh: the cepstral mean of a caller would leak to the next.

    One decoder streams and gives partials; a second one hears the whole utterance again for the
    final, with better accuracy: 0.16 s of CPU for a line of 3 s. A decoder takes 30 ms and 6 MB.
    """

    def __init__(self, phrases: tuple[str, ...]):
        words = lexicon(phrases)
        self._stream = words.decoder(fwdflat=False, bestpath=False)
        self._stream.set_cmn(CMN)
        self._whole = words.decoder()
        self._noise = np.random.default_rng(SEED)
        self._running = False
        self._fresh = True

    def accept(self, frame: np.ndarray) -> None:
        """Take a frame of the open utterance."""
        if self._fresh:
            if self._running:
                self._stream.end_utt()
            self._stream.start_utt()
            self._running, self._fresh = True, False
        self._stream.process_raw(with_noise(frame, self._noise))

    def partial(self) -> list[Word]:
        """Return the words so far, timed from the start of the utterance; posteriors come later."""
        return heard(self._stream) if self._stream.hyp() else []

    def decode(self, utterance: Utterance) -> list[Word]:
        """Return the words of a whole utterance, or none where they are not from the phrases."""
        self._whole.start_utt()
        noise = np.random.default_rng(SEED)  # the same audio is always heard the same
        self._whole.process_raw(with_noise(utterance.audio, noise), full_utt=True)
        self._whole.end_utt()
        words = heard(self._whole, offset=utterance.start)
        if words and np.mean([word.confidence for word in words]) < REJECT:
            return []
        return words

    def reset(self) -> None:
        """End the open utterance."""
        self._fresh = True


def with_noise(samples: np.ndarray, noise: np.random.Generator) -> bytes:
    """Return int16 samples with a noise floor."""
    noisy = samples.astype(np.float32) + noise.normal(0, NOISE, len(samples))
    return np.clip(noisy, -32768, 32767).astype(np.int16).tobytes()


def heard(decoder, *, offset: float = 0.0) -> list[Word]:
    """Return a decoder's words without its fillers and variant numbers."""
    return [
        Word(
            re.sub(r"\(\d+\)$", "", segment.word),
            offset + segment.start_frame / 100,
            offset + segment.end_frame / 100,
            min(1.0, max(0.0, segment.prob)),
        )
        for segment in decoder.seg() or []
        if not segment.word.startswith(("<", "["))
    ]
