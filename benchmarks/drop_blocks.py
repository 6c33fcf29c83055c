"""학습을 마친 신경망에서 형태가 같은 블록을 하나씩 빼고 정확도를 잰다: 07_resnet 실험 5의 기준 모델 표.

    python -m cnnlab.training resnet20_cifar --epochs 10
    python benchmarks/drop_blocks.py data/runs/resnet20_cifar-<시각>.pt

잔차 블록은 지름길만 남기고, plain의 블록은 건너뛴다. 다시 학습시키지 않는다. 표는 Markdown이다.
"""

import argparse
from pathlib import Path

import torch
from torch import nn

import cnnlab
from cnnlab.training.augment import channel_stats, normalise
from cnnlab.training.checkpoints import load_checkpoint

STAGES = ("conv2_x", "conv3_x", "conv4_x")


@torch.no_grad()
def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    hits = sum(
        int((model(part).argmax(1) == label).sum())
        for part, label in zip(images.split(250), labels.split(250), strict=True)
    )
    return hits / len(labels)


def same_shape(block: nn.Module) -> bool:
    """들어오는 형태와 나가는 형태가 같은가: 첫 합성곱의 채널과 스트라이드로 안다."""
    first = next(m for m in block.modules() if isinstance(m, nn.Conv2d))
    return first.in_channels == first.out_channels and first.stride == (1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="블록을 하나씩 빼고 정확도를 잽니다.")
    parser.add_argument("checkpoints", nargs="+", type=Path, metavar="FILE.pt")
    parser.add_argument("--images", type=int, default=1000, help="시험 사진의 수(기본 1000)")
    options = parser.parse_args()
    data = cnnlab.load_cifar10()
    picked = torch.randperm(len(data.test_labels), generator=torch.Generator().manual_seed(0))[: options.images]
    images = normalise(data.test_images[picked], *channel_stats(data.train_images))
    labels = data.test_labels[picked]
    print(f"{data.name}, 시험 사진 {len(labels):,}장, CPU\n")
    print("| 기준 모델 | 모두 있을 때 | 가장 나쁜 것 | 가장 나은 것 | 블록마다 |\n|---|---|---|---|---|")
    for path in options.checkpoints:
        name = path.name.split("-")[0]
        model = cnnlab.models.build(name)
        model.load_state_dict(load_checkpoint(path)["result"]["model"])
        model.eval()
        found = {}
        for stage in STAGES:
            blocks = model.get_submodule(stage)
            for number, block in enumerate(blocks):
                if not same_shape(block):
                    continue
                blocks[number] = getattr(block, "shortcut", None) or nn.Identity()
                found[f"{stage}.{number}"] = accuracy(model, images, labels)
                blocks[number] = block
        each = ", ".join(f"{place} {value:.1%}" for place, value in found.items())
        whole = accuracy(model, images, labels)
        print(f"| {name} | {whole:.1%} | {min(found.values()):.1%} | {max(found.values()):.1%} | {each} |", flush=True)


if __name__ == "__main__":
    main()
