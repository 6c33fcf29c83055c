"""기준 결과를 다시 만든다: 이름마다 명령줄 학습을 끝까지 하고, 그 곡선을 data/results에 쓴다.

    python benchmarks/reference.py --hardware "CPU 2코어" resnet20_cifar vgg11_cifar
    python benchmarks/reference.py --hardware "RTX 4090" --epochs 160 resnet20_cifar

설정은 Recipe의 기본값(미니배치 128, 학습률 0.05, 자르기와 뒤집기), 시드 0이다. 멈추었다 다시 실행하면 이어 간다.
"""

import argparse
import sys

from cnnlab.models import names
from cnnlab.training import __main__ as training
from cnnlab.training import results
from cnnlab.training.runs import runs_folder

PRECISION = "bfloat16 channels_last"


def main() -> int:
    known = [name for name in names() if name.endswith("_cifar")]
    parser = argparse.ArgumentParser(description="CIFAR-10 형제들의 기준 결과를 다시 만듭니다.")
    parser.add_argument("models", nargs="+", choices=known, metavar="MODEL")
    parser.add_argument("--epochs", type=float, default=10)
    parser.add_argument("--precision", default=PRECISION)
    parser.add_argument("--hardware", required=True, help='학습시킨 컴퓨터(예: "CPU 2코어")')
    options = parser.parse_args()
    for name in options.models:
        folder = runs_folder() / "reference" / name
        more = ["--resume"] if list(folder.glob("*.pt")) else []
        settings = ["--epochs", str(options.epochs), "--precision", options.precision, "--folder", str(folder)]
        failed = training.main([name, *settings, *more])
        if failed:
            return failed
        curve = max(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        failed = results.main([str(curve), "--hardware", options.hardware])
        if failed:
            return failed
    return 0


if __name__ == "__main__":
    sys.exit(main())
