"""What discriminators see: changes of the papers' kinds and ranges, which gradients pass through."""

import math
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from atelier.models.augment import AdaptiveAugment, Augmentation, change_colour, cut_out, diff_augment, resample, translate

GREY_AND_COLOUR = pytest.mark.parametrize("channels", [1, 3])


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def pictures(n: int = 8, channels: int = 3, size: int = 16) -> Tensor:
    """Smooth, so that resampling loses little, and without symmetry."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    image = torch.stack([(0.8 * x + 0.2 * y), 0.6 * y * y - 0.4 * x, (0.5 * x * y + 0.3 * x)][:channels])
    return image.expand(n, channels, size, size).contiguous(memory_format=torch.channels_last)


def augmented(images: Tensor, policy: Augmentation) -> Tensor:
    return always()(images) if policy == "ada" else diff_augment(images, policy)


def always(p: float = 1.0) -> AdaptiveAugment:
    ada = AdaptiveAugment(target=0.6, interval=32)
    ada.p.fill_(p)
    return ada


# ---------------------------------------------------------------------------------------------------------------- all of them


@GREY_AND_COLOUR
@pytest.mark.parametrize("policy", get_args(Augmentation))
def test_gradients_pass_to_every_picture(policy: Augmentation, channels: int) -> None:
    images = pictures(32, channels).requires_grad_()
    result = augmented(images, policy)
    assert result.shape == images.shape
    (gradient,) = torch.autograd.grad(result.square().sum(), images)
    assert gradient.isfinite().all()
    assert (gradient.abs().amax(dim=(1, 2, 3)) > 0).all()


@GREY_AND_COLOUR
@pytest.mark.parametrize("policy", get_args(Augmentation))
def test_gradients_are_those_of_the_function(policy: Augmentation, channels: int) -> None:
    """All are linear in the pixels, up to an offset: gradients must turn a change of the picture into that of the result."""
    images, change, weights = pictures(4, channels).requires_grad_(), torch.randn(4, channels, 16, 16), torch.randn(4, channels, 16, 16)

    def weighed(images: Tensor) -> Tensor:
        torch.manual_seed(1)
        return (augmented(images, policy).double() * weights).sum()

    (gradient,) = torch.autograd.grad(weighed(images), images)
    with torch.no_grad():
        assert (gradient * change).sum().item() == pytest.approx((weighed(images + change) - weighed(images)).item(), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("policy", get_args(Augmentation))
def test_the_seed_decides_the_changes(policy: Augmentation) -> None:
    images, results = pictures(), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(augmented(images, policy))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2]) == (policy == "none")


# ---------------------------------------------------------------------------------------------------------------- DiffAugment


def test_none_is_the_images_themselves() -> None:
    images = pictures()
    assert diff_augment(images, "none") is images


@GREY_AND_COLOUR
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_translation_moves_whole_pixels_and_fills_with_zero(channels: int, layout: torch.memory_format) -> None:
    images = torch.arange(1.0, 1 + 256 * channels).reshape(1, channels, 16, 16).expand(64, -1, -1, -1).contiguous(memory_format=layout)
    moved = translate(images)
    # pixel (8, 8) shows where each image went: at most an eighth of the side, in both directions
    values = moved[:, 0, 8, 8].long() - 1
    rows, columns = values // 16 - 8, values % 16 - 8
    assert set(rows.tolist()) == set(columns.tolist()) == {-2, -1, 0, 1, 2}
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    for n, (dy, dx) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        assert torch.equal(moved[n], padded[n, :, 2 + dy : 18 + dy, 2 + dx : 18 + dx])


def test_colour_changes_are_within_the_paper_s_ranges() -> None:
    # The upper half is coloured with luma 0.5, the lower half grey with luma -0.5; so contrast is what luma shows, and chroma has both.
    images = torch.tensor([[1.0, -0.5], [0.5, -0.5], [0.0, -0.5]])[None, :, :, None].expand(4000, 3, 2, 1)
    changed = change_colour(images)
    luma = changed.mean(dim=1)[:, :, 0]  # [N, 2]
    brightness, contrast = luma.mean(dim=1), luma[:, 0] - luma[:, 1]
    saturation = (changed[:, 0, 0, 0] - changed[:, 2, 0, 0]) / contrast
    for found, low, high in ((brightness, -0.5, 0.5), (contrast, 0.5, 1.5), (saturation, 0.0, 2.0)):
        assert found.min().item() == pytest.approx(low, abs=0.01)
        assert found.max().item() == pytest.approx(high, abs=0.01)
        assert found.mean().item() == pytest.approx((low + high) / 2, abs=0.05)
    assert torch.stack([brightness, contrast, saturation]).corrcoef().sub(torch.eye(3)).abs().max() < 0.1  # each on its own
    assert torch.allclose(changed[:, 1], luma[:, :, None])  # what has the mean of its pixel keeps it


def test_grey_pictures_change_in_brightness_and_contrast() -> None:
    changed = change_colour(torch.tensor([0.5, -0.5])[None, None, :, None].expand(4000, 1, 2, 1))
    brightness, contrast = changed.mean(dim=(1, 2, 3)), changed[:, 0, 0, 0] - changed[:, 0, 1, 0]
    assert (brightness.min().item(), brightness.max().item()) == pytest.approx((-0.5, 0.5), abs=0.01)
    assert (contrast.min().item(), contrast.max().item()) == pytest.approx((0.5, 1.5), abs=0.01)


@pytest.mark.parametrize("size", [16, 64])
def test_cutout_takes_a_square_of_half_the_side_that_the_border_may_clip(size: int) -> None:
    holes = cut_out(torch.ones(4000, 3, size, size)) == 0
    assert torch.equal(holes[:, 0], holes[:, 1])
    holes = holes[:, 0]
    rows, columns = holes.any(dim=2).sum(dim=1), holes.any(dim=1).sum(dim=1)
    assert torch.equal(holes.sum(dim=(1, 2)), rows * columns)  # a rectangle
    for sides in (rows, columns):
        assert (sides.min().item(), sides.max().item()) == (size // 4, size // 2)
    along = [sum(max(0, min(size, m + size // 4) - max(0, m - size // 4)) for m in range(size + 1)) / (size + 1) / size] * 2
    assert holes.float().mean().item() == pytest.approx(math.prod(along), abs=0.005)
    assert holes.any(dim=0).all()  # anywhere


# ------------------------------------------------------------------------------------------------------------------------ ADA


@GREY_AND_COLOUR
@pytest.mark.parametrize("size", [16, 32, 64, 128, 256])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_at_strength_zero_the_picture_keeps_every_bit(channels: int, size: int, layout: torch.memory_format) -> None:
    images = torch.randn(4, channels, size, size).contiguous(memory_format=layout)
    assert torch.equal(always(p=0.0)(images), images)


@GREY_AND_COLOUR
def test_at_full_strength_every_picture_changes_and_stays_a_picture(channels: int) -> None:
    images = pictures(64, channels)
    changed = always()(images)
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert changed.isfinite().all()
    assert (changed - images).abs().amax(dim=(1, 2, 3)).min() > 0.01
    assert changed.abs().mean() < 3  # brightness and contrast may leave [-1, 1], as in the paper
    assert changed.std(dim=0).mean() > 0.1  # each in its own way


def test_strength_is_the_probability_of_each_change() -> None:
    ada = always(p=0.19)
    turns = ada.draw_geometry(20_000, 64)[:, 0, 1].abs() > 1e-5
    # Quarter turns in 0.19 of the images, odd ones of them in a half; then two turns that are each made in 0.1, together in 0.19.
    assert turns.float().mean().item() == pytest.approx(1 - (1 - 0.19 / 2) * 0.9 * 0.9, abs=0.01)
    scaled = torch.linalg.det(ada.draw_geometry(20_000, 64)[:, :, :2]).abs().sub(1).abs() > 1e-4
    assert scaled.float().mean().item() == pytest.approx(0.19, abs=0.01)
    for channels, choices in ((1, 0.81 * 0.81 * (1 - 0.19 / 2)), (3, 0.81**4 * (1 - 0.19 / 2))):
        matrix, offset = ada.draw_colour(20_000, channels)
        kept = (matrix == torch.eye(channels)).all(dim=(1, 2)) & (offset == 0)
        assert kept.float().mean().item() == pytest.approx(choices, abs=0.01)


def test_bfloat16_around_it_leaves_its_coordinates_alone() -> None:
    images = pictures()
    torch.manual_seed(1)
    plain = always()(images)
    torch.manual_seed(1)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(always()(images), plain)


def test_luma_may_flip_and_hue_may_turn_while_greys_stay_grey() -> None:
    matrix, offset = always().draw_colour(1000, 3)
    grey = matrix @ torch.ones(3) + offset[:, None]
    assert torch.allclose(grey, grey.mean(dim=1, keepdim=True).expand(-1, 3), atol=1e-4)
    luma = (matrix @ torch.ones(3))[:, 0]
    assert 0.4 < (luma < 0).float().mean() < 0.6
    # Chroma is turned by any angle, and scaled by contrast and saturation; never mirrored.
    red = matrix @ torch.tensor([2.0, -1.0, -1.0])
    assert red.sum(dim=1).abs().max() < 1e-3
    assert 0.4 < (red[:, 0] < 0).float().mean() < 0.6
    assert (torch.linalg.det(matrix) * luma > 0).all()


def test_geometry_has_the_paper_s_spread() -> None:
    theta = always().draw_geometry(4000, 64)
    turn, shift = theta[:, :, :2], theta[:, :, 2]
    assert 0.4 < (torch.linalg.det(turn) < 0).float().mean() < 0.6  # flips
    octaves = torch.linalg.det(turn).abs().log2() / 2
    assert octaves.mean().item() == pytest.approx(0, abs=0.02)
    assert octaves.std().item() == pytest.approx(0.2, abs=0.02)
    stretch = torch.linalg.svdvals(turn).log2()
    assert ((stretch[:, 0] - stretch[:, 1]) / 2).square().mean().sqrt().item() == pytest.approx(0.2, abs=0.02)
    # whole pixels within an eighth of the side, and Gaussian with an eighth of the side; the image is 2 across
    assert shift.std().item() == pytest.approx(2 * math.sqrt(0.125**2 + 0.125**2 / 3), rel=0.1)


def test_pixels_are_mirrored_at_the_border() -> None:
    images, theta = torch.randn(64, 3, 16, 16), always().draw_geometry(64, 16)
    grid = affine_grid(theta, [64, 3, 16, 16], align_corners=False)
    mirrored = grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    assert torch.allclose(resample(images, theta), mirrored, atol=1e-4)


def strengths(ada: AdaptiveAugment, logits: Tensor, calls: int) -> list[float]:
    found = []
    for _ in range(calls):
        ada.observe(logits)
        found.append(ada.p.item())
    return found


def test_strength_rises_while_the_discriminator_is_sure_and_moves_every_so_many_images() -> None:
    rising = strengths(always(p=0.0), torch.full((8, 1), 3.0), 12)
    assert rising == pytest.approx([0, 0, 0, 32 / 500_000] + [32 / 500_000] * 3 + [64 / 500_000] * 4 + [96 / 500_000])


def test_strength_falls_when_the_discriminator_is_not_sure_but_never_below_nothing() -> None:
    found = strengths(always(p=1.5 * 32 / 500_000), torch.linspace(-1, 1, 8)[:, None], 12)
    assert found[3::4] == pytest.approx([0.5 * 32 / 500_000, 0, 0], abs=1e-9)


def test_each_move_follows_from_the_pictures_since_the_last_one() -> None:
    ada = always(p=0.5)
    strengths(ada, torch.ones(8, 1), 4)
    strengths(ada, torch.linspace(-1, 1, 8)[:, None], 4)  # not sure any more: what came before does not count
    assert ada.p.item() == pytest.approx(0.5, abs=1e-7)


def test_strength_ends_at_one() -> None:
    ada = always(p=1.0)
    ada.observe(torch.ones(32, 1))
    assert ada.p.item() == 1.0


@pytest.mark.parametrize(("positive", "rises"), [(79, False), (81, True)])
def test_the_target_is_what_real_pictures_get_on_average(positive: int, rises: bool) -> None:
    ada = AdaptiveAugment(target=0.6, interval=100)  # 80 of 100 above zero: a mean sign of 0.6
    ada.p.fill_(0.5)
    logits = torch.cat([torch.ones(positive, 1), -torch.ones(100 - positive, 1)])
    for part in logits[torch.randperm(100)].chunk(4):
        ada.observe(part)
    assert (ada.p > 0.5).item() == rises


def test_a_logit_that_is_no_number_does_not_spoil_the_strength() -> None:
    ada = always(p=0.5)
    ada.observe(torch.full((32, 1), float("nan")))
    assert ada.p.item() == pytest.approx(0.5 - 32 / 500_000)
    ada.observe(torch.ones(32, 1))
    assert ada.p.item() == pytest.approx(0.5)


def test_a_checkpoint_carries_strength_and_what_it_follows_from() -> None:
    one, other = AdaptiveAugment(target=0.6, interval=32), AdaptiveAugment(target=0.6, interval=32)
    for _ in range(7):
        one.observe(torch.ones(8, 1))
    other.load_state_dict(one.state_dict())
    assert other.p.item() == one.p.item() > 0
    for ada in (one, other):
        ada.observe(torch.ones(8, 1))
    assert other.p.item() == one.p.item() == pytest.approx(64 / 500_000)


PROCESS = """
import sys, torch
from atelier.models.augment import AdaptiveAugment

rank, meeting = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
ada = AdaptiveAugment(target=0.4, interval=32)
for _ in range(2):
    ada.observe(torch.tensor([1.0] * 4 + [1.0 - 2.0 * rank] * 4))  # sure in the first process, undecided in the other: 0.5 in both
    print(ada.p.item() * 500_000, flush=True)
torch.distributed.destroy_process_group()
"""


def test_several_processes_have_one_strength(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROCESS]
    runs = [subprocess.Popen([*command, str(rank), (tmp_path / "meeting").as_uri()], stdout=subprocess.PIPE, text=True) for rank in (0, 1)]
    said = [run.communicate(timeout=100)[0].split() for run in runs]
    assert [[round(float(p)) for p in lines] for lines in said] == [[0, 32], [0, 32]]
