"""R-precision: whether a picture can be told by its caption among others (Xu et al. 2018, AttnGAN, arXiv 1711.10485, section 4.1).

There by the networks that the generator learned from; here by a judge that had no part in its training: a ridge regression from features
of real pictures to embeddings of their captions brings both together, fitted on the real set.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from atelier.metrics.base import Evidence, Found, metric

CHOICES = 100  # captions, one of them the picture's own
TRIES = 20
RIDGE = 300.0


class Judge:
    """Features [N, D] → where their captions would be, [N, E]: a ridge regression of standardised features, fitted on pairs."""

    def __init__(self, features: Tensor, sentences: Tensor) -> None:
        x, y = features.double(), sentences.double()
        self.mean, self.deviation, self.centre = x.mean(dim=0), x.std(dim=0).clamp_min(1e-6), y.mean(dim=0)
        x = self.standard(x)
        self.weights = torch.linalg.solve(x.mT @ x + RIDGE * torch.eye(x.shape[1], dtype=x.dtype), x.mT @ (y - self.centre))

    def standard(self, features: Tensor) -> Tensor:
        return (features.double() - self.mean) / self.deviation

    def hits(self, features: Tensor, ids: Tensor, sentences: Tensor, *, seed: int) -> Tensor:
        """How often each picture's own caption is nearest to it, of `TRIES`: [N]. `ids` [N] say which of `sentences` [M, E] is its own."""
        found = normalize(self.standard(features) @ self.weights)
        nearness = found @ normalize(sentences.double() - self.centre).mT  # [N, M]
        own = nearness.gather(1, ids[:, None])
        generator = torch.Generator().manual_seed(seed)
        shares = torch.zeros(len(ids), dtype=torch.float64)
        for _ in range(TRIES):
            # Of the captions that others have, as often as they have them; the same caption is no other.
            others = ids[torch.randint(len(ids), (len(ids), CHOICES - 1), generator=generator)]
            rivals = nearness.gather(1, others).masked_fill(others == ids[:, None], -torch.inf)
            shares += (own > rivals.amax(dim=1, keepdim=True)).squeeze(1)
        return shares / TRIES


@metric(
    "r_precision",
    "R-precision",
    better="higher",
    paper="https://arxiv.org/abs/1711.10485",
    needs=("real", "captions"),
    least=CHOICES,
    original="",
)
def r_precision(evidence: Evidence) -> Found:
    """How often, among 100 captions, the one that a picture was drawn from is nearest to it; by chance in 1 % of cases.

    Beside it, what real pictures get, each half judged by a regression on the other half: what perfect pictures would get. The error is
    that over pictures, the judge taken as it is.
    """
    real, generated, read = evidence.real, evidence.generated, evidence.read
    assert real.captions is not None
    assert generated.captions is not None
    assert read is not None
    texts = list(dict.fromkeys([*real.captions, *generated.captions]))
    if len(texts) < 2:
        raise ValueError("all captions are the same, so that no picture can be told by its own")
    place = {text: index for index, text in enumerate(texts)}
    sentences = read(texts)
    theirs, own = (torch.tensor([place[text] for text in captions]) for captions in (real.captions, generated.captions))
    hits = Judge(real.features, sentences[theirs]).hits(generated.features, own, sentences, seed=evidence.seed)
    halves = torch.randperm(len(theirs), generator=torch.Generator().manual_seed(evidence.seed)).tensor_split(2)
    of_real = [
        Judge(real.features[fitted], sentences[theirs[fitted]]).hits(real.features[judged], theirs[judged], sentences, seed=evidence.seed)
        for fitted, judged in (halves, halves[::-1])
    ]
    details = {
        "real": float(torch.cat(of_real).mean()),
        "chance": 1 / CHOICES,
        "captions": len(texts),
        "error_by": "deviation over the root of N",
    }
    conventions = {"choices": CHOICES, "tries": TRIES, "ridge": RIDGE, "sentences": evidence.reader}
    return Found(float(hits.mean()), float(hits.std() / len(hits) ** 0.5), conventions, details)
